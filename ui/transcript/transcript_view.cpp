#include "ui/transcript/transcript_view.h"

#include "ui/overlay/picture_cache.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"

#include <QAccessible>
#include <QEvent>
#include <QPaintEvent>
#include <QScrollBar>
#include <QToolButton>

#include <algorithm>

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
            m_stick = isAtEnd();
            rememberPlace();
            arrange();
        }
    });
    connect(m_pictures, &PictureCache::loaded, viewport(), qOverload<>(&QWidget::update));
}

TranscriptView::~TranscriptView() = default;

Look TranscriptView::look() const { return {font(), &Theme::of(palette()), m_pictures, devicePixelRatioF()}; }

int TranscriptView::columnWidth() const {
    const int margin = viewport()->width() < 620 ? kMarginNarrow : kMarginWide;
    return std::max(160, std::min(space::kColumn, viewport()->width() - 2 * margin));
}

int TranscriptView::columnLeft() const { return (viewport()->width() - columnWidth()) / 2; }

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
        around.thinkingSeconds = m_thinkingSeconds;
    } else {
        around.thinkingSeconds = 0;
    }
    return around;
}

void TranscriptView::setMessages(const QVector<chat::Message> &messages) {
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
    }
    return place.get();
}

void TranscriptView::flush() {
    m_frameTimer.stop();
    applyPending();
}

void TranscriptView::applyPending() {
    if (m_pending.isEmpty()) {
        return;
    }
    ++m_framesApplied;
    bool streaming = false;
    for (const int index : std::as_const(m_pending)) {
        if (MessageItem *item = m_messages[size_t(index)].get()) {
            item->setMessage(m_source[index], surroundingsOf(index));
        }
        streaming = streaming || m_source[index].state == chat::MessageState::Streaming;
        notifyAccessible(index);
    }
    m_pending.clear();
    const bool waiting =
        !m_source.isEmpty() && m_source.last().state == chat::MessageState::Streaming && m_source.last().text.isEmpty();
    if (waiting && !m_animation.isActive()) m_animation.start();
    if (!waiting) m_animation.stop();
    m_anchor = clamped(m_anchor);
    m_cursor = clamped(m_cursor);
    if (!m_needle.isEmpty()) rebuildMatches();
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

void TranscriptView::updateJumpButton() {
    const bool wanted = !isAtEnd() && verticalScrollBar()->maximum() > 40;
    m_jumpButton->setVisible(wanted);
    m_jumpButton->move(viewport()->x() + (viewport()->width() - m_jumpButton->width()) / 2,
                       viewport()->height() - m_jumpButton->height() - space::kM);
}

void TranscriptView::resizeEvent(QResizeEvent *event) {
    QAbstractScrollArea::resizeEvent(event);
    arrange();
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
        arrange();
        viewport()->update();
    }
}

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
        if (rect.bottom() < clip.top() || rect.top() > clip.bottom()) {
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

// ---- find in chat

int TranscriptView::find(const QString &words) {
    m_needle = words;
    rebuildMatches();
    m_currentMatch = -1;
    if (!m_matches.isEmpty()) {
        const TextPosition here{messageAt(verticalScrollBar()->value()), 0, 0};
        const auto it =
            std::find_if(m_matches.begin(), m_matches.end(), [&](const Match &match) { return match.at >= here; });
        m_currentMatch = it == m_matches.end() ? 0 : int(it - m_matches.begin());
        showMatch();
    }
    viewport()->update();
    return matchCount();
}

void TranscriptView::findNext(int step) {
    if (m_matches.isEmpty()) {
        return;
    }
    m_currentMatch = int((m_currentMatch + step + m_matches.size()) % m_matches.size());
    showMatch();
    viewport()->update();
}

void TranscriptView::rebuildMatches() {
    m_matches.clear();
    if (m_needle.isEmpty()) {
        m_currentMatch = -1;
        return;
    }
    constexpr int kMaxMatches = 5000;
    for (int m = 0; m < messageCount() && m_matches.size() < kMaxMatches; ++m) {
        const bool possible = m_messages[size_t(m)] || m_source[m].text.contains(m_needle, Qt::CaseInsensitive) ||
                              !m_source[m].tools.isEmpty() || m_source[m].text.contains(QLatin1Char('*')) ||
                              m_source[m].text.contains(QLatin1Char('`'));
        if (!possible) {
            continue;
        }
        const MessageItem *item = message(m);
        for (int i = 0; i < item->itemCount(); ++i) {
            const QString text = item->item(i)->text();
            for (qsizetype at = text.indexOf(m_needle, 0, Qt::CaseInsensitive);
                 at >= 0 && m_matches.size() < kMaxMatches;
                 at = text.indexOf(m_needle, at + m_needle.size(), Qt::CaseInsensitive)) {
                m_matches.append({{m, i, int(at)}, int(m_needle.size())});
            }
        }
    }
    m_currentMatch = m_matches.isEmpty() ? -1 : std::clamp<int>(m_currentMatch, 0, int(m_matches.size()) - 1);
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

void TranscriptView::notifyAccessible(int index) {
    if (QAccessible::isActive() && m_source[index].state != chat::MessageState::Streaming) {
        QAccessibleEvent event(this, QAccessible::NameChanged);
        event.setChild(index);
        QAccessible::updateAccessibility(&event);
    }
}

} // namespace facet::ui
