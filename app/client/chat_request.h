// What is asked of an engine and what comes back, as plain values: the same for the own host, remote servers and the
// scripted engine.
#pragma once

#include "chat/types.h"

#include <QJsonArray>
#include <QString>
#include <QStringList>
#include <QUrl>
#include <QVector>

#include <optional>

namespace facet::client {

// Where an engine listens. `base` has no path for the own host and usually ends in /v1 for others.
struct Endpoint {
    QUrl base;
    QString key;
    QString model;
    bool privateHost = false; // ours: takes file: URLs and x_facet fields
};

struct MediaPart {
    chat::AttachmentKind kind = chat::AttachmentKind::Picture;
    QString path;   // file in the media store
    QString suffix; // lower case
    QString name;   // as the user knows it, for messages
    int tokenBudget = 0;
};

struct CallPart {
    QString id, name, argumentsJson;
};

struct RequestMessage {
    enum class Role { System, User, Assistant, Tool };
    Role role = Role::User;
    QString text;
    QVector<MediaPart> media;     // user; they come before the text
    QVector<CallPart> calls;      // assistant
    QString reasoning;            // assistant, inside a running tool loop only
    QString toolCallId, toolName; // tool
};

struct ChatRequest {
    QVector<RequestMessage> messages;
    QJsonArray tools; // OpenAI declarations
    chat::GenerationSettings settings;
};

// What has come since the last update.
struct StreamUpdate {
    QString text, thinking;
    std::optional<chat::TurnProgress> progress;
    QStringList malformed; // tool calls that could not be read, as the model wrote them
};

enum class FailureKind {
    Unreachable,  // no connection
    Disconnected, // broke off in the middle
    Crashed,      // the own host died
    TimedOut,
    Unauthorised,
    NotFound, // no such address or model
    Busy,
    ContextExceeded,
    Rejected, // the server says that the request is wrong
    ServerFailed,
    BadResponse,   // not the protocol
    MediaUnusable, // an attachment cannot be sent there
    NoModel,       // nothing could be loaded
};

struct Failure {
    FailureKind kind = FailureKind::ServerFailed;
    int status = 0;  // of HTTP, 0: none
    QString message; // what the server or the system says
};

struct StreamResult {
    enum class End { Stop, Length, ToolCalls, Failed };
    End end = End::Stop;
    QVector<CallPart> calls;
    int promptTokens = 0, completionTokens = 0, cachedTokens = 0;
    double tokensPerSecond = 0, firstTokenMs = 0;
    Failure failure; // Failed
};

// What a medium is and costs.
struct MediaCost {
    int tokens = -1;
    int width = 0, height = 0;
    double seconds = 0;
};

} // namespace facet::client
