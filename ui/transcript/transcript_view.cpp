#include "ui/transcript/transcript_view.h"

#include "ui/overlay/picture_cache.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"

#include <QAccessible>
#include <QEvent>
#include <QScrollBar>
#include <QThreadPool>
#include <QToolButton>

#include <algorithm>
#include <utility>

namespace facet::ui {

namespace {
constexpr int kFrameMs = 16;
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
    m_settleTimer.setObjectName(QStringLiteral("transcript layout"));
    m_freeTimer.setObjectName(QStringLiteral("transcript cleaning"));
    m_frameTimer.setSingleShot(true);
    m_frameTimer.setInterval(kFrameMs);
    m_settleTimer.setSingleShot(true);
    m_settleTimer.setInterval(1); // what was laid out is painted first
    connect(&m_settleTimer, &QTimer::timeout, this, &TranscriptView::settle);
    m_fontTimer.setObjectName(QStringLiteral("transcript fonts"));
    m_fontTimer.setInterval(kFrameMs);
    connect(&m_fontTimer, &QTimer::timeout, this, [this] {
        if (!look().fonts->warmUp()) m_fontTimer.stop();
    });
    m_fontTimer.start(); // out of sight as well: the first conversation is opened later
    m_freeTimer.setSingleShot(true);
    connect(&m_freeTimer, &QTimer::timeout, this, &TranscriptView::freeSome);
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
    if (!m_fonts || m_fonts->base() != font()) m_fonts = std::make_shared<const TextFonts>(font());
    return {font(), &Theme::of(palette()), m_pictures, devicePixelRatioF(), &m_step.laidOut, m_fonts};
}

void TranscriptView::beginStep() {
    m_worst.parsed = std::max(m_worst.parsed, m_step.parsed);
    m_worst.laidOut = std::max(m_worst.laidOut, m_step.laidOut);
    m_worst.freed = std::max(m_worst.freed, m_step.freed);
    m_step = {};
}

void TranscriptView::countParsed(qsizetype characters) { m_step.parsed += characters; }

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
    // Texts are freed by another thread; what draws them belongs to this one.
    QThreadPool::globalInstance()->start([old = std::exchange(m_source, messages)] {});
    discard(0);
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
    beginStep();
    m_source.resize(firstIndex);
    discard(size_t(firstIndex));
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
    discard(size_t(first));
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
        if (m_unsettled) settle();
    } while (!isSettled());
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

void TranscriptView::resizeEvent(QResizeEvent *event) {
    QAbstractScrollArea::resizeEvent(event);
    if (!m_arranging && !m_sameStep) beginStep();
    arrange();
}

void TranscriptView::showEvent(QShowEvent *event) {
    QAbstractScrollArea::showEvent(event);
    m_fontTimer.start();
}

void TranscriptView::scrollContentsBy(int, int) { viewport()->update(); }

void TranscriptView::changeEvent(QEvent *event) {
    QAbstractScrollArea::changeEvent(event);
    const bool appearance = event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange ||
                            event->type() == QEvent::StyleChange;
    if (appearance) {
        for (const auto &item : m_messages) {
            if (item) item->invalidate();
        }
        m_unsettled = true; // all other widgets change with it: what is in sight follows, step by step
        m_settleTimer.start();
        if (event->type() == QEvent::FontChange) m_fontTimer.start();
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
