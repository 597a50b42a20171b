#include "ui/transcript/text_items.h"

#include <QFontMetricsF>

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

constexpr qreal kLeading = 1.42; // line height in font heights of plain text
constexpr int kListStep = 26, kQuoteStep = 18;

QVector<QTextLayout::FormatRange> formatsOf(const markdown::RichText &text, const QFont &font, const Theme &theme) {
    QVector<QTextLayout::FormatRange> formats;
    for (const markdown::Span &span : text.spans) {
        QTextLayout::FormatRange range;
        range.start = span.start;
        range.length = span.length;
        QTextCharFormat &format = range.format;
        if (span.style & markdown::Code) {
            QFont code = type::code(font);
            format.setFont(code);
            format.setBackground(theme.sunken);
        }
        if (span.style & markdown::Bold) format.setFontWeight(QFont::DemiBold);
        if (span.style & markdown::Italic) format.setFontItalic(true);
        if (span.style & markdown::Strike) format.setFontStrikeOut(true);
        if (!span.link.isEmpty()) {
            format.setForeground(theme.accent);
            format.setFontUnderline(true);
        }
        formats.append(range);
    }
    return formats;
}

QString linkIn(const markdown::RichText &text, int offset) {
    for (const markdown::Span &span : text.spans) {
        if (offset >= span.start && offset < span.start + span.length) {
            return span.link;
        }
    }
    return {};
}

} // namespace

void RichLayout::setText(const markdown::RichText &text, const QFont &font, const Look &look, const QColor &ink,
                         Qt::Alignment align) {
    m_layout.clearLayout();
    m_layout.setText(text.text);
    m_layout.setFont(font);
    m_layout.setCacheEnabled(true);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    option.setAlignment(align);
    m_layout.setTextOption(option);
    QTextLayout::FormatRange base;
    base.start = 0;
    base.length = int(text.text.size());
    base.format.setForeground(ink);
    QVector<QTextLayout::FormatRange> formats{base};
    formats += formatsOf(text, font, *look.theme);
    m_layout.setFormats(formats);
}

int RichLayout::layOut(int width) {
    qreal y = 0, widest = 0;
    const qreal step = std::ceil(QFontMetricsF(m_layout.font()).height() * kLeading);
    m_layout.beginLayout();
    for (QTextLine line = m_layout.createLine(); line.isValid(); line = m_layout.createLine()) {
        line.setLineWidth(std::max(1, width));
        const qreal room = std::max(step, line.height() + 2);
        line.setPosition({0, y + std::floor((room - line.height()) / 2)});
        y += room;
        widest = std::max(widest, line.naturalTextWidth());
    }
    m_layout.endLayout();
    m_naturalWidth = int(std::ceil(widest)) + 1;
    return int(std::ceil(y));
}

int RichLayout::idealWidth() const { return int(std::ceil(m_layout.maximumWidth())) + 1; }

void RichLayout::draw(QPainter &painter, const QPointF &at, const PaintState &state, int offset) const {
    QVector<QTextLayout::FormatRange> selections;
    const int length = int(m_layout.text().size());
    const auto add = [&](int from, int to, const QColor &ground) {
        const int begin = std::clamp(from - offset, 0, length), end = std::clamp(to - offset, 0, length);
        if (begin < end) {
            QTextLayout::FormatRange range;
            range.start = begin;
            range.length = end - begin;
            range.format.setBackground(ground);
            selections.append(range);
        }
    };
    for (const FoundRange &found : state.found) {
        add(found.from, found.to, found.current ? state.look.theme->matchCurrent : state.look.theme->match);
    }
    add(state.selectedFrom, state.selectedTo, state.look.theme->selection);
    m_layout.draw(&painter, at, selections, QRectF(state.clip));
}

int RichLayout::offsetAt(const QPointF &position) const {
    for (int i = 0; i < m_layout.lineCount(); ++i) {
        const QTextLine line = m_layout.lineAt(i);
        if (position.y() < line.y() + line.height() + 3 || i == m_layout.lineCount() - 1) {
            return line.xToCursor(position.x());
        }
    }
    return 0;
}

QRect RichLayout::caretRect(int offset) const {
    const QTextLine line = m_layout.lineForTextPosition(std::clamp(offset, 0, length()));
    if (!line.isValid()) {
        return {0, 0, 1, 16};
    }
    return QRectF(line.cursorToX(std::clamp(offset, 0, length())), line.y(), 1, line.height()).toAlignedRect();
}

TextItem::TextItem(markdown::Block block, Tone tone) : m_block(std::move(block)), m_tone(tone) {
    m_gapBefore = m_block.tight                                  ? 2
                  : m_block.kind == markdown::BlockKind::Heading ? (m_block.level <= 2 ? 22 : 16)
                                                                 : space::kM - 2;
}

int TextItem::textLeft() const {
    return m_block.quote * kQuoteStep + m_block.indent * kListStep + (m_tone == Tone::Thought ? 16 : 0);
}

