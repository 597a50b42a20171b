#include "ui/transcript/code_item.h"

#include "ui/theme/icons.h"
#include "ui/transcript/words.h"

#include <QFontMetricsF>
#include <QTextLayout>

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

constexpr qsizetype kMaxHighlighted = 64 << 10; // longer code is coloured line by line, without knowing what is above
constexpr int kMaxPlainLine = 4 << 10; // longer lines are neither coloured nor shaped as a whole
constexpr int kHead = 36, kPadX = 14, kPadBottom = 12, kTabWidth = 4;
constexpr qreal kLeading = 1.4; // height of a row in heights of the font

// Only characters that a fixed-pitch font draws one cell wide.
bool isSimple(QStringView text) {
    return std::all_of(text.begin(), text.end(), [](QChar c) { return c.unicode() >= 0x20 && c.unicode() < 0x300; });
}

QString withoutTabs(const QString &text) {
    if (!text.contains(QLatin1Char('\t'))) {
        return text;
    }
    QString out;
    int column = 0;
    for (const QChar c : text) {
        if (c == QLatin1Char('\t')) {
            const int gap = kTabWidth - column % kTabWidth;
            out += QString(gap, QLatin1Char(' '));
            column += gap;
        } else {
            out += c;
            column = c == QLatin1Char('\n') ? 0 : column + 1;
        }
    }
    return out;
}

QColor colourOf(markdown::Token token, const Theme &theme) {
    switch (token) {
    case markdown::Token::Keyword: return theme.codeKeyword;
    case markdown::Token::String: return theme.codeString;
    case markdown::Token::Comment: return theme.codeComment;
    case markdown::Token::Number: return theme.codeNumber;
    case markdown::Token::Name: return theme.codeName;
    }
    return theme.text;
}

} // namespace

CodeItem::CodeItem(markdown::Block block) : m_block(std::move(block)), m_shown(withoutTabs(m_block.text.text)) {
    m_gapBefore = space::kM;
    splitLines(0);
}

bool CodeItem::grow(const markdown::Block &block) {
    const bool same = block.kind == markdown::BlockKind::Code && block.language == m_block.language &&
                      block.indent == m_block.indent && block.quote == m_block.quote &&
                      block.text.text.startsWith(m_block.text.text);
    if (!same) {
        return false;
    }
    const QString added = block.text.text.mid(m_block.text.text.size());
    m_block.text.text = block.text.text;
    m_shown = added.contains(QLatin1Char('\t')) ? withoutTabs(block.text.text) : m_shown + added;
    const int from = std::max<int>(0, int(m_lines.size()) - 1);
    m_estimatedFor = -1;
    splitLines(from);
    if (m_width >= 0) {
        breakRows(from);
        m_height = m_folded ? kHead : kHead + int(m_rows.size()) * m_rowHeight + kPadBottom;
    }
    return true;
}

void CodeItem::setFolded(bool folded, const QString &summary) {
    m_summary = summary;
    if (folded != m_folded) {
        m_folded = folded;
        invalidate();
    }
}

void CodeItem::splitLines(int fromLine) {
    int start = fromLine < m_lines.size() ? m_lines[fromLine].start : 0;
    markdown::LineState state = fromLine < m_lines.size() ? m_lines[fromLine].state : markdown::LineState::Normal;
    m_lines.resize(fromLine);
    while (true) {
        const qsizetype end = m_shown.indexOf(QLatin1Char('\n'), start);
        Line line;
        line.start = start;
        line.length = int((end < 0 ? m_shown.size() : end) - start);
        line.state = state;
        if (end >= 0 && m_shown.size() <= kMaxHighlighted && line.length <= kMaxPlainLine) {
            markdown::highlightLine(m_block.language, QStringView(m_shown).mid(line.start, line.length), state);
        }
        m_lines.append(line);
        if (end < 0) {
            return;
        }
        start = int(end) + 1;
    }
}

