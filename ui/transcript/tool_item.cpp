#include "ui/theme/icons.h"
#include "ui/transcript/card_items.h"
#include "ui/transcript/words.h"

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

constexpr int kHead = 46, kPad = 14;
constexpr qsizetype kMaxShown = 1200; // characters of arguments or result on the card

int layOut(QTextLayout &layout, const QString &text, const QFont &font, int width) {
    QString shown = text.size() > kMaxShown ? text.left(kMaxShown) + QStringLiteral(" …") : text;
    layout.setText(shown.replace(QLatin1Char('\n'), QChar::LineSeparator));
    layout.setFont(font);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    layout.setTextOption(option);
    qreal y = 0;
    layout.beginLayout();
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        line.setLineWidth(std::max(20, width));
        line.setPosition({0, y});
        y += std::ceil(line.height() * 1.25);
    }
    layout.endLayout();
    return int(y);
}

} // namespace

ToolItem::ToolItem(chat::ToolUse use)
    : m_use(std::move(use)), m_arguments(prettyArguments(m_use.argumentsJson)), m_result(m_use.result.trimmed()) {
    m_gapBefore = space::kM;
}

int ToolItem::doLayout(int width, const Look &look) {
    m_small = look.font(TextFonts::Small);
    int y = kHead;
    m_argumentsTop = y;
    y += layOut(m_argumentsLayout, m_arguments, look.font(TextFonts::Code), width - 2 * kPad - 24) + 16;
    m_resultTop = y;
    if (!m_result.isEmpty()) {
        y += 10 + layOut(m_resultLayout, m_result, m_small, width - 2 * kPad);
    }
    m_buttonsTop = y + 12;
    if (m_use.state == chat::ToolState::Asking) {
        y = m_buttonsTop + 34;
    }
    return y + kPad;
}

int ToolItem::estimate(int, const Look &) const { return 120; }

void ToolItem::paint(QPainter &painter, const QPoint &origin, const PaintState &state) const {
    const Theme &theme = *state.look.theme;
    const QRectF frame(origin.x() + 0.5, origin.y() + 0.5, m_width - 1, m_height - 1);
    const bool asking = m_use.state == chat::ToolState::Asking;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(asking ? theme.accent : theme.border, 1));
    painter.setBrush(theme.card);
    painter.drawRoundedRect(frame, space::kRadius, space::kRadius);
    paintIcon(&painter, QStringLiteral("tool"), QRectF(origin.x() + kPad, origin.y() + 14, 18, 18),
              asking ? theme.accent : theme.muted);
    painter.setFont(state.look.font(TextFonts::BaseStrong));
    painter.setPen(theme.text);
    const QRect head(origin.x() + kPad + 28, origin.y(), m_width - 2 * kPad - 28, kHead);
    painter.drawText(head, Qt::AlignVCenter | Qt::AlignLeft,
                     painter.fontMetrics().elidedText(m_use.tool, Qt::ElideRight, head.width() - 150));
    const QColor ink = m_use.state == chat::ToolState::Done     ? theme.success
                       : m_use.state == chat::ToolState::Failed ? theme.danger
                       : asking                                 ? theme.accent
                                                                : theme.muted;
    painter.setFont(m_small);
    painter.setPen(ink);
    painter.drawText(head, Qt::AlignVCenter | Qt::AlignRight, toolStateText(m_use.state));
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.sunken);
    painter.drawRoundedRect(
        QRectF(origin.x() + kPad, origin.y() + m_argumentsTop, m_width - 2 * kPad, m_resultTop - m_argumentsTop), 7, 7);
    painter.setPen(theme.text);
    m_argumentsLayout.draw(&painter, QPointF(origin.x() + kPad + 12, origin.y() + m_argumentsTop + 8));
    if (!m_result.isEmpty()) {
        painter.setPen(m_use.state == chat::ToolState::Failed ? theme.danger : theme.muted);
        m_resultLayout.draw(&painter, QPointF(origin.x() + kPad, origin.y() + m_resultTop + 10));
    }
    painter.restore();
    const QVector<HotSpot> spots = hotSpots();
    for (int i = 0; i < spots.size(); ++i) {
        paintSpot(painter, origin, spots[i], state, i);
    }
}

QVector<HotSpot> ToolItem::hotSpots() const {
    if (m_use.state != chat::ToolState::Asking) {
        return {};
    }
    QVector<HotSpot> spots(2);
    spots[0].action = SpotAction::DenyTool;
    spots[0].style = SpotStyle::Button;
    spots[0].label = Transcript::tr("Deny");
    spots[1].action = SpotAction::AllowTool;
    spots[1].style = SpotStyle::Primary;
    spots[1].label = Transcript::tr("Allow once");
    int right = m_width - kPad;
    for (int i = 1; i >= 0; --i) {
        const int width = spotWidth(spots[i], m_small) + 10;
        spots[i].rect = QRect(right - width, m_buttonsTop, width, 34);
        spots[i].argument = m_use.callId;
        right -= width + space::kS;
    }
    return spots;
}

QString ToolItem::copied(int from, int to, bool) const { return m_use.result.mid(from, to - from); }

QRect ToolItem::caretRect(int) const { return {0, m_resultTop, 1, std::max(1, m_height - m_resultTop)}; }

} // namespace facet::ui
