// Mouse and keyboard of the transcript.
#include "ui/transcript/transcript_view.h"
#include "ui/widgets/plain_tip.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QScrollBar>
#include <QToolTip>
#include <QWheelEvent>

#include <algorithm>
#include <utility>

namespace facet::ui {

// ---- mouse

void TranscriptView::setHover(const QPoint &at) {
    m_mouse = at;
    const bool inside = viewport()->rect().contains(at);
    m_hoverSpot = inside ? spotUnder(at) : SpotPlace();
    m_hoverMessage = inside && messageCount() > 0 ? messageAt(at.y() + verticalScrollBar()->value()) : -1;
    Qt::CursorShape shape = Qt::ArrowCursor;
    if (m_hoverSpot.isValid()) {
        shape = Qt::PointingHandCursor;
    } else if (m_hoverMessage >= 0) {
        const MessageItem *item = message(m_hoverMessage);
        const QPoint inMessage =
            at - QPoint(columnLeft(), m_tops[size_t(m_hoverMessage)] - verticalScrollBar()->value());
        const int index = item->itemAt(inMessage.y());
        if (index < item->itemCount() && item->itemRect(index).contains(inMessage)) {
            const BlockItem *block = item->item(index);
            const bool link = !block->linkAt(inMessage - item->itemRect(index).topLeft()).isEmpty();
            shape = link ? Qt::PointingHandCursor : block->text().isEmpty() ? Qt::ArrowCursor : Qt::IBeamCursor;
        }
    }
    viewport()->setCursor(shape);
    viewport()->update();
}

void TranscriptView::mousePressEvent(QMouseEvent *event) {
    if (event->button() != Qt::LeftButton) {
        return;
    }
    m_keyboardFocus = false;
    const QPoint at = event->position().toPoint();
    m_pressPosition = at;
    m_pressedSpot = spotUnder(at);
    m_focusMessage = messageCount() > 0 ? messageAt(at.y() + verticalScrollBar()->value()) : -1;
    m_focusSpot = {};
    if (m_pressedSpot.isValid() || messageCount() == 0) {
        return;
    }
    const TextPosition position = positionAt(at);
    const bool triple =
        m_sinceDoubleClick.isValid() && m_sinceDoubleClick.elapsed() < QApplication::doubleClickInterval();
    if (triple) {
        selectUnit(position, true);
        return;
    }
    m_cursor = position;
    if (!(event->modifiers() & Qt::ShiftModifier)) m_anchor = position;
    m_selecting = true;
    viewport()->update();
}

void TranscriptView::mouseMoveEvent(QMouseEvent *event) {
    setHover(event->position().toPoint());
    if (m_selecting) {
        m_cursor = positionAt(m_mouse);
        const bool outside = m_mouse.y() < 0 || m_mouse.y() > viewport()->height();
        if (outside && !m_dragScroll.isActive()) m_dragScroll.start();
        if (!outside) m_dragScroll.stop();
        viewport()->update();
    }
}

void TranscriptView::mouseReleaseEvent(QMouseEvent *event) {
    if (event->button() != Qt::LeftButton) {
        return;
    }
    m_dragScroll.stop();
    const bool wasSelecting = std::exchange(m_selecting, false);
    const QPoint at = event->position().toPoint();
    if (m_pressedSpot.isValid()) {
        if (spotUnder(at) == m_pressedSpot) activate(m_pressedSpot);
        m_pressedSpot = {};
        return;
    }
    const bool click = (at - m_pressPosition).manhattanLength() < QApplication::startDragDistance();
    if (wasSelecting && hasSelection() && QApplication::clipboard()->supportsSelection()) {
        QApplication::clipboard()->setText(selectedText(false), QClipboard::Selection);
    }
    if (click && !hasSelection() && messageCount() > 0) {
        const int index = messageAt(at.y() + verticalScrollBar()->value());
        const MessageItem *item = message(index);
        const QPoint inMessage = at - QPoint(columnLeft(), m_tops[size_t(index)] - verticalScrollBar()->value());
        const int block = item->itemAt(inMessage.y());
        if (block < item->itemCount()) {
            const QString link = item->item(block)->linkAt(inMessage - item->itemRect(block).topLeft());
            if (!link.isEmpty()) emit linkActivated(QUrl(link));
        }
    }
}

void TranscriptView::mouseDoubleClickEvent(QMouseEvent *event) {
    if (event->button() != Qt::LeftButton || messageCount() == 0) {
        return;
    }
    const QPoint at = event->position().toPoint();
    if (spotUnder(at).isValid()) {
        mousePressEvent(event);
        return;
    }
    selectUnit(positionAt(at), false);
    m_sinceDoubleClick.restart();
}

void TranscriptView::wheelEvent(QWheelEvent *event) {
    if (event->modifiers() & Qt::ControlModifier) {
        emit zoomRequested(event->angleDelta().y() > 0 ? 1 : -1);
        event->accept();
        return;
    }
    QAbstractScrollArea::wheelEvent(event);
    setHover(event->position().toPoint());
}

bool TranscriptView::viewportEvent(QEvent *event) {
    if (event->type() == QEvent::Leave) {
        m_mouse = QPoint(-1, -1);
        m_hoverSpot = {};
        m_hoverMessage = -1;
        viewport()->update();
    } else if (event->type() == QEvent::ToolTip) {
        const auto *help = static_cast<QHelpEvent *>(event);
        const SpotPlace spot = spotUnder(help->pos());
        QString words = spot.isValid() ? spotAt(spot).label : QString();
        if (messageCount() > 0) {
            const int index = messageAt(help->pos().y() + verticalScrollBar()->value());
            const MessageItem *item = message(index);
            const QPoint inMessage =
                help->pos() - QPoint(columnLeft(), m_tops[size_t(index)] - verticalScrollBar()->value());
            const int block = item->itemAt(inMessage.y());
            if (block < item->itemCount()) {
                const QString own = item->item(block)->toolTipAt(inMessage - item->itemRect(block).topLeft());
                if (!own.isEmpty()) words = own;
            }
        }
        QToolTip::showText(help->globalPos(), plainTip(words), viewport());
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void TranscriptView::contextMenuEvent(QContextMenuEvent *event) {
    QMenu menu(this);
    const QPoint at = event->reason() == QContextMenuEvent::Mouse ? event->pos() : QPoint(-1, -1);
    const int index =
        at.y() >= 0 && messageCount() > 0 ? messageAt(at.y() + verticalScrollBar()->value()) : m_focusMessage;
    QAction *copyAction = menu.addAction(tr("&Copy"), this, [this] { copy(false); });
    QAction *markdown = menu.addAction(tr("Copy as &Markdown"), this, [this] { copy(true); });
    copyAction->setEnabled(hasSelection());
    markdown->setEnabled(hasSelection());
    if (index >= 0) {
        menu.addSeparator();
        for (const SpotPlace &place : spotsOf(index)) {
            menu.addAction(spotAt(place).label, this, [this, place] { activate(place); });
        }
    }
    menu.addSeparator();
    menu.addAction(tr("Select &all"), this, &TranscriptView::selectAll);
    menu.exec(event->globalPos());
}

// ---- keyboard

void TranscriptView::setFocusMessage(int index) {
    if (index < 0 || index >= messageCount()) {
        return;
    }
    m_focusMessage = index;
    m_focusSpot = {};
    m_keyboardFocus = true;
    if (const QRect rect = messageRect(index); rect.top() < 0 || rect.bottom() > viewport()->height()) {
        scrollToMessage(index);
    }
    if (QAccessible::isActive()) {
        QAccessibleEvent event(this, QAccessible::Focus);
        event.setChild(index);
        QAccessible::updateAccessibility(&event);
    }
    viewport()->update();
}

void TranscriptView::focusInEvent(QFocusEvent *event) {
    QAbstractScrollArea::focusInEvent(event);
    const bool keys = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason ||
                      event->reason() == Qt::ShortcutFocusReason;
    if (keys && messageCount() > 0) {
        setFocusMessage(m_focusMessage >= 0 ? m_focusMessage : messageCount() - 1);
    }
}

void TranscriptView::focusOutEvent(QFocusEvent *event) {
    QAbstractScrollArea::focusOutEvent(event);
    m_focusSpot = {};
    viewport()->update();
}

bool TranscriptView::focusNextPrevChild(bool next) {
    if (m_focusMessage >= 0 && m_focusMessage < messageCount()) {
        const QVector<SpotPlace> places = spotsOf(m_focusMessage);
        const qsizetype at = places.indexOf(m_focusSpot); // -1: the message itself
        const qsizetype target = at + (next ? 1 : -1);
        const bool stays = next ? target < places.size() : at >= 0;
        if (stays) {
            m_keyboardFocus = true;
            m_focusSpot = target >= 0 ? places[target] : SpotPlace();
            if (m_focusSpot.isValid()) ensureVisible(spotRect(m_focusSpot));
            viewport()->update();
            return true;
        }
    }
    m_focusSpot = {};
    return QAbstractScrollArea::focusNextPrevChild(next);
}

void TranscriptView::keyPressEvent(QKeyEvent *event) {
    const bool control = event->modifiers() & Qt::ControlModifier, shift = event->modifiers() & Qt::ShiftModifier;
    QScrollBar *bar = verticalScrollBar();
    if (event->matches(QKeySequence::Copy)) return copy(false);
    if (event->matches(QKeySequence::SelectAll)) return selectAll();
    const bool arrow = event->key() == Qt::Key_Left || event->key() == Qt::Key_Right || event->key() == Qt::Key_Up ||
                       event->key() == Qt::Key_Down || event->key() == Qt::Key_Home || event->key() == Qt::Key_End;
    if (shift && arrow && messageCount() > 0) {
        if (!hasSelection() && m_focusMessage >= 0 && m_cursor.message != m_focusMessage) {
            m_anchor = m_cursor = clamped({m_focusMessage, 0, 0});
            while (textOf(m_cursor).isEmpty() && m_cursor.item + 1 < message(m_focusMessage)->itemCount())
                ++m_cursor.item;
            m_anchor = m_cursor;
        }
        m_cursor = moved(m_cursor, event->key(), control);
        ensureVisible(caretRectOf(m_cursor));
        viewport()->update();
        return;
    }
    switch (event->key()) {
    case Qt::Key_Up:
    case Qt::Key_Down: {
        const int direction = event->key() == Qt::Key_Up ? -1 : 1;
        if (control) {
            setFocusMessage(std::clamp((m_focusMessage < 0 ? messageCount() : m_focusMessage) + direction, 0,
                                       std::max(0, messageCount() - 1)));
        } else {
            bar->setValue(bar->value() + direction * bar->singleStep());
        }
        return;
    }
    case Qt::Key_PageUp: bar->setValue(bar->value() - viewport()->height() * 9 / 10); return;
    case Qt::Key_PageDown: bar->setValue(bar->value() + viewport()->height() * 9 / 10); return;
    case Qt::Key_Home: bar->setValue(0); return;
    case Qt::Key_End: scrollToEnd(); return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Space:
        if (m_focusSpot.isValid()) {
            const SpotPlace place = m_focusSpot;
            activate(place);
            return;
        }
        break;
    case Qt::Key_Escape:
        if (hasSelection() || m_focusSpot.isValid()) {
            clearSelection();
            m_focusSpot = {};
            return;
        }
        break;
    default: break;
    }
    event->ignore();
}

} // namespace facet::ui
