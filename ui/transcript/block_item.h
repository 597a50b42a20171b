// One rectangle of the transcript: a paragraph, a code block, a table, a picture, a card. Laid out for a width when it
// comes into view and kept; until then its height is an estimate. Buttons inside are hot spots that the view activates
// by mouse, keyboard and screen reader alike.
#pragma once

#include "ui/theme/theme.h"
#include "ui/transcript/text_fonts.h"

#include <QFont>
#include <QPainter>
#include <QPoint>
#include <QRect>
#include <QString>
#include <QVector>

#include <memory>

namespace facet::ui {

class CodeItem;
class PictureCache;
class TableItem;

// What layout and painting need to know of the view.
struct Look {
    // fonts: null makes those of `base`. laidOut: adds up what layouts cost (BlockItem::layoutCost); may be null.
    Look(const QFont &base, const Theme *colours, PictureCache *cache, qreal pixelRatio = 1, qsizetype *cost = nullptr,
         std::shared_ptr<const TextFonts> made = {})
        : fonts(made ? std::move(made) : std::make_shared<const TextFonts>(base)), theme(colours), pictures(cache),
          devicePixelRatio(pixelRatio), laidOut(cost) {}

    const TextFonts::Face &face(TextFonts::Kind kind) const { return fonts->face(kind); }
    const QFont &font(TextFonts::Kind kind) const { return fonts->font(kind); }

    std::shared_ptr<const TextFonts> fonts;
    const Theme *theme;
    PictureCache *pictures;
    qreal devicePixelRatio;
    qsizetype *laidOut;
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
    bool isLaidOut(int width) const { return m_valid && m_width == width; }
    bool hasLayout() const { return m_width >= 0; } // for some width, maybe in other colours: it can be painted
    bool layoutFor(int width, const Look &look); // true: something was laid out
    void invalidate() {
        m_valid = false;
        m_estimatedFor = -1;
    }
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
    // What a layout costs, in characters of a plain paragraph; the view lays out so many in one step.
    virtual qsizetype layoutCost() const { return text().size() + 40; }

    int m_width = -1, m_height = 0;
    int m_gapBefore = space::kM;
    bool m_valid = false; // the layout for m_width still holds
    mutable int m_estimatedFor = -1, m_estimate = 0; // a long message asks for thousands of estimates a frame
};

// Draws a hot spot in its state at the item's origin.
void paintSpot(QPainter &painter, const QPoint &origin, const HotSpot &spot, const PaintState &state, int index);
// Width that a spot with a written label needs.
int spotWidth(const HotSpot &spot, const QFont &small); // in the font that labels are written in

} // namespace facet::ui