int TextItem::doLayout(int width, const Look &look) {
    const bool heading = m_block.kind == markdown::BlockKind::Heading;
    const bool quiet = m_tone == Tone::Thought || m_block.quote > 0;
    const QFont font = heading                   ? type::heading(look.font, m_block.level)
                       : m_tone == Tone::Thought ? look.font
                                                 : type::body(look.font);
    m_layout.setText(m_block.text, font, look, quiet ? look.theme->muted : look.theme->text);
    return m_layout.layOut(std::max(40, width - textLeft()));
}

int TextItem::estimate(int width, const Look &look) const {
    const QFontMetricsF metrics(type::body(look.font));
    const double perLine = std::max(8.0, (width - textLeft()) / metrics.averageCharWidth());
    const double lines = std::max(1.0, std::ceil(double(m_block.text.text.size()) / perLine) +
                                           double(m_block.text.text.count(QChar(QChar::LineSeparator))));
    return int(lines * std::ceil(metrics.height() * kLeading));
}

int TextItem::naturalWidth() const { return textLeft() + m_layout.naturalWidth(); }

void TextItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    for (int i = 0; i < m_block.quote; ++i) {
        painter.fillRect(QRect(origin.x() + i * kQuoteStep + 2, origin.y() - (m_block.tight ? 2 : 0), 3, m_height),
                         theme.borderStrong);
    }
    if (m_tone == Tone::Thought) {
        painter.fillRect(QRect(origin.x() + 2, origin.y() - m_gapBefore, 2, m_height + m_gapBefore), theme.border);
    }
    if (!m_block.marker.isEmpty()) {
        painter.setFont(type::body(state.look.font));
        painter.setPen(m_block.marker.size() > 1 ? theme.muted : theme.text);
        const int top = origin.y() + m_layout.caretRect(0).top();
        const QRect place(origin.x() + textLeft() - kListStep - 30, top, kListStep + 22,
                          m_layout.caretRect(0).height());
        painter.drawText(place, Qt::AlignRight | Qt::AlignVCenter, m_block.marker);
    }
    m_layout.draw(painter, origin + QPoint(textLeft(), 0), state);
}

QString TextItem::copied(int from, int to, bool asMarkdown) const {
    if (!asMarkdown) {
        const QString marker = from == 0 && !m_block.marker.isEmpty() ? m_block.marker + QLatin1Char(' ') : QString();
        return marker + BlockItem::copied(from, to, false);
    }
    if (from == 0 && to >= m_block.text.text.size()) {
        return markdown::markdownText(m_block);
    }
    return markdown::markdownText(m_block.text, from, to - from);
}

int TextItem::offsetAt(const QPoint &position) const { return m_layout.offsetAt(position - QPoint(textLeft(), 0)); }

QRect TextItem::caretRect(int offset) const { return m_layout.caretRect(offset).translated(textLeft(), 0); }

QString TextItem::linkAt(const QPoint &position) const {
    const int offset = offsetAt(position);
    for (const int candidate : {offset, offset - 1}) {
        const QRect caret = caretRect(std::max(0, candidate));
        if (std::abs(position.x() - caret.x()) < 16 && position.y() >= caret.top() && position.y() <= caret.bottom()) {
            if (const QString link = linkIn(m_block.text, candidate); !link.isEmpty()) {
                return link;
            }
        }
    }
    return {};
}

void RuleItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    painter.fillRect(QRect(origin.x(), origin.y() + 8, m_width, 1), state.look.theme->border);
}

namespace {
constexpr int kCellX = 12, kCellY = 7;
}

TableItem::TableItem(markdown::Block block) : m_block(std::move(block)) {
    m_gapBefore = space::kM;
    for (int r = 0; r < m_block.rows.size(); ++r) {
        if (r > 0) m_text += QLatin1Char('\n');
        for (int c = 0; c < m_block.rows[r].size(); ++c) {
            if (c > 0) m_text += QLatin1Char('\t');
            auto cell = std::make_unique<Cell>();
            cell->start = int(m_text.size());
            cell->row = r;
            cell->column = c;
            m_text += m_block.rows[r][c].text;
            m_cells.push_back(std::move(cell));
        }
    }
}

