// The buttons inside messages: where they are and what they do.
#include "ui/transcript/transcript_view.h"

#include <QApplication>
#include <QClipboard>
#include <QScrollBar>

namespace facet::ui {

QVector<SpotPlace> TranscriptView::spotsOf(int index) {
    QVector<SpotPlace> places;
    MessageItem *item = message(index);
    if (!item) {
        return places;
    }
    // Spots need exact geometry; a message out of sight is laid out for them.
    item->heightFor(columnWidth(), look());
    if (item->layOutSpots(columnWidth(), look())) {
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
        if (!item->isWhole()) { // a long thought is read step by step
            m_pending.insert(place.message);
            if (!m_frameTimer.isActive()) m_frameTimer.start();
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
    case SpotAction::OlderVersion:
    case SpotAction::NewerVersion: {
        const chat::Message &shown = item->message();
        const int step = spot.action == SpotAction::OlderVersion ? -1 : 1;
        emit versionRequested(place.message, int(shown.versions.indexOf(shown.id)) + step);
        break;
    }
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

} // namespace facet::ui
