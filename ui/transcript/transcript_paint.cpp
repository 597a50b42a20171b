// Painting of the transcript: the messages in sight, with selection, matches and the focus.
#include "ui/transcript/transcript_view.h"

#include <QPaintEvent>
#include <QScrollBar>

#include <algorithm>

namespace facet::ui {

void TranscriptView::paintEvent(QPaintEvent *event) {
    QPainter painter(viewport());
    painter.fillRect(event->rect(), Theme::of(palette()).ground);
    const int scroll = verticalScrollBar()->value();
    for (int i = messageAt(scroll + event->rect().top()); i < messageCount(); ++i) {
        if (m_tops[size_t(i)] - scroll > event->rect().bottom()) {
            break;
        }
        paintMessage(painter, i, event->rect());
    }
}

void TranscriptView::paintMessage(QPainter &painter, int index, const QRect &clip) {
    MessageItem *item = m_messages[size_t(index)].get();
    if (!item) {
        return;
    }
    const Look shown = look();
    const QPoint origin(columnLeft(), m_tops[size_t(index)] - verticalScrollBar()->value());
    item->paintGround(painter, origin, shown);
    const TextPosition from = std::min(m_anchor, m_cursor), to = std::max(m_anchor, m_cursor);
    const bool active = index == m_hoverMessage || (m_keyboardFocus && index == m_focusMessage && hasFocus());
    auto match = std::lower_bound(m_matches.begin(), m_matches.end(), index,
                                  [](const Match &m, int value) { return m.at.message < value; });
    for (int i = 0; i < item->itemCount(); ++i) {
        const QRect rect = item->itemRect(i).translated(origin);
        QVector<FoundRange> found;
        while (match != m_matches.end() && match->at.message == index && match->at.item <= i) {
            if (match->at.item == i) {
                found.append({match->at.offset, match->at.offset + match->length,
                              int(match - m_matches.begin()) == m_currentMatch});
            }
            ++match;
        }
        if (rect.bottom() < clip.top() || rect.top() > clip.bottom() || !item->item(i)->hasLayout()) {
            continue;
        }
        PaintState state{shown, clip};
        const TextPosition start{index, i, 0}, end{index, i, int(1) << 30};
        if (from < to && from <= end && to >= start) {
            state.selectedFrom = from <= start ? 0 : from.offset;
            state.selectedTo = to >= end ? end.offset : to.offset;
        }
        state.found = found;
        state.messageActive = active;
        state.hoveredSpot = m_hoverSpot.message == index && m_hoverSpot.item == i ? m_hoverSpot.spot : -1;
        state.focusedSpot = hasFocus() && m_focusSpot.message == index && m_focusSpot.item == i ? m_focusSpot.spot : -1;
        state.mouse = rect.contains(m_mouse) ? m_mouse - rect.topLeft() : QPoint(-1, -1);
        item->paint(painter, origin, i, state);
    }
    if (m_keyboardFocus && hasFocus() && index == m_focusMessage && !m_focusSpot.isValid()) {
        painter.save();
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(shown.theme->accent, 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(messageRect(index)).adjusted(-10, 2, 10, -2), space::kRadius, space::kRadius);
        painter.restore();
    }
}

} // namespace facet::ui
