// A code block: language, Copy, coloured lines. Rows are counted with arithmetic (the font has one width), so that ten
// thousand lines cost as little as ten; only the rows in sight are coloured and drawn.
#pragma once

#include "ui/markdown/blocks.h"
#include "ui/markdown/highlight.h"
#include "ui/transcript/block_item.h"

namespace facet::ui {

class CodeItem : public BlockItem {
public:
    explicit CodeItem(markdown::Block block);

    // Takes a longer version of the same block without laying out again what is there. False: another block.
    bool grow(const markdown::Block &block);
    // Folded: only the head is shown, with this summary ("4 boxes").
    void setFolded(bool folded, const QString &summary);
    bool isFolded() const { return m_folded; }
    const markdown::Block &block() const { return m_block; }
    int laidOutLines() const { return m_laidOutLines; } // lines broken into rows so far, for tests

    CodeItem *asCode() override { return this; }
    int naturalWidth() const override { return m_width; }
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;
    QVector<HotSpot> hotSpots() const override;
    QString text() const override { return m_shown; }
    QString copied(int from, int to, bool asMarkdown) const override;
    int offsetAt(const QPoint &position) const override;
    QRect caretRect(int offset) const override;

protected:
    int doLayout(int width, const Look &look) override;
    int estimate(int width, const Look &look) const override;
    qsizetype layoutCost() const override { return m_lines.size() / 8 + 4; } // rows are counted, not shaped

private:
    struct Line {
        int start = 0, length = 0, firstRow = 0;
        markdown::LineState state = markdown::LineState::Normal; // before this line
    };
    struct Row {
        int start = 0, length = 0, line = 0;
    };
    void splitLines(int fromLine);
    void breakRows(int fromLine);
    qreal xOf(const Row &row, int column) const;
    void paintRow(QPainter &painter, const QPointF &at, const Row &row, const QVector<markdown::TokenSpan> &tokens,
                  const PaintState &state) const;

    markdown::Block m_block;
    QString m_shown; // text with tabs as spaces
    QVector<Line> m_lines;
    QVector<Row> m_rows;
    QFont m_font, m_labelFont;
    qreal m_charWidth = 8, m_baseline = 0; // m_baseline: below the middle of a row
    int m_rowHeight = 18, m_columns = 80, m_laidOutLines = 0, m_left = 0;
    bool m_folded = false;
    QString m_summary;
};

} // namespace facet::ui
