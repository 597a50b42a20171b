#include "ui/transcript/text_items.h"

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

constexpr qreal kLeading = kTextLeading;
constexpr int kQuoteStep = 18;

QVector<QTextLayout::FormatRange> formatsOf(const markdown::RichText &text, const QFont &code, const Theme &theme) {
    QVector<QTextLayout::FormatRange> formats;
    for (const markdown::Span &span : text.spans) {
        QTextLayout::FormatRange range;
        range.start = span.start;
        range.length = span.length;
        QTextCharFormat &format = range.format;
        if (span.style & markdown::Code) {
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

} // namespace

QString linkIn(const markdown::RichText &text, int offset) {
    for (const markdown::Span &span : text.spans) {
        if (offset >= span.start && offset < span.start + span.length) {
            return span.link;
        }
    }
    return {};
}

void RichLayout::setText(const markdown::RichText &text, const TextFonts::Face &face, const Look &look,
                         const QColor &ink, Qt::Alignment align) {
    m_lineHeight = face.height;
    m_layout.clearLayout();
    m_layout.setText(text.text);
    m_layout.setFont(face.font);
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
    formats += formatsOf(text, face.code, *look.theme);
    m_layout.setFormats(formats);
}

int RichLayout::layOut(int width) {
    qreal y = 0, widest = 0;
    const qreal step = std::ceil(m_lineHeight * kLeading);
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
    m_height = int(std::ceil(y));
    return m_height;
}

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
    m_breaks = m_block.text.text.count(QChar(QChar::LineSeparator));
}

int TextItem::textLeft() const {
    return m_block.quote * kQuoteStep + m_block.indent * kListStep + (m_tone == Tone::Thought ? 16 : 0);
}

int TextItem::doLayout(int width, const Look &look) {
    const bool heading = m_block.kind == markdown::BlockKind::Heading;
    const bool quiet = m_tone == Tone::Thought || m_block.quote > 0;
    const TextFonts::Kind kind = heading                   ? TextFonts::heading(m_block.level)
                                 : m_tone == Tone::Thought ? TextFonts::Base
                                                           : TextFonts::Body;
    m_layout.setText(m_block.text, look.face(kind), look, quiet ? look.theme->muted : look.theme->text);
    return m_layout.layOut(std::max(40, width - textLeft()));
}

int TextItem::estimate(int width, const Look &look) const {
    const double perLine = std::max(8.0, (width - textLeft()) / look.fonts->averageWidthOf(TextFonts::Body));
    const double lines =
        std::max(1.0, std::ceil(double(m_block.text.text.size()) / perLine) + double(m_breaks));
    return int(lines * std::ceil(look.fonts->heightOf(TextFonts::Body) * kLeading));
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
        painter.setFont(state.look.font(TextFonts::Body));
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

} // namespace facet::ui
