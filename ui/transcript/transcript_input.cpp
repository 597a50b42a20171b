// Mouse, keyboard, selection and clipboard of the transcript.
#include "ui/transcript/transcript_view.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QMenu>
#include <QMimeData>
#include <QMouseEvent>
#include <QScrollBar>
#include <QTextBoundaryFinder>
#include <QToolTip>
#include <QWheelEvent>

#include <algorithm>

namespace facet::ui {

// ---- positions

TextPosition TranscriptView::clamped(TextPosition position) const {
    if (messageCount() == 0) {
        return {};
    }
    position.message = std::clamp(position.message, 0, messageCount() - 1);
    const MessageItem *item = m_messages[size_t(position.message)].get();
    if (!item || item->itemCount() == 0) {
        return {position.message, 0, 0};
    }
    position.item = std::clamp(position.item, 0, item->itemCount() - 1);
    position.offset = std::clamp<int>(position.offset, 0, int(item->item(position.item)->text().size()));
    return position;
}

QString TranscriptView::textOf(const TextPosition &position) const {
    const MessageItem *item = position.message < messageCount() ? m_messages[size_t(position.message)].get() : nullptr;
    return item && position.item < item->itemCount() ? item->item(position.item)->text() : QString();
}

TextPosition TranscriptView::positionAt(const QPoint &at) {
    if (messageCount() == 0) {
        return {};
    }
    const int index = messageAt(at.y() + verticalScrollBar()->value());
    MessageItem *item = message(index);
    const QPoint inMessage = at - QPoint(columnLeft(), m_tops[size_t(index)] - verticalScrollBar()->value());
    int best = item->itemAt(inMessage.y());
    // Cards without text do not catch the cursor: the nearest text above does.
    while (best > 0 && item->item(best)->text().isEmpty()) --best;
    const QRect rect = item->itemRect(best);
    if (inMessage.y() > rect.bottom() + 4) {
        return {index, best, int(item->item(best)->text().size())};
    }
    return {index, best, item->item(best)->offsetAt(inMessage - rect.topLeft())};
}

QRect TranscriptView::caretRectOf(const TextPosition &position) {
    MessageItem *item = message(position.message);
    if (!item || position.item >= item->itemCount()) {
        return {};
    }
    item->item(position.item)->layoutFor(item->itemRect(position.item).width(), look());
    arrange();
    const QRect rect = item->itemRect(position.item);
    return item->item(position.item)
        ->caretRect(position.offset)
        .translated(rect.topLeft() +
                    QPoint(columnLeft(), m_tops[size_t(position.message)] - verticalScrollBar()->value()));
}

TextPosition TranscriptView::moved(const TextPosition &from, int key, bool word) {
    const auto step = [this](TextPosition at, int direction) { // to the next item with text
        while (true) {
            at.item += direction;
            if (at.item < 0 || at.item >= message(at.message)->itemCount()) {
                at.message += direction;
                if (at.message < 0 || at.message >= messageCount()) {
                    return TextPosition{-1, 0, 0};
                }
                at.item = direction > 0 ? 0 : message(at.message)->itemCount() - 1;
            }
            if (at.item >= 0 && at.item < message(at.message)->itemCount() && !textOf(at).isEmpty()) {
                at.offset = direction > 0 ? 0 : int(textOf(at).size());
                return at;
            }
        }
    };
    TextPosition to = from;
    const QString text = textOf(from);
    if (key == Qt::Key_Left || key == Qt::Key_Right) {
        const int direction = key == Qt::Key_Left ? -1 : 1;
        QTextBoundaryFinder finder(word ? QTextBoundaryFinder::Word : QTextBoundaryFinder::Grapheme, text);
        finder.setPosition(from.offset);
        const qsizetype next = direction > 0 ? finder.toNextBoundary() : finder.toPreviousBoundary();
        if (next >= 0) {
            to.offset = int(next);
            return to;
        }
        to = step(from, direction);
    } else if (key == Qt::Key_Home) {
        to.offset = 0;
    } else if (key == Qt::Key_End) {
        to.offset = int(text.size());
    } else if (key == Qt::Key_Up || key == Qt::Key_Down) {
        const QRect caret = caretRectOf(from);
        const bool up = key == Qt::Key_Up;
        to = positionAt(QPoint(caret.left(), up ? caret.top() - 4 : caret.bottom() + 8));
        if (to == from || (up ? to > from : to < from)) {
            to = step(from, up ? -1 : 1);
        }
    }
    return to.message < 0 ? from : to;
}

// ---- selection

void TranscriptView::setSelection(const TextPosition &from, const TextPosition &to) {
    for (const TextPosition &each : {from, to}) message(each.message);
    m_anchor = clamped(from);
    m_cursor = clamped(to);
    viewport()->update();
}

void TranscriptView::selectAll() {
    if (messageCount() > 0) {
        setSelection({0, 0, 0}, {messageCount() - 1, message(messageCount() - 1)->itemCount() - 1, 1 << 30});
    }
}

void TranscriptView::clearSelection() {
    m_anchor = m_cursor;
    viewport()->update();
}

void TranscriptView::selectUnit(const TextPosition &at, bool paragraph) {
    const QString text = textOf(at);
    int from = 0, to = int(text.size());
    if (!paragraph) {
        QTextBoundaryFinder finder(QTextBoundaryFinder::Word, text);
        finder.setPosition(std::min<qsizetype>(at.offset + 1, text.size()));
        from = int(std::max<qsizetype>(0, finder.toPreviousBoundary()));
        finder.setPosition(std::min<qsizetype>(from, text.size()));
        const qsizetype next = finder.toNextBoundary();
        to = next < 0 ? int(text.size()) : int(next);
    }
    m_anchor = {at.message, at.item, from};
    m_cursor = {at.message, at.item, to};
    viewport()->update();
}

QString TranscriptView::selectedText(bool asMarkdown) const {
    const TextPosition from = std::min(m_anchor, m_cursor), to = std::max(m_anchor, m_cursor);
    if (from == to) {
        return {};
    }
    QString out;
    auto *self = const_cast<TranscriptView *>(this); // messages out of sight are built on demand
    for (int m = from.message; m <= to.message && m < messageCount(); ++m) {
        const MessageItem *item = self->message(m);
        bool first = true;
        for (int i = m == from.message ? from.item : 0; i < item->itemCount() && (m < to.message || i <= to.item);
             ++i) {
            const BlockItem *block = item->item(i);
            const int length = int(block->text().size());
            const int begin = m == from.message && i == from.item ? from.offset : 0;
            const int end = m == to.message && i == to.item ? std::min(to.offset, length) : length;
            if (length == 0 || begin >= end) {
                continue;
            }
            if (!out.isEmpty()) {
                out += first || block->gapBefore() > 4 ? QLatin1String("\n\n") : QLatin1String("\n");
            }
            first = false;
            out += block->copied(begin, end, asMarkdown);
        }
    }
    return out;
}

void TranscriptView::copy(bool asMarkdown) {
    QString text = selectedText(asMarkdown);
    if (text.isEmpty() && m_focusMessage >= 0) {
        text = m_source[m_focusMessage].text;
    }
    if (!text.isEmpty()) {
        QApplication::clipboard()->setText(text);
        emit copied();
    }
}

// ---- hot spots

QVector<SpotPlace> TranscriptView::spotsOf(int index) {
    QVector<SpotPlace> places;
    MessageItem *item = message(index);
    if (!item) {
        return places;
    }
    // Spots need exact geometry; a message out of sight is laid out for them.
    item->heightFor(columnWidth(), look());
    if (item->layOut(columnWidth(), -1, 1 << 30, look())) {
        arrange();
    }
    for (int i = 0; i < item->itemCount(); ++i) {
        const auto spots = item->item(i)->hotSpots();
        for (int s = 0; s < spots.size(); ++s) {
            places.append({index, i, s});
        }
    }
    return places;
}

HotSpot TranscriptView::spotAt(const SpotPlace &place) {
    const MessageItem *item = message(place.message);
    return item && place.item < item->itemCount() ? item->item(place.item)->hotSpots().value(place.spot) : HotSpot();
}

QRect TranscriptView::spotRect(const SpotPlace &place) {
    const MessageItem *item = message(place.message);
    if (!item || place.item >= item->itemCount()) {
        return {};
    }
    return spotAt(place).rect.translated(
        item->itemRect(place.item).topLeft() +
        QPoint(columnLeft(), m_tops[size_t(place.message)] - verticalScrollBar()->value()));
}

SpotPlace TranscriptView::spotUnder(const QPoint &at) {
    if (messageCount() == 0) {
        return {};
    }
    const int index = messageAt(at.y() + verticalScrollBar()->value());
    const MessageItem *item = message(index);
    const QPoint origin(columnLeft(), m_tops[size_t(index)] - verticalScrollBar()->value());
    for (int i = 0; i < item->itemCount(); ++i) {
        const QRect rect = item->itemRect(i).translated(origin);
        if (!rect.adjusted(0, -4, 0, 4).contains(at)) {
            continue;
        }
        const auto spots = item->item(i)->hotSpots();
        for (int s = int(spots.size()) - 1; s >= 0; --s) {
            if (spots[s].rect.translated(rect.topLeft()).contains(at)) {
                return {index, i, s};
            }
        }
    }
    return {};
}

void TranscriptView::activate(const SpotPlace &place) {
    MessageItem *item = message(place.message);
    if (!item) {
        return;
    }
    const HotSpot spot = spotAt(place);
    const auto toClipboard = [this](const QString &text) {
        QApplication::clipboard()->setText(text);
        emit copied();
    };
    const bool folds = spot.action == SpotAction::ToggleThinking || spot.action == SpotAction::ToggleCode;
    if (folds) {
        if (spot.action == SpotAction::ToggleThinking) {
            item->toggleThinking();
        } else {
            item->toggleCode();
        }
        m_anchor = m_cursor = clamped(m_cursor);
        if (m_stick && item->message().state != chat::MessageState::Streaming) {
            m_stick = false; // what was opened stays where it was clicked
            rememberPlace();
        }
        rebuildMatches();
        arrange();
        viewport()->update();
        return;
    }
    switch (spot.action) {
    case SpotAction::CopyCode: toClipboard(spot.argument); break;
    case SpotAction::CopyMessage: toClipboard(item->message().text); break;
    case SpotAction::CopyMarks:
        if (item->markedPicture()) toClipboard(marksAsJson(item->markedPicture()->marks()));
        break;
    case SpotAction::EditMessage: emit editRequested(place.message); break;
    case SpotAction::Regenerate: emit regenerateRequested(place.message); break;
    case SpotAction::DenyTool: emit toolDecided(place.message, spot.argument, false); break;
    case SpotAction::AllowTool: emit toolDecided(place.message, spot.argument, true); break;
    case SpotAction::OpenPicture: {
        if (const MarkedPictureItem *marked = item->markedPicture()) {
            emit pictureOpened(place.message, marked->picture().path, marked->picture().name, marked->picture().size,
                               marked->marks());
            break;
        }
        for (const chat::Attachment &attachment : item->message().attachments) {
            if (m_attachmentPath && m_attachmentPath(attachment) == spot.argument) {
                emit pictureOpened(place.message, spot.argument, attachment.name,
                                   QSize(attachment.width, attachment.height), {});
                break;
            }
        }
        break;
    }
    default: break;
    }
}

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
        QToolTip::showText(help->globalPos(), words, viewport());
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
