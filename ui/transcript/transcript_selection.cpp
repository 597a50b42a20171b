// Places in the text of the transcript, the selection between two of them, and the clipboard.
#include "ui/transcript/transcript_view.h"

#include <QApplication>
#include <QClipboard>
#include <QScrollBar>
#include <QTextBoundaryFinder>

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
    item->layOutItem(position.item, look());
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

} // namespace facet::ui
