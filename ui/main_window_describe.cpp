// What the window shows, as values. For tests of the whole program: pictures cannot be compared from machine to machine.
#include "ui/composer/attachment_chip.h"
#include "ui/composer/composer.h"
#include "ui/main_window_parts.h"
#include "ui/transcript/transcript_view.h"
#include "ui/widgets/bars.h"

#include <QAbstractScrollArea>
#include <QJsonArray>
#include <QJsonObject>
#include <QLabel>
#include <QStackedWidget>
#include <QToolButton>

#include <array>

namespace facet::ui {

namespace {

QJsonArray rectOf(const QRectF &rect) { return {rect.x(), rect.y(), rect.width(), rect.height()}; }

QString stateName(chat::MessageState state) {
    static constexpr std::array kNames = {"complete", "streaming", "stopped", "interrupted", "failed"};
    return QLatin1String(kNames[size_t(state)]);
}

QString engineName(chat::EngineState::Kind kind) {
    static constexpr std::array kNames = {"stopped", "starting", "loading", "ready", "failed", "crashed"};
    return QLatin1String(kNames[size_t(kind)]);
}

QString toolName(chat::ToolState state) {
    static constexpr std::array kNames = {"asking", "denied", "running", "done", "failed"};
    return QLatin1String(kNames[size_t(state)]);
}

// The marked picture of an answer where it is drawn; places in the coordinates of the transcript's viewport.
QJsonObject pictureOf(TranscriptView *transcript, int index) {
    const MessageItem *message = transcript->message(index);
    const MarkedPictureItem *marked = message->markedPicture();
    if (!marked) {
        return {};
    }
    for (int i = 0; i < message->itemCount(); ++i) {
        if (message->item(i) != marked) {
            continue;
        }
        const QPoint origin = transcript->messageRect(index).topLeft() + message->itemRect(i).topLeft();
        const QRectF place = marked->pictureRect().translated(origin);
        QJsonArray marks;
        for (const OverlayMark &mark : marked->marks()) {
            marks.append(QJsonObject{{QStringLiteral("label"), mark.label},
                                     {QStringLiteral("point"), mark.point},
                                     {QStringLiteral("grid"), rectOf(mark.grid)},
                                     {QStringLiteral("rect"),
                                      rectOf(markRect(mark, place, transcript->devicePixelRatioF()))}});
        }
        return {{QStringLiteral("name"), marked->picture().name},
                {QStringLiteral("rect"), rectOf(place)},
                {QStringLiteral("inSight"), transcript->viewport()->rect().intersects(place.toAlignedRect())},
                {QStringLiteral("marks"), marks}};
    }
    return {};
}

} // namespace

QJsonObject MainWindow::Parts::describe() {
    m_transcript->flush();
    QJsonArray messages;
    const auto &all = m_controller->messages();
    for (int i = 0; i < all.size() && i < m_transcript->messageCount(); ++i) {
        const chat::Message &message = all[i];
        QJsonArray tools;
        for (const chat::ToolUse &use : message.tools) {
            tools.append(QJsonObject{{QStringLiteral("tool"), use.tool},
                                     {QStringLiteral("state"), toolName(use.state)},
                                     {QStringLiteral("result"), use.result}});
        }
        messages.append(QJsonObject{
            {QStringLiteral("role"), message.role == chat::Role::User ? QStringLiteral("user")
                                                                      : QStringLiteral("assistant")},
            {QStringLiteral("state"), stateName(message.state)},
            {QStringLiteral("text"), message.text},
            {QStringLiteral("thinking"), message.thinking},
            {QStringLiteral("notice"), message.notice},
            {QStringLiteral("attachments"), int(message.attachments.size())},
            {QStringLiteral("tools"), tools},
            {QStringLiteral("picture"), pictureOf(m_transcript, i)},
        });
    }
    QJsonArray chips;
    for (const AttachmentChip *chip : m_composer->chips()) {
        chips.append(QJsonObject{{QStringLiteral("name"), chip->accessibleName()},
                                 {QStringLiteral("ready"), chip->isReady()},
                                 {QStringLiteral("tokens"), chip->attachment().tokens}});
    }
    const chat::EngineState engine = m_controller->engine();
    return {{QStringLiteral("title"), m_window->windowTitle()},
            {QStringLiteral("size"), QJsonArray{m_window->width(), m_window->height()}},
            {QStringLiteral("visible"), m_window->isVisible()},
            {QStringLiteral("engine"), engineName(engine.kind)},
            {QStringLiteral("model"), engine.modelName},
            {QStringLiteral("demo"), engine.demoModel},
            {QStringLiteral("running"), m_controller->progress().phase != chat::TurnPhase::Idle},
            {QStringLiteral("empty"), m_stack->currentIndex() == 0},
            {QStringLiteral("status"), m_status->text()},
            {QStringLiteral("send"), m_composer->sendButton()->accessibleName()},
            {QStringLiteral("sendEnabled"), m_composer->sendButton()->isEnabled()},
            {QStringLiteral("written"), m_composer->text()},
            {QStringLiteral("chats"), int(m_controller->conversations().size())},
            {QStringLiteral("chips"), chips},
            {QStringLiteral("messages"), messages}};
}

} // namespace facet::ui
