#include "ui/transcript/block_item.h"

#include "ui/theme/icons.h"

#include <QFontMetrics>

namespace facet::ui {

bool BlockItem::layoutFor(int width, const Look &look) {
    constexpr qsizetype kFontCost = 1500; // of a font that nobody has used before
    if (isLaidOut(width)) {
        return false;
    }
    const int fonts = look.fonts->measured();
    m_height = doLayout(width, look);
    m_width = width;
    m_valid = true;
    if (look.laidOut) *look.laidOut += layoutCost() + kFontCost * (look.fonts->measured() - fonts);
    return true;
}

int BlockItem::heightFor(int width, const Look &look) const {
    if (m_width == width) { // what was there is the best guess while it does not hold any more
        return m_height;
    }
    if (m_estimatedFor != width) {
        m_estimate = estimate(width, look);
        m_estimatedFor = width;
    }
    return m_estimate;
}

QString BlockItem::copied(int from, int to, bool) const {
    return text().mid(from, to - from).replace(QChar::LineSeparator, QLatin1Char('\n'));
}

int spotWidth(const HotSpot &spot, const QFont &small) {
    const int textWidth = QFontMetrics(small).horizontalAdvance(spot.label);
    return spot.icon.isEmpty() ? textWidth + 2 * space::kM : 28 + textWidth + space::kM;
}

void paintSpot(QPainter &painter, const QPoint &origin, const HotSpot &spot, const PaintState &state, int index) {
    const bool hovered = state.hoveredSpot == index, focused = state.focusedSpot == index;
    const Theme &theme = *state.look.theme;
    if (spot.onHover && !state.messageActive) {
        return;
    }
    const QRectF rect = QRectF(spot.rect.translated(origin));
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    if (spot.style != SpotStyle::Bare) {
        QColor ink = theme.muted;
        if (spot.style == SpotStyle::Primary) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(hovered ? theme.accent.darker(108) : theme.accent);
            painter.drawRoundedRect(rect, 8, 8);
            ink = theme.onAccent;
        } else if (spot.style == SpotStyle::Button) {
            painter.setPen(QPen(theme.borderStrong, 1));
            painter.setBrush(hovered ? theme.accentSoft : theme.card);
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8);
            ink = theme.text;
        } else if (hovered) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(theme.hover);
            painter.drawRoundedRect(rect, 7, 7);
            ink = theme.text;
        }
        const bool written = spot.style != SpotStyle::Icon;
        if (!spot.icon.isEmpty()) {
            const QRectF place = written ? QRectF(rect.left() + 10, rect.center().y() - 8, 16, 16)
                                         : QRectF(rect.center().x() - 8, rect.center().y() - 8, 16, 16);
            paintIcon(&painter, spot.icon, place, ink);
        }
        if (written) {
            painter.setPen(ink);
            painter.setFont(
                state.look.font(spot.style == SpotStyle::Primary ? TextFonts::SmallStrong : TextFonts::Small));
            painter.drawText(spot.icon.isEmpty() ? rect : rect.adjusted(28, 0, -8, 0),
                             spot.icon.isEmpty() ? int(Qt::AlignCenter) : int(Qt::AlignVCenter | Qt::AlignLeft),
                             spot.label);
        }
    }
    if (focused) {
        painter.setPen(QPen(theme.accent, 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), 9, 9);
    }
    painter.restore();
}

} // namespace facet::ui