int TableItem::doLayout(int width, const Look &look) {
    const int columns = std::max<int>(1, int(m_block.columns.size()));
    const int indent = m_block.indent * kListStep;
    QVector<int> wanted(columns, 40), widths(columns, 40);
    for (const auto &cell : m_cells) {
        const QFont font = cell->row == 0 ? type::strong(look.font) : look.font;
        const markdown::Align align =
            cell->column < columns ? m_block.columns.value(cell->column) : markdown::Align::Left;
        cell->layout.setText(m_block.rows[cell->row][cell->column], font, look, look.theme->text,
                             align == markdown::Align::Right    ? Qt::AlignRight
                             : align == markdown::Align::Centre ? Qt::AlignHCenter
                                                                : Qt::AlignLeft);
        cell->layout.layOut(1 << 20);
        if (cell->column < columns) {
            wanted[cell->column] = std::max(wanted[cell->column], cell->layout.naturalWidth() + 2 * kCellX);
        }
    }
    // Narrow columns get what they want; the wide ones share what is left.
    int room = std::max(columns * 48, width - indent), left = columns;
    QVector<bool> fixed(columns, false);
    for (bool again = true; again && left > 0;) {
        again = false;
        const int share = room / left;
        for (int c = 0; c < columns; ++c) {
            if (!fixed[c] && wanted[c] <= share) {
                widths[c] = wanted[c];
                room -= wanted[c];
                fixed[c] = true;
                --left;
                again = true;
            }
        }
    }
    for (int c = 0; c < columns; ++c) {
        if (!fixed[c]) widths[c] = std::max(48, room / std::max(1, left));
    }
    QVector<int> lefts(columns, indent);
    for (int c = 1; c < columns; ++c) lefts[c] = lefts[c - 1] + widths[c - 1];
    m_tableWidth = lefts.last() + widths.last();
    m_rowTops = {0};
    int y = 0, rowHeight = 0, row = 0;
    for (const auto &cell : m_cells) {
        if (cell->row != row) {
            y += rowHeight;
            m_rowTops.append(y);
            rowHeight = 0;
            row = cell->row;
        }
        const int c = std::min(cell->column, columns - 1);
        const int height = cell->layout.layOut(widths[c] - 2 * kCellX) + 2 * kCellY;
        rowHeight = std::max(rowHeight, height);
        cell->rect = QRect(lefts[c], y, widths[c], height);
    }
    y += rowHeight;
    m_rowTops.append(y);
    for (const auto &cell : m_cells) {
        cell->rect.setHeight(m_rowTops[std::min<qsizetype>(cell->row + 1, m_rowTops.size() - 1)] - cell->rect.top());
    }
    return y + 1;
}

int TableItem::estimate(int, const Look &look) const {
    return int(m_block.rows.size()) * (int(QFontMetricsF(look.font).height() * kLeading) + 2 * kCellY);
}

void TableItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    const int left = m_block.indent * kListStep;
    const QRectF frame(origin.x() + left + 0.5, origin.y() + 0.5, m_tableWidth - left - 1, m_height - 1);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme.border, 1));
    painter.setBrush(theme.ground);
    painter.drawRoundedRect(frame, space::kRadiusSmall, space::kRadiusSmall);
    painter.setRenderHint(QPainter::Antialiasing, false);
    if (m_rowTops.size() > 1) {
        painter.fillRect(QRectF(frame.left() + 1, frame.top() + 1, frame.width() - 1, m_rowTops[1] - 1), theme.sunken);
    }
    for (int r = 1; r + 1 < m_rowTops.size(); ++r) {
        painter.fillRect(QRect(origin.x() + left + 1, origin.y() + m_rowTops[r], m_tableWidth - left - 2, 1),
                         theme.border);
    }
    painter.restore();
    for (const auto &cell : m_cells) {
        const QRect rect = cell->rect.translated(origin);
        if (rect.bottom() >= state.clip.top() && rect.top() <= state.clip.bottom()) {
            cell->layout.draw(painter, rect.topLeft() + QPoint(kCellX, kCellY), state, cell->start);
        }
    }
}

QString TableItem::copied(int from, int to, bool asMarkdown) const {
    if (asMarkdown && from == 0 && to >= m_text.size()) {
        return markdown::markdownText(m_block);
    }
    return BlockItem::copied(from, to, asMarkdown);
}

const TableItem::Cell *TableItem::cellAt(const QPoint &position) const {
    const Cell *best = nullptr;
    for (const auto &cell : m_cells) {
        if (cell->rect.contains(position)) {
            return cell.get();
        }
        if (cell->rect.top() <= position.y() &&
            (!best || cell->rect.left() <= position.x() || cell->row != best->row)) {
            best = cell.get();
        }
    }
    return best ? best : m_cells.empty() ? nullptr : m_cells.front().get();
}

int TableItem::offsetAt(const QPoint &position) const {
    const Cell *cell = cellAt(position);
    return cell ? cell->start + cell->layout.offsetAt(position - cell->rect.topLeft() - QPoint(kCellX, kCellY)) : 0;
}

QRect TableItem::caretRect(int offset) const {
    for (const auto &cell : m_cells) {
        if (offset >= cell->start && offset <= cell->start + cell->layout.length()) {
            return cell->layout.caretRect(offset - cell->start)
                .translated(cell->rect.topLeft() + QPoint(kCellX, kCellY));
        }
    }
    return {0, 0, 1, 16};
}

QString TableItem::linkAt(const QPoint &position) const {
    const Cell *cell = cellAt(position);
    if (!cell || !cell->rect.contains(position)) {
        return {};
    }
    return linkIn(m_block.rows[cell->row][cell->column],
                  cell->layout.offsetAt(position - cell->rect.topLeft() - QPoint(kCellX, kCellY)));
}

} // namespace facet::ui
