// One rectangle of the transcript: a paragraph, a code block, a table, a picture, a card. Laid out for a width when it
// comes into view and kept; until then its height is an estimate. Buttons inside are hot spots that the view activates
// by mouse, keyboard and screen reader alike.
#pragma once

#include "ui/theme/theme.h"

#include <QFont>
#include <QPainter>
#include <QPoint>
#include <QRect>
#include <QString>
#include <QVector>

namespace facet::ui {

class CodeItem;
class PictureCache;
class TableItem;

// What layout and painting need to know of the view.
struct Look {
    QFont font;
    const Theme *theme = nullptr;
    PictureCache *pictures = nullptr;
    qreal devicePixelRatio = 1;
    qsizetype *laidOut = nullptr; // adds up what layouts cost, for tests
};

enum class SpotAction {
    CopyCode,
    ToggleCode,
    ToggleThinking,
    OpenPicture,
    CopyMarks,
    DenyTool,
    AllowTool,
    CopyMessage,
    EditMessage,
    Regenerate,
    OlderVersion,
    NewerVersion
};
enum class SpotStyle { Icon, Button, Primary, Bare }; // Bare: drawn by the item itself

struct HotSpot {
    SpotAction action = SpotAction::CopyMessage;
    SpotStyle style = SpotStyle::Icon;
    QRect rect;    // in the item's coordinates
    QString label; // written on it, or its accessible name
    QString icon;
    QString argument;     // call id, file path
    bool onHover = false; // shown only while the message is hovered or focused
};

struct FoundRange {
    int from = 0, to = 0;
    bool current = false;
};

struct PaintState {
    const Look &look;
    QRect clip; // what has to be painted, in the painter's coordinates
    int selectedFrom = 0, selectedTo = 0;
    QVector<FoundRange> found;
    int hoveredSpot = -1, focusedSpot = -1;
    bool messageActive = false; // hovered or focused: show the quiet buttons
    QPoint mouse{-1, -1};       // in the item's coordinates, (-1, -1): elsewhere
};

class BlockItem {
public:
    BlockItem() = default;
    virtual ~BlockItem() = default;
    BlockItem(const BlockItem &) = delete;
    BlockItem &operator=(const BlockItem &) = delete;

    // Exact after layoutFor(width), estimated before.
    int heightFor(int width, const Look &look) const;
    bool isLaidOut(int width) const { return m_width == width; }
    bool layoutFor(int width, const Look &look); // true: something was laid out
    void invalidate() { m_width = m_estimatedFor = -1; }
    int gapBefore() const { return m_gapBefore; }
    void setGapBefore(int gap) { m_gapBefore = gap; }

    virtual int naturalWidth() const { return m_width; } // of what is laid out
    virtual void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const = 0;
    virtual QVector<HotSpot> hotSpots() const { return {}; }
    virtual bool mayHaveSpots() const { return true; }
    virtual CodeItem *asCode() { return nullptr; } // cheaper than a cast: asked of thousands of items a frame
    virtual TableItem *asTable() { return nullptr; }

    // Text that can be selected and searched; offsets are UTF-16 units of text().
    virtual QString text() const { return {}; }
    virtual QString copied(int from, int to, bool asMarkdown) const;
    virtual int offsetAt(const QPoint &) const { return 0; }
    virtual QRect caretRect(int) const { return {0, 0, 1, m_height}; }
    virtual QString linkAt(const QPoint &) const { return {}; }
    virtual QString toolTipAt(const QPoint &) const { return {}; }

protected:
    virtual int doLayout(int width, const Look &look) = 0; // returns the height
    virtual int estimate(int width, const Look &look) const = 0;
    virtual qsizetype layoutCost() const { return text().size(); } // characters that a layout has to shape

    int m_width = -1, m_height = 0;
    int m_gapBefore = space::kM;
    mutable int m_estimatedFor = -1, m_estimate = 0; // a long message asks for thousands of estimates a frame
};

// Draws a hot spot in its state at the item's origin.
void paintSpot(QPainter &painter, const QPoint &origin, const HotSpot &spot, const PaintState &state, int index);
// Width that a spot with a written label needs.
int spotWidth(const HotSpot &spot, const QFont &font);

} // namespace facet::ui
