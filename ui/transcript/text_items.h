// Blocks of words: paragraphs, headings, list text, quotes; rules; tables.
#pragma once

#include "ui/markdown/blocks.h"
#include "ui/transcript/block_item.h"

#include <QTextLayout>

#include <memory>
#include <vector>

namespace facet::ui {

// A rich text laid out in lines of our own spacing.
class RichLayout {
public:
    void setText(const markdown::RichText &text, const QFont &font, const Look &look, const QColor &ink,
                 Qt::Alignment align = Qt::AlignLeft);
    int layOut(int width); // returns the height
    int naturalWidth() const { return m_naturalWidth; }
    int idealWidth() const; // on one line
    void draw(QPainter &painter, const QPointF &at, const PaintState &state,
              int offset = 0) const; // offset: of this text in its item
    int offsetAt(const QPointF &position) const;
    QRect caretRect(int offset) const;
    int length() const { return int(m_layout.text().size()); }

private:
    QTextLayout m_layout;
    int m_naturalWidth = 0;
};

class TextItem : public BlockItem {
public:
    enum class Tone { Plain, Thought };
    explicit TextItem(markdown::Block block, Tone tone = Tone::Plain);

    const markdown::Block &block() const { return m_block; }
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
};

class RuleItem : public BlockItem {
public:
    void paint(QPainter &painter, const QPoint &origin, const PaintState &state) const override;

protected:
    int doLayout(int, const Look &) override { return 17; }
    int estimate(int, const Look &) const override { return 17; }
};

class TableItem : public BlockItem {
public:
    explicit TableItem(markdown::Block block);

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

    markdown::Block m_block;
    QString m_text; // cells joined by tabs, rows by line breaks
    std::vector<std::unique_ptr<Cell>> m_cells;
    QVector<int> m_rowTops;
    int m_tableWidth = 0;
};

} // namespace facet::ui
