// Blocks of words: paragraphs, headings, list text, quotes; rules; tables.
#pragma once

#include "ui/markdown/blocks.h"
#include "ui/transcript/block_item.h"

#include <QTextLayout>

#include <memory>
#include <vector>

namespace facet::ui {

constexpr qreal kTextLeading = 1.42; // line height in font heights of plain text
constexpr int kListStep = 26;        // indentation of a level of lists

// Target of the link at this character; empty: none.
QString linkIn(const markdown::RichText &text, int offset);

// A rich text laid out in lines of our own spacing.
class RichLayout {
public:
    void setText(const markdown::RichText &text, const TextFonts::Face &face, const Look &look, const QColor &ink,
                 Qt::Alignment align = Qt::AlignLeft);
    int layOut(int width); // returns the height
    int naturalWidth() const { return m_naturalWidth; }
    int height() const { return m_height; }
    void draw(QPainter &painter, const QPointF &at, const PaintState &state,
              int offset = 0) const; // offset: of this text in its item
    int offsetAt(const QPointF &position) const;
    QRect caretRect(int offset) const;
    int length() const { return int(m_layout.text().size()); }

private:
    QTextLayout m_layout;
    double m_lineHeight = 0; // of the font
    int m_naturalWidth = 0, m_height = 0;
};

class TextItem : public BlockItem {
public:
    enum class Tone { Plain, Thought };
    explicit TextItem(markdown::Block block, Tone tone = Tone::Plain);

    const markdown::Block &block() const { return m_block; }
    bool mayHaveSpots() const override { return false; }
    int naturalWidth() const override;
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QString text() const override { return m_block.text.text; }
    QString copied(int from, int to, bool asMarkdown) const override;
    int offsetAt(const QPoint &position) const override;
    QRect caretRect(int offset) const override;
    QString linkAt(const QPoint &position) const override;
    QString toolTipAt(const QPoint &position) const override { return linkAt(position); }

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int width, const Look &look) const override;

private:
    int textLeft() const;

    markdown::Block m_block;
    Tone m_tone;
    RichLayout m_layout;
    qsizetype m_breaks = 0; // line breaks that the text brings
};

class RuleItem : public BlockItem {
public:
    bool mayHaveSpots() const override { return false; }
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;

protected:
    int doLayout(int, const Look &) override { return 17; }
    int estimate(int, const Look &) const override { return 17; }
};

class TableItem : public BlockItem {
public:
    explicit TableItem(markdown::Block block);

    // A long table is several items. Gives each the widest cells of all of them, so that their columns agree, and whether
    // more rows follow below.
    void setShape(const QVector<markdown::RichText> &widest, bool goesOn);
    const markdown::Block &block() const { return m_block; }
    // Of each column the cell with most characters.
    const QVector<markdown::RichText> &widestCells() const { return m_widest; }

    bool mayHaveSpots() const override { return false; }
    TableItem *asTable() override { return this; }
    int naturalWidth() const override { return m_tableWidth; }
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QString text() const override { return m_text; }
    QString copied(int from, int to, bool asMarkdown) const override;
    int offsetAt(const QPoint &position) const override;
    QRect caretRect(int offset) const override;
    QString linkAt(const QPoint &position) const override;

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int width, const Look &look) const override;

private:
    struct Cell {
        RichLayout layout;
        QRect rect;
        int start = 0, row = 0, column = 0; // start: offset in m_text
    };
    const Cell *cellAt(const QPoint &position) const;
    QVector<int> columnWidths(int width, const Look &look);
    qsizetype layoutCost() const override;
    bool isHead(int row) const { return row == 0 && !m_block.continued; }

    markdown::Block m_block;
    QVector<markdown::RichText> m_widest, m_shape; // own; of the whole table if it is in several items
    bool m_goesOn = false;
    QString m_text; // cells joined by tabs, rows by line breaks
    std::vector<std::unique_ptr<Cell>> m_cells;
    QVector<int> m_rowTops;
    int m_tableWidth = 0;
};

} // namespace facet::ui
