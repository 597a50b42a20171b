// Find in this chat: matches over the shown text of all messages.
#include "ui/transcript/transcript_view.h"

#include <QScrollBar>

#include <algorithm>

namespace facet::ui {

int TranscriptView::find(const QString &words, int fromMessage) {
    m_needle = words;
    m_matches.clear();
    rebuildMatches();
    m_currentMatch = -1;
    m_searchFrom = {fromMessage >= 0 ? fromMessage : messageAt(verticalScrollBar()->value()), 0, 0};
    m_searchWaits = !words.isEmpty();
    showFirstMatch();
    viewport()->update();
    return matchCount();
}

void TranscriptView::showFirstMatch() {
    const bool all = !m_searchTimer.isActive();
    if (!m_searchWaits || (m_matches.isEmpty() && !all)) {
        return;
    }
    const auto it = std::find_if(m_matches.begin(), m_matches.end(),
                                 [this](const Match &match) { return match.at >= m_searchFrom; });
    if (it == m_matches.end() && !all) {
        return; // it may still be found
    }
    m_searchWaits = false;
    if (!m_matches.isEmpty()) {
        m_currentMatch = it == m_matches.end() ? 0 : int(it - m_matches.begin());
        showMatch();
    }
}

void TranscriptView::findNext(int step) {
    if (m_matches.isEmpty()) {
        return;
    }
    m_searchWaits = false;
    m_currentMatch = int((std::max(m_currentMatch, 0) + step + m_matches.size()) % m_matches.size());
    showMatch();
    viewport()->update();
}

void TranscriptView::rebuildMatches(int fromMessage) {
    const auto kept = std::lower_bound(m_matches.begin(), m_matches.end(), fromMessage,
                                       [](const Match &match, int message) { return match.at.message < message; });
    m_matches.erase(kept, m_matches.end());
    if (fromMessage <= m_searchedTo) {
        m_searchedTo = fromMessage;
        m_searchedItem = 0;
    }
    m_searchTimer.stop();
    if (m_needle.isEmpty()) {
        m_currentMatch = -1;
        return;
    }
    searchStep();
}

// Some more messages: what is searched has to be read first, as it is the shown text that counts. The rest follows when
// the window has had its turn.
void TranscriptView::searchStep() {
    constexpr int kMaxMatches = 5000;
    constexpr qsizetype kStep = 32 << 10; // characters of messages that nobody has looked at yet
    constexpr qsizetype kKnown = 8;       // times as many of messages that are read already
    beginStep();
    qsizetype read = 0;
    while (m_searchedTo < messageCount() && m_matches.size() < kMaxMatches && read < kStep) {
        const int m = m_searchedTo;
        const QString &source = m_source[m].text;
        const bool known = m_messages[size_t(m)] != nullptr;
        const bool possible = known || source.contains(m_needle, Qt::CaseInsensitive) || !m_source[m].tools.isEmpty() ||
                              source.contains(QLatin1Char('*')) || source.contains(QLatin1Char('`'));
        read += known ? 0 : std::min(source.size() / (possible ? 1 : kKnown), MessageItem::kParseStep);
        const MessageItem *item = possible ? message(m) : nullptr;
        for (; item && m_searchedItem < item->itemCount() && read < kStep; ++m_searchedItem) {
            const QString text = item->item(m_searchedItem)->text();
            read += text.size() / kKnown;
            for (qsizetype at = text.indexOf(m_needle, 0, Qt::CaseInsensitive);
                 at >= 0 && m_matches.size() < kMaxMatches;
                 at = text.indexOf(m_needle, at + m_needle.size(), Qt::CaseInsensitive)) {
                m_matches.append({{m, m_searchedItem, int(at)}, int(m_needle.size())});
            }
        }
        if (!item || m_searchedItem >= item->itemCount()) {
            ++m_searchedTo;
            m_searchedItem = 0;
        }
    }
    m_currentMatch = std::min<int>(m_currentMatch, int(m_matches.size()) - 1);
    if (m_searchedTo < messageCount() && m_matches.size() < kMaxMatches) m_searchTimer.start();
}

void TranscriptView::showMatch() {
    const TextPosition at = m_matches[m_currentMatch].at;
    m_stick = false;
    // First bring its message near, so that it is laid out; then the very line.
    if (const QRect rect = messageRect(at.message); rect.bottom() < 0 || rect.top() > viewport()->height()) {
        scrollToMessage(at.message);
    }
    for (int round = 0; round < 3; ++round) {
        ensureVisible(caretRectOf(at));
    }
}

} // namespace facet::ui