void CodeItem::breakRows(int fromLine) {
    while (!m_rows.isEmpty() && m_rows.last().line >= fromLine) {
        m_rows.removeLast();
    }
    for (int i = fromLine; i < m_lines.size(); ++i) {
        Line &line = m_lines[i];
        line.firstRow = int(m_rows.size());
        ++m_laidOutLines;
        const QStringView text = QStringView(m_shown).mid(line.start, line.length);
        if (isSimple(text)) {
            for (int at = 0; at == 0 || at < line.length; at += m_columns) {
                m_rows.append({line.start + at, std::min(m_columns, line.length - at), i});
            }
            continue;
        }
        if (line.length > kMaxPlainLine || m_shown.size() > kMaxHighlighted) {
            // Cells are counted, two for each character, which holds what fonts draw wide; shaping all would take too long.
            const int step = std::max(4, m_columns / 2);
            for (int at = 0; at == 0 || at < line.length;) {
                int length = std::min(step, line.length - at);
                if (length > 1 && text[at + length - 1].isHighSurrogate()) --length;
                m_rows.append({line.start + at, length, i});
                at += std::max(1, length);
            }
            continue;
        }
        QTextLayout layout(text.toString(), m_font);
        QTextOption option;
        option.setWrapMode(QTextOption::WrapAnywhere);
        layout.setTextOption(option);
        layout.beginLayout();
        for (QTextLine row = layout.createLine(); row.isValid(); row = layout.createLine()) {
            row.setLineWidth(m_columns * m_charWidth);
            m_rows.append({line.start + row.textStart(), row.textLength(), i});
        }
        layout.endLayout();
    }
}

int CodeItem::doLayout(int width, const Look &look) {
    m_left = m_block.indent * 26 + m_block.quote * 18;
    const TextFonts::Face &face = look.face(TextFonts::Code);
    m_font = face.font;
    m_labelFont = look.font(TextFonts::Caption);
    m_charWidth = face.charWidth;
    m_baseline = face.ascent - face.height / 2;
    m_rowHeight = int(std::ceil(face.height * kLeading));
    m_columns = std::max(8, int((width - m_left - 2 * kPadX) / m_charWidth));
    breakRows(0);
    return m_folded ? kHead : kHead + int(m_rows.size()) * m_rowHeight + kPadBottom;
}

int CodeItem::estimate(int, const Look &look) const {
    const int rowHeight = int(std::ceil(look.fonts->heightOf(TextFonts::Code) * kLeading));
    return m_folded ? kHead : kHead + int(m_lines.size()) * rowHeight + kPadBottom;
}

QVector<HotSpot> CodeItem::hotSpots() const {
    QVector<HotSpot> spots;
    HotSpot copy;
    copy.action = SpotAction::CopyCode;
    copy.style = SpotStyle::Icon;
    copy.icon = QStringLiteral("copy");
    copy.label = Transcript::tr("Copy code");
    copy.rect = QRect(m_width - 38, 4, 30, 28);
    copy.argument = m_block.text.text;
    if (!m_summary.isEmpty()) {
        HotSpot fold;
        fold.action = SpotAction::ToggleCode;
        fold.style = SpotStyle::Bare;
        fold.label =
            m_folded ? Transcript::tr("Show the answer as written") : Transcript::tr("Hide the answer as written");
        fold.rect = QRect(m_left + 4, 4, std::max(40, m_width - m_left - 50), 28);
        spots.append(fold);
    }
    spots.append(copy);
    return spots;
}

qreal CodeItem::xOf(const Row &row, int column) const {
    const QStringView text = QStringView(m_shown).mid(row.start, row.length);
    if (isSimple(text)) {
        return column * m_charWidth;
    }
    return QFontMetricsF(m_font).horizontalAdvance(text.left(column).toString());
}

void CodeItem::paintRow(QPainter &painter, const QPointF &at, const Row &row,
                        const QVector<markdown::TokenSpan> &tokens, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    const auto ground = [&](int from, int to, const QColor &colour, bool lineBreak) {
        const int begin = std::clamp(from - row.start, 0, row.length), end = std::clamp(to - row.start, 0, row.length);
        const bool pastEnd = lineBreak && from <= row.start + row.length && to > row.start + row.length;
        if (begin < end || pastEnd) {
            const qreal x = xOf(row, begin);
            painter.fillRect(
                QRectF(at.x() + x, at.y(), xOf(row, end) - x + (pastEnd ? m_charWidth / 2 : 0), m_rowHeight), colour);
        }
    };
    for (const FoundRange &found : state.found) {
        ground(found.from, found.to, found.current ? theme.matchCurrent : theme.match, false);
    }
    if (state.selectedFrom < state.selectedTo) {
        ground(state.selectedFrom, state.selectedTo, theme.selection, true);
    }
    const qreal baseline = at.y() + m_rowHeight / 2.0 + m_baseline;
    const int lineStart = m_lines[row.line].start;
    const auto piece = [&](int from, int to, const QColor &colour) {
        from = std::max(from, row.start);
        to = std::min(to, row.start + row.length);
        if (from < to) {
            painter.setPen(colour);
            painter.drawText(QPointF(at.x() + xOf(row, from - row.start), baseline), m_shown.mid(from, to - from));
        }
    };
    int done = lineStart;
    for (const markdown::TokenSpan &token : tokens) {
        piece(done, lineStart + token.start, theme.text);
        piece(lineStart + token.start, lineStart + token.start + token.length, colourOf(token.token, theme));
        done = lineStart + token.start + token.length;
    }
    piece(done, row.start + row.length, theme.text);
}

void CodeItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    const QRect frame(origin.x() + m_left, origin.y(), m_width - m_left, m_height);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme.border, 1));
    painter.setBrush(theme.sunken);
    painter.drawRoundedRect(QRectF(frame).adjusted(0.5, 0.5, -0.5, -0.5), space::kRadius, space::kRadius);
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setFont(m_labelFont);
    painter.setPen(theme.muted);
    int labelLeft = frame.left() + kPadX;
    if (!m_summary.isEmpty()) {
        paintIcon(&painter, m_folded ? QStringLiteral("chevron-right") : QStringLiteral("chevron-down"),
                  QRectF(labelLeft - 4, frame.top() + 11, 14, 14), theme.muted);
        labelLeft += 16;
    }
    const QString language = m_block.language.isEmpty() ? Transcript::tr("code") : m_block.language;
    painter.drawText(QRect(labelLeft, frame.top(), frame.width() - 80, kHead), Qt::AlignVCenter | Qt::AlignLeft,
                     m_summary.isEmpty() ? language : language + QStringLiteral("  ·  ") + m_summary);
    const QVector<HotSpot> spots = hotSpots();
    for (int i = 0; i < spots.size(); ++i) {
        paintSpot(painter, origin, spots[i], state, i);
    }
    if (!m_folded) {
        painter.setFont(m_font);
        const int top = origin.y() + kHead;
        const int first =
            std::clamp<int>((state.clip.top() - top) / m_rowHeight, 0, std::max<int>(0, int(m_rows.size()) - 1));
        const int last =
            std::clamp<int>((state.clip.bottom() - top) / m_rowHeight, 0, std::max<int>(0, int(m_rows.size()) - 1));
        int tokensOf = -1;
        QVector<markdown::TokenSpan> tokens;
        for (int i = first; i <= last && i < m_rows.size(); ++i) {
            if (m_rows[i].line != tokensOf) {
                tokensOf = m_rows[i].line;
                const Line &line = m_lines[tokensOf];
                markdown::LineState lineState = line.state;
                tokens.clear();
                if (line.length <= kMaxPlainLine) {
                    tokens = markdown::highlightLine(
                        m_block.language, QStringView(m_shown).mid(line.start, line.length), lineState);
                }
            }
            paintRow(painter, QPointF(frame.left() + kPadX, top + i * m_rowHeight), m_rows[i], tokens, state);
        }
    }
    painter.restore();
}

QString CodeItem::copied(int from, int to, bool asMarkdown) const {
    const bool whole = from == 0 && to >= m_shown.size();
    if (whole) {
        return asMarkdown ? markdown::markdownText(m_block) : m_block.text.text;
    }
    return m_shown.mid(from, to - from);
}

int CodeItem::offsetAt(const QPoint &position) const {
    if (m_rows.isEmpty() || m_folded) {
        return 0;
    }
    const int index = std::clamp((position.y() - kHead) / std::max(1, m_rowHeight), 0, int(m_rows.size()) - 1);
    if (position.y() < kHead) {
        return 0;
    }
    const Row &row = m_rows[index];
    const qreal x = position.x() - m_left - kPadX;
    int column = std::clamp(int(std::lround(x / m_charWidth)), 0, row.length);
    if (!isSimple(QStringView(m_shown).mid(row.start, row.length))) {
        column = 0;
        while (column < row.length && xOf(row, column + 1) <= x) ++column;
    }
    return row.start + column;
}

QRect CodeItem::caretRect(int offset) const {
    for (int i = 0; i < m_rows.size(); ++i) {
        const Row &row = m_rows[i];
        if (offset >= row.start && offset <= row.start + row.length &&
            (i + 1 == m_rows.size() || m_rows[i + 1].start != offset)) {
            return QRect(m_left + kPadX + int(xOf(row, offset - row.start)), kHead + i * m_rowHeight, 1, m_rowHeight);
        }
    }
    return {0, kHead, 1, m_rowHeight};
}

} // namespace facet::ui
