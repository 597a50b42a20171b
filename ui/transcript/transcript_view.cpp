#include "ui/transcript/transcript_view.h"

#include "ui/overlay/picture_cache.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"

#include <QAccessible>
#include <QEvent>
#include <QScrollBar>
#include <QToolButton>

#include <algorithm>
#include <utility>

namespace facet::ui {

namespace {
constexpr int kFrameMs = 16;
constexpr int kMarginWide = 28, kMarginNarrow = 16;
constexpr int kTopSpace = 16, kEndSpace = 20;
} // namespace

TranscriptView::TranscriptView(PictureCache *pictures, QWidget *parent)
    : QAbstractScrollArea(parent), m_pictures(pictures) {
    installTranscriptAccessibility();
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Conversation"));
    viewport()->setMouseTracking(true);
    viewport()->setCursor(Qt::ArrowCursor);
    viewport()->setAutoFillBackground(false);
    viewport()->setAttribute(Qt::WA_OpaquePaintEvent); // paintEvent fills it; nothing below need be painted
    verticalScrollBar()->setSingleStep(48);

    m_jumpButton = new QToolButton(this);
    m_jumpButton->setIcon(icon(QStringLiteral("arrow-down"), Tint::OnAccent));
    m_jumpButton->setProperty(kPrimary, true);
    m_jumpButton->setProperty(kRound, true);
    m_jumpButton->setToolTip(tr("Jump to the end (Ctrl+End)"));
    m_jumpButton->setAccessibleName(tr("Jump to the end"));
    m_jumpButton->setFixedSize(36, 36);
    m_jumpButton->hide();
    connect(m_jumpButton, &QToolButton::clicked, this, &TranscriptView::scrollToEnd);

    m_frameTimer.setObjectName(QStringLiteral("transcript frame")); // as the watchdog's log shall name them
    m_searchTimer.setObjectName(QStringLiteral("transcript search"));
    m_frameTimer.setSingleShot(true);
    m_frameTimer.setInterval(kFrameMs);
    connect(&m_frameTimer, &QTimer::timeout, this, &TranscriptView::applyPending);
    m_animation.setInterval(260);
    connect(&m_animation, &QTimer::timeout, viewport(), qOverload<>(&QWidget::update));
    m_dragScroll.setInterval(30);
    connect(&m_dragScroll, &QTimer::timeout, this, [this] {
        const int y = m_mouse.y();
        const int step = y < 0 ? y / 2 - 4 : y > viewport()->height() ? (y - viewport()->height()) / 2 + 4 : 0;
        if (step != 0) {
            verticalScrollBar()->setValue(verticalScrollBar()->value() + step);
            m_cursor = positionAt(m_mouse);
            viewport()->update();
        }
    });
    connect(verticalScrollBar(), &QScrollBar::valueChanged, this, [this] {
        if (!m_arranging) {
            beginStep();
            m_stick = isAtEnd();
            rememberPlace();
            arrange();
        }
    });
    m_searchTimer.setSingleShot(true);
    m_searchTimer.setInterval(0);
    connect(&m_searchTimer, &QTimer::timeout, this, [this] {
        searchStep();
        showFirstMatch();
        emit matchesChanged();
        viewport()->update();
    });
    connect(m_pictures, &PictureCache::loaded, viewport(), qOverload<>(&QWidget::update));
}

TranscriptView::~TranscriptView() = default;

Look TranscriptView::look() {
    return {font(), &Theme::of(palette()), m_pictures, devicePixelRatioF(), &m_step.laidOut};
}

void TranscriptView::beginStep() {
    m_worst.parsed = std::max(m_worst.parsed, m_step.parsed);
    m_worst.laidOut = std::max(m_worst.laidOut, m_step.laidOut);
    m_step = {};
}

void TranscriptView::countParsed(qsizetype characters) { m_step.parsed += characters; }

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

MessageSurroundings TranscriptView::surroundingsOf(int index) const {
    MessageSurroundings around;
    const auto pathOf = [this](const chat::Attachment &attachment) {
        return m_attachmentPath ? m_attachmentPath(attachment) : QString();
    };
    const chat::Message &message = m_source[index];
    for (const chat::Attachment &attachment : message.attachments) {
        around.attachmentPaths << pathOf(attachment);
    }
    if (message.role != chat::Role::Assistant) {
        return around;
    }
    for (int i = index - 1; i >= 0 && around.pictures.isEmpty(); --i) {
        for (const chat::Attachment &attachment : m_source[i].attachments) {
            if (attachment.kind == chat::AttachmentKind::Picture) {
                around.pictures.append(
                    {pathOf(attachment), attachment.name, QSize(attachment.width, attachment.height)});
            }
        }
    }
    if (message.state == chat::MessageState::Streaming) {
        around.thinkingNow = m_thinkingNow;
    }
    const double thought = std::clamp(message.thinkingSeconds, 0.0, 1e6);
    around.thinkingSeconds = around.thinkingNow ? m_thinkingSeconds : thought > 0 ? std::max(1, qRound(thought)) : 0;
    return around;
}

void TranscriptView::setMessages(const QVector<chat::Message> &messages) {
    beginStep();
    m_source = messages;
    m_messages.clear();
    m_messages.resize(size_t(messages.size()));
    m_pending.clear();
    m_anchor = m_cursor = {};
    m_hoverSpot = m_focusSpot = m_pressedSpot = {};
    m_hoverMessage = m_focusMessage = -1;
    m_stick = true;
    m_thinkingNow = false;
    m_thinkingSeconds = 0;
    rebuildMatches();
    arrange();
    viewport()->update();
}

void TranscriptView::addMessage(const chat::Message &message) {
    m_source.append(message);
    m_messages.emplace_back();
    if (message.role == chat::Role::User) {
        m_stick = true; // who sends wants to see it
    }
    m_pending.insert(int(m_source.size()) - 1);
    if (!m_frameTimer.isActive()) m_frameTimer.start();
}

void TranscriptView::changeMessage(int index, const chat::Message &message) {
    if (index < 0 || index >= m_source.size()) {
        return;
    }
    m_source[index] = message;
    m_pending.insert(index);
    if (!m_frameTimer.isActive()) m_frameTimer.start();
}

void TranscriptView::removeFrom(int firstIndex) {
    if (firstIndex < 0 || firstIndex >= m_source.size()) {
        return;
    }
    m_source.resize(firstIndex);
    m_messages.resize(size_t(firstIndex));
    m_pending.removeIf([firstIndex](int index) { return index >= firstIndex; });
    m_anchor = clamped(m_anchor);
    m_cursor = clamped(m_cursor);
    m_hoverSpot = m_focusSpot = m_pressedSpot = {};
    m_hoverMessage = -1;
    m_focusMessage = std::min(m_focusMessage, firstIndex - 1);
    rebuildMatches();
    arrange();
    viewport()->update();
}

void TranscriptView::replaceFrom(int first, const QVector<chat::Message> &messages) {
    if (first < 0 || first > m_source.size()) {
        return;
    }
    beginStep();
    rememberPlace();
    m_stick = false;
    m_source.resize(first);
    m_messages.resize(size_t(first));
    m_pending.removeIf([first](int index) { return index >= first; });
    m_source += messages;
    m_messages.resize(size_t(m_source.size()));
    m_anchor = m_cursor = {};
    m_hoverSpot = m_focusSpot = m_pressedSpot = {};
    m_hoverMessage = -1;
    m_focusMessage = std::min(m_focusMessage, messageCount() - 1);
    rebuildMatches();
    arrange();
    m_stick = isAtEnd();
    viewport()->update();
}

void TranscriptView::setThinking(int seconds, bool now) {
    if (seconds == m_thinkingSeconds && now == m_thinkingNow) {
        return;
    }
    m_thinkingSeconds = seconds;
    m_thinkingNow = now;
    if (!m_source.isEmpty() && m_source.last().state == chat::MessageState::Streaming) {
        changeMessage(int(m_source.size()) - 1, m_source.last());
    }
}

MessageItem *TranscriptView::message(int index) {
    if (index < 0 || index >= messageCount()) {
        return nullptr;
    }
    std::unique_ptr<MessageItem> &place = m_messages[size_t(index)];
    if (!place) {
        place = std::make_unique<MessageItem>();
        place->setMessage(m_source[index], surroundingsOf(index));
        countParsed(place->parsedCharacters());
        if (!place->isWhole()) {
            m_pending.insert(index);
            if (!m_frameTimer.isActive()) m_frameTimer.start();
        }
    }
    return place.get();
}

void TranscriptView::flush() {
    do {
        m_frameTimer.stop();
        applyPending();
    } while (!m_pending.isEmpty());
}

void TranscriptView::applyPending() {
    if (m_pending.isEmpty()) {
        return;
    }
    ++m_framesApplied;
    beginStep();
    QSet<int> unfinished;
    int first = messageCount();
    for (const int index : std::exchange(m_pending, {})) {
        first = std::min(first, index);
        if (MessageItem *item = m_messages[size_t(index)].get()) {
            if (m_step.parsed >= MessageItem::kParseStep) { // enough for one frame
                unfinished.insert(index);
                continue;
            }
            const qsizetype before = item->parsedCharacters();
            item->setMessage(m_source[index], surroundingsOf(index));
            countParsed(item->parsedCharacters() - before);
            if (!item->isWhole()) unfinished.insert(index);
        }
        notifyAccessible(index);
    }
    m_pending += unfinished;
    if (!m_pending.isEmpty()) m_frameTimer.start();
    const bool waiting =
        !m_source.isEmpty() && m_source.last().state == chat::MessageState::Streaming && m_source.last().text.isEmpty();
    if (waiting && !m_animation.isActive()) m_animation.start();
    if (!waiting) m_animation.stop();
    m_anchor = clamped(m_anchor);
    m_cursor = clamped(m_cursor);
    if (!m_needle.isEmpty()) rebuildMatches(first);
    arrange();
    viewport()->update();
}

// Positions come from exact heights where something was laid out and from estimates elsewhere. Laying out what came
// into sight changes heights, which may bring more into sight: a few rounds settle it.
void TranscriptView::arrange() {
    if (m_arranging) {
        return;
    }
    m_arranging = true;
    const Look shown = look();
    const int width = columnWidth(), view = viewport()->height();
    QScrollBar *bar = verticalScrollBar();
    for (int round = 0; round < 6; ++round) {
        m_tops.assign(m_messages.size(), 0);
        int y = kTopSpace;
        for (int i = 0; i < messageCount(); ++i) {
            m_tops[size_t(i)] = y;
            if (m_messages[size_t(i)]) {
                y += m_messages[size_t(i)]->heightFor(width, shown);
            } else {
                const chat::Message &source = m_source[i];
                const double perLine = std::max(20.0, width / 7.5);
                y += 70 + int(double(source.text.size()) / perLine + 1) * 22 +
                     (source.attachments.isEmpty() ? 0 : 250) + int(source.tools.size()) * 120;
            }
        }
        m_contentHeight = y + kEndSpace;
        bar->setPageStep(view);
        bar->setRange(0, std::max(0, m_contentHeight - view));
        if (m_stick) {
            bar->setValue(bar->maximum());
        } else if (m_placeMessage < messageCount()) {
            bar->setValue(m_tops[size_t(m_placeMessage)] + m_placeOffset);
        }
        const int top = bar->value() - 200, bottom = bar->value() + view + 200;
        bool changed = false;
        for (int i = 0; i < messageCount(); ++i) {
            const int end = i + 1 < messageCount() ? m_tops[size_t(i) + 1] : m_contentHeight;
            if (m_tops[size_t(i)] > bottom || end < top) {
                continue;
            }
            const bool fresh = !m_messages[size_t(i)];
            MessageItem *item = message(i);
            if (fresh) {
                item->heightFor(width, shown);
            }
            changed =
                item->layOut(width, top - m_tops[size_t(i)], bottom - m_tops[size_t(i)], shown) || fresh || changed;
        }
        if (!changed) {
            break;
        }
    }
    m_arranging = false;
    if (!m_stick) rememberPlace();
    updateJumpButton();
}

void TranscriptView::rememberPlace() {
    const int value = verticalScrollBar()->value();
    m_placeMessage = messageAt(value);
    m_placeOffset = m_placeMessage < int(m_tops.size()) ? value - m_tops[size_t(m_placeMessage)] : 0;
}

int TranscriptView::messageAt(int contentY) const {
    const auto it = std::upper_bound(m_tops.begin(), m_tops.end(), contentY);
    return std::max(0, int(it - m_tops.begin()) - 1);
}

bool TranscriptView::isAtEnd() const { return verticalScrollBar()->value() >= verticalScrollBar()->maximum() - 6; }

void TranscriptView::scrollToEnd() {
    m_stick = true;
    arrange();
    viewport()->update();
}

void TranscriptView::scrollToMessage(int index) {
    if (index < 0 || index >= messageCount()) {
        return;
    }
    m_stick = false;
    m_placeMessage = index;
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
        setViewportMargins(0, 0, 0, below); // resizes the viewport, which arranges again and comes back here
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

void TranscriptView::resizeEvent(QResizeEvent *event) {
    QAbstractScrollArea::resizeEvent(event);
    beginStep();
    arrange();
}

void TranscriptView::scrollContentsBy(int, int) { viewport()->update(); }

void TranscriptView::changeEvent(QEvent *event) {
    QAbstractScrollArea::changeEvent(event);
    const bool appearance = event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange ||
                            event->type() == QEvent::StyleChange;
    if (appearance) {
        beginStep();
        for (const auto &item : m_messages) {
            if (item) item->invalidate();
        }
        arrange();
        viewport()->update();
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

QString TranscriptView::lastAnswer() const {
    for (auto it = m_source.rbegin(); it != m_source.rend(); ++it) {
        if (it->role == chat::Role::Assistant && !it->text.isEmpty()) {
            return it->text;
        }
    }
    return {};
}

void TranscriptView::notifyAccessible(int index) {
    if (QAccessible::isActive() && m_source[index].state != chat::MessageState::Streaming) {
        QAccessibleEvent event(this, QAccessible::NameChanged);
        event.setChild(index);
        QAccessible::updateAccessibility(&event);
    }
}

} // namespace facet::ui
