// Tables. A long one comes as several items, so that only the rows in sight are laid out.
#include "ui/transcript/text_items.h"

#include <algorithm>

namespace facet::ui {

namespace {
constexpr int kCellX = 12, kCellY = 7;
constexpr int kOneLine = 1 << 20; // wider than any cell
}

TableItem::TableItem(markdown::Block block) : m_block(std::move(block)) {
    m_gapBefore = m_block.continued ? 0 : space::kM;
    for (int r = 0; r < m_block.rows.size(); ++r) {
        if (r > 0) m_text += QLatin1Char('\n');
        for (int c = 0; c < m_block.rows[r].size(); ++c) {
            if (c > 0) m_text += QLatin1Char('\t');
            auto cell = std::make_unique<Cell>();
            cell->start = int(m_text.size());
            cell->row = r;
            cell->column = c;
            m_text += m_block.rows[r][c].text;
            if (c >= m_widest.size()) m_widest.resize(c + 1);
            if (m_block.rows[r][c].text.size() > m_widest[c].text.size()) m_widest[c] = m_block.rows[r][c];
            m_cells.push_back(std::move(cell));
        }
    }
}

void TableItem::setShape(const QVector<markdown::RichText> &widest, bool goesOn) {
    if (widest != m_shape || goesOn != m_goesOn) {
        m_shape = widest;
        m_goesOn = goesOn;
        invalidate();
    }
}

// Each cell is set twice at most: on one line, to see what its column wants, and where it does not fit so.
qsizetype TableItem::layoutCost() const { return m_text.size() + qsizetype(m_cells.size()) * 30; }

QVector<int> TableItem::columnWidths(int width, const Look &look) {
    const int columns = std::max<int>(1, int(m_block.columns.size()));
    QVector<int> wanted(columns, 40), widths(columns, 40);
    const auto want = [&](RichLayout &layout, int column, const markdown::RichText &text, bool head) {
        layout.setText(text, look.face(head ? TextFonts::BaseStrong : TextFonts::Base), look, look.theme->text);
        layout.layOut(kOneLine);
        wanted[column] = std::max(wanted[column], layout.naturalWidth() + 2 * kCellX);
    };
    for (int c = 0; c < columns && c < m_shape.size(); ++c) {
        RichLayout layout;
        want(layout, c, m_shape[c], true);
    }
    for (const auto &cell : m_cells) {
        if (m_shape.isEmpty() && cell->column < columns) {
            want(cell->layout, cell->column, m_block.rows[cell->row][cell->column], isHead(cell->row));
        }
    }
    // Narrow columns get what they want; the wide ones share what is left.
    int room = std::max(columns * 48, width - m_block.indent * kListStep), left = columns;
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
    return widths;
}

int TableItem::doLayout(int width, const Look &look) {
    const int columns = std::max<int>(1, int(m_block.columns.size()));
    const int indent = m_block.indent * kListStep;
    const QVector<int> widths = columnWidths(width, look);
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
        const markdown::Align align =
            cell->column < columns ? m_block.columns.value(cell->column) : markdown::Align::Left;
        const int room = widths[c] - 2 * kCellX;
        const bool stands = m_shape.isEmpty() && cell->column < columns && align == markdown::Align::Left &&
                            cell->layout.naturalWidth() <= room && // as columnWidths() has set it
                            !m_block.rows[cell->row][cell->column].text.isRightToLeft();
        if (!stands) {
            cell->layout.setText(m_block.rows[cell->row][cell->column],
                                 look.face(isHead(cell->row) ? TextFonts::BaseStrong : TextFonts::Base), look,
                                 look.theme->text,
                                 align == markdown::Align::Right    ? Qt::AlignRight
                                 : align == markdown::Align::Centre ? Qt::AlignHCenter
                                                                    : Qt::AlignLeft);
            cell->layout.layOut(room);
        }
        const int height = cell->layout.height() + 2 * kCellY;
        rowHeight = std::max(rowHeight, height);
        cell->rect = QRect(lefts[c], y, widths[c], height);
    }
    y += rowHeight;
    m_rowTops.append(y);
    for (const auto &cell : m_cells) {
        cell->rect.setHeight(m_rowTops[std::min<qsizetype>(cell->row + 1, m_rowTops.size() - 1)] - cell->rect.top());
    }
    return m_goesOn ? y : y + 1;
}

int TableItem::estimate(int, const Look &look) const {
    return int(m_block.rows.size()) * (int(look.fonts->heightOf(TextFonts::Base) * kTextLeading) + 2 * kCellY);
}

void TableItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    const int left = m_block.indent * kListStep;
    const QRectF place(origin.x() + left, origin.y(), m_tableWidth - left, m_height);
    // Where the table goes on, above or below, its frame is open: drawn longer, and clipped.
    const QRectF frame =
        place.adjusted(0.5, m_block.continued ? -20.5 : 0.5, -0.5, m_goesOn ? 20.5 : -0.5);
    painter.save();
    painter.setClipRect(place, Qt::IntersectClip);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme.border, 1));
    painter.setBrush(theme.ground);
    painter.drawRoundedRect(frame, space::kRadiusSmall, space::kRadiusSmall);
    painter.setRenderHint(QPainter::Antialiasing, false);
    if (m_rowTops.size() > 1 && !m_block.continued) {
        painter.fillRect(QRectF(frame.left() + 1, frame.top() + 1, frame.width() - 1, m_rowTops[1] - 1), theme.sunken);
    }
    for (int r = m_block.continued ? 0 : 1; r + 1 < m_rowTops.size(); ++r) {
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
