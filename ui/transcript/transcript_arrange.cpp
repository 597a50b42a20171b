// Where everything stands: positions, the scroll range, what is laid out when, the reader's place, the way to the end.
#include "ui/transcript/transcript_view.h"

#include "ui/theme/theme.h"

#include <QScrollBar>
#include <QToolButton>

#include <algorithm>

namespace facet::ui {

namespace {
constexpr int kMarginWide = 28, kMarginNarrow = 16;
constexpr int kTopSpace = 16, kEndSpace = 20;
} // namespace

int TranscriptView::columnWidth() const {
    const int margin = viewport()->width() < 620 ? kMarginNarrow : kMarginWide;
    return std::max(160, std::min(space::kColumn, viewport()->width() - 2 * margin));
}

// In the middle of the whole view, scroll bar included: the column stands over the composer and does not move when the
// bar comes.
int TranscriptView::columnLeft() const {
    const int most = viewport()->width() - columnWidth() - kMarginNarrow / 2;
    return std::max(0, std::min((width() - columnWidth()) / 2, most));
}

void TranscriptView::settle() {
    beginStep();
    arrange();
    viewport()->update();
}

// Freeing the layouts of a long conversation takes longer than a frame.
void TranscriptView::discard(size_t from) {
    for (size_t i = from; i < m_messages.size(); ++i) {
        if (m_messages[i]) m_discarded.push_back(std::move(m_messages[i]));
    }
    m_messages.resize(from);
    if (!m_discarded.empty()) m_freeTimer.start();
}

void TranscriptView::freeSome() {
    constexpr int kAtOnce = 150;
    beginStep();
    int items = kAtOnce;
    while (!m_discarded.empty() && m_discarded.back()->shed(items)) m_discarded.pop_back();
    m_step.freed = kAtOnce - items;
    if (!m_discarded.empty()) m_freeTimer.start();
}

// Positions come from exact heights where something was laid out and from estimates elsewhere. Laying out what came
// into sight changes heights, which may bring more into sight: a few rounds settle it. What is in sight comes first, then
// what is near; when the step is full, the rest waits for the next one.
void TranscriptView::arrange() {
    constexpr int kRounds = 12, kNear = 200;
    if (m_arranging) {
        return;
    }
    m_arranging = true;
    m_unsettled = false;
    const Look shown = look();
    bool changed = true;
    for (int round = 0; round < kRounds && changed && !m_unsettled; ++round) {
        place(shown);
        MessageItem::Laid laid = layOutSight(0, shown);
        if (!laid.changed && !laid.unfinished) laid = layOutSight(kNear, shown);
        changed = laid.changed;
        m_unsettled = laid.unfinished;
    }
    if (changed) place(shown);
    m_arranging = false;
    if (m_unsettled) m_settleTimer.start();
    if (!m_stick) rememberPlace();
    updateJumpButton();
}

void TranscriptView::place(const Look &shown) {
    const int width = columnWidth(), view = viewport()->height();
    QScrollBar *bar = verticalScrollBar();
    m_tops.assign(m_messages.size(), 0);
    int y = kTopSpace;
    for (int i = 0; i < messageCount(); ++i) {
        m_tops[size_t(i)] = y;
        if (m_messages[size_t(i)]) {
            y += m_messages[size_t(i)]->heightFor(width, shown);
        } else {
            const chat::Message &source = m_source[i];
            const double perLine = std::max(20.0, width / 7.5);
            y += 70 + int(double(source.text.size()) / perLine + 1) * 22 + (source.attachments.isEmpty() ? 0 : 250) +
                 int(source.tools.size()) * 120;
        }
    }
    m_contentHeight = y + kEndSpace;
    bar->setPageStep(view);
    bar->setRange(0, std::max(0, m_contentHeight - view));
    if (m_stick) {
        bar->setValue(bar->maximum());
    } else if (m_placeMessage < messageCount()) {
        bar->setValue(placeTop() + m_placeOffset);
    }
}

bool TranscriptView::isStepFull() const {
    constexpr qsizetype kReading = 6; // characters are read in the time in which one is laid out
    return m_step.laidOut + m_step.parsed / kReading >= kLayoutStep;
}

// Begins at the end that the reader's eye is on.
MessageItem::Laid TranscriptView::layOutSight(int margin, const Look &shown) {
    const int width = columnWidth();
    const int top = verticalScrollBar()->value() - margin;
    const int bottom = verticalScrollBar()->value() + viewport()->height() + margin;
    MessageItem::Laid all;
    for (int step = 0; step < messageCount() && !all.unfinished; ++step) {
        const int i = m_stick ? messageCount() - 1 - step : step;
        const int end = i + 1 < messageCount() ? m_tops[size_t(i) + 1] : m_contentHeight;
        if (m_tops[size_t(i)] > bottom || end < top) {
            continue;
        }
        const bool fresh = !m_messages[size_t(i)];
        if (fresh && isStepFull()) {
            all.unfinished = true;
            break;
        }
        MessageItem *item = message(i);
        item->heightFor(width, shown);
        if (fresh) { // its height was a rough guess: all that is below is elsewhere
            all.changed = true;
            continue;
        }
        const MessageItem::Laid laid = item->layOut(
            width, {top - m_tops[size_t(i)], bottom - m_tops[size_t(i)], m_stick, kLayoutStep}, shown);
        all.changed = all.changed || laid.changed;
        all.unfinished = laid.unfinished;
    }
    return all;
}

void TranscriptView::rememberPlace() {
    const int value = verticalScrollBar()->value();
    m_placeMessage = messageAt(value);
    m_placeItem = 0;
    m_placeOffset = 0;
    if (m_placeMessage < int(m_tops.size())) {
        MessageItem *item = m_messages[size_t(m_placeMessage)].get();
        if (item) item->heightFor(columnWidth(), look()); // knows where its blocks are
        m_placeItem = item && item->itemCount() > 0 ? item->itemAt(value - m_tops[size_t(m_placeMessage)]) : 0;
        m_placeOffset = value - placeTop();
    }
}

// Of the block that was at the top edge: what grows above it must not move it.
int TranscriptView::placeTop() const {
    const MessageItem *item = m_messages[size_t(m_placeMessage)].get();
    const bool known = item && m_placeItem > 0 && m_placeItem < item->itemCount();
    const int within = known ? item->itemRect(m_placeItem).top() : 0;
    return m_tops[size_t(m_placeMessage)] + within;
}

int TranscriptView::messageAt(int contentY) const {
    const auto it = std::upper_bound(m_tops.begin(), m_tops.end(), contentY);
    return std::max(0, int(it - m_tops.begin()) - 1);
}

bool TranscriptView::isAtEnd() const { return verticalScrollBar()->value() >= verticalScrollBar()->maximum() - 6; }

void TranscriptView::scrollToEnd() {
    beginStep();
    m_stick = true;
    arrange();
    viewport()->update();
}

void TranscriptView::scrollToMessage(int index) {
    if (index < 0 || index >= messageCount()) {
        return;
    }
    m_stick = false;
    beginStep();
    m_placeMessage = index;
    m_placeItem = 0;
    m_placeOffset = -space::kS;
    arrange();
    viewport()->update();
}

// Beside the column where there is room for it; else below the text, which makes way: no line is ever hidden by it.
void TranscriptView::updateJumpButton() {
    const bool wanted = !isAtEnd() && verticalScrollBar()->maximum() > 40;
    const int side = m_jumpButton->width();
    const bool beside = columnLeft() >= side + 2 * space::kS;
    const int below = wanted && !beside ? side + space::kS : 0;
    if (viewportMargins().bottom() != below) {
        m_sameStep = true;
        setViewportMargins(0, 0, 0, below); // resizes the viewport, which arranges again and comes back here
        m_sameStep = false;
    }
    m_jumpButton->setVisible(wanted);
    const QRect view = viewport()->geometry();
    if (beside) {
        m_jumpButton->move(view.left() + columnLeft() + columnWidth() + space::kS,
                           view.bottom() + 1 - side - space::kM);
    } else {
        m_jumpButton->move(view.left() + (view.width() - side) / 2, view.bottom() + 1 + space::kXs);
    }
}

QRect TranscriptView::messageRect(int index) {
    if (index < 0 || index >= messageCount()) {
        return {};
    }
    const int height = message(index)->heightFor(columnWidth(), look());
    return {columnLeft(), m_tops[size_t(index)] - verticalScrollBar()->value(), columnWidth(), height};
}

void TranscriptView::ensureVisible(const QRect &rect) {
    const int view = viewport()->height();
    QScrollBar *bar = verticalScrollBar();
    if (rect.top() < space::kL) {
        bar->setValue(bar->value() + rect.top() - space::kXl);
    } else if (rect.bottom() > view - space::kL) {
        bar->setValue(bar->value() + std::min(rect.bottom() - view + space::kXl, rect.top() - space::kXl));
    }
}

} // namespace facet::ui
