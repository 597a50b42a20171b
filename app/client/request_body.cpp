#include "client/request_body.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QFile>
#include <QImage>
#include <QImageReader>
#include <QJsonDocument>
#include <QJsonObject>

#include <utility>

namespace facet::client {
namespace {

using chat::AttachmentKind;

QString tr(const char *text) { return QCoreApplication::translate("RequestBody", text); }

QJsonObject part(const char *type, const char *key, const QJsonValue &value) {
    return {{QStringLiteral("type"), QLatin1String(type)}, {QLatin1String(key), value}};
}

class BodyBuilder {
public:
    BodyBuilder(const ChatRequest &request, const Endpoint &endpoint) : m_request(request), m_endpoint(endpoint) {}

    std::variant<QByteArray, Failure> build() {
        QJsonArray messages;
        for (const RequestMessage &message : m_request.messages) {
            messages.append(messageObject(message));
        }
        if (!m_failure.message.isEmpty()) {
            return m_failure;
        }
        QJsonObject body{{QStringLiteral("messages"), messages},
                         {QStringLiteral("stream"), true},
                         {QStringLiteral("stream_options"), QJsonObject{{QStringLiteral("include_usage"), true}}}};
        if (!m_endpoint.model.isEmpty()) {
            body.insert(QStringLiteral("model"), m_endpoint.model);
        }
        if (!m_request.tools.isEmpty()) {
            body.insert(QStringLiteral("tools"), m_request.tools);
        }
        addSettings(body);
        if (m_endpoint.privateHost) {
            body.insert(QStringLiteral("x_facet"), QJsonObject{{QStringLiteral("progress"), true}});
        }
        return QJsonDocument(body).toJson(QJsonDocument::Compact);
    }

private:
    // Strict servers refuse fields that they do not know, so those outside OpenAI's set go to others only if the user
    // changed them.
    void addSettings(QJsonObject &body) const {
        const chat::GenerationSettings &settings = m_request.settings;
        const chat::GenerationSettings usual;
        const bool own = m_endpoint.privateHost;
        body.insert(QStringLiteral("temperature"), settings.temperature);
        body.insert(QStringLiteral("top_p"), settings.topP);
        if (own || settings.topK != usual.topK) {
            body.insert(QStringLiteral("top_k"), settings.topK);
        }
        if (own || settings.minP > 0) {
            body.insert(QStringLiteral("min_p"), settings.minP);
        }
        if (settings.maxTokens > 0) {
            body.insert(QStringLiteral("max_tokens"), settings.maxTokens);
        }
        if (settings.seed >= 0) {
            body.insert(QStringLiteral("seed"), settings.seed);
        }
        if (own || settings.thinking) {
            body.insert(QStringLiteral("chat_template_kwargs"),
                        QJsonObject{{QStringLiteral("enable_thinking"), settings.thinking}});
        }
    }

    QJsonObject messageObject(const RequestMessage &message) {
        QJsonObject object;
        switch (message.role) {
        case RequestMessage::Role::System: object.insert(QStringLiteral("role"), QStringLiteral("system")); break;
        case RequestMessage::Role::User: object.insert(QStringLiteral("role"), QStringLiteral("user")); break;
        case RequestMessage::Role::Assistant:
            object.insert(QStringLiteral("role"), QStringLiteral("assistant"));
            addCalls(object, message);
            break;
        case RequestMessage::Role::Tool:
            object.insert(QStringLiteral("role"), QStringLiteral("tool"));
            object.insert(QStringLiteral("tool_call_id"), message.toolCallId);
            object.insert(QStringLiteral("name"), message.toolName);
            break;
        }
        if (message.media.isEmpty()) {
            object.insert(QStringLiteral("content"), message.text);
            return object;
        }
        QJsonArray parts;
        for (const MediaPart &medium : message.media) {
            parts.append(m_endpoint.privateHost ? ownPart(medium) : remotePart(medium));
        }
        if (!message.text.isEmpty()) {
            parts.append(part("text", "text", message.text));
        }
        object.insert(QStringLiteral("content"), parts);
        return object;
    }

    void addCalls(QJsonObject &object, const RequestMessage &message) const {
        if (!message.reasoning.isEmpty() && m_endpoint.privateHost) {
            object.insert(QStringLiteral("reasoning_content"), message.reasoning);
        }
        if (message.calls.isEmpty()) {
            return;
        }
        QJsonArray calls;
        for (const CallPart &call : message.calls) {
            QJsonObject entry = part(
                "function", "function",
                QJsonObject{{QStringLiteral("name"), call.name}, {QStringLiteral("arguments"), call.argumentsJson}});
            entry.insert(QStringLiteral("id"), call.id);
            calls.append(entry);
        }
        object.insert(QStringLiteral("tool_calls"), calls);
    }

    static QJsonObject ownPart(const MediaPart &medium) {
        QJsonObject source{{QStringLiteral("url"), QUrl::fromLocalFile(medium.path).toString(QUrl::FullyEncoded)}};
        if (medium.tokenBudget > 0 && medium.kind != AttachmentKind::Sound) {
            source.insert(QStringLiteral("token_budget"), medium.tokenBudget);
        }
        switch (medium.kind) {
        case AttachmentKind::Picture: return part("image_url", "image_url", source);
        case AttachmentKind::Sound:
            source.insert(QStringLiteral("format"), medium.suffix);
            return part("input_audio", "input_audio", source);
        case AttachmentKind::Film: return part("input_video", "input_video", source);
        }
        return {};
    }

    QJsonObject remotePart(const MediaPart &medium) {
        switch (medium.kind) {
        case AttachmentKind::Picture:
            return part("image_url", "image_url", QJsonObject{{QStringLiteral("url"), pictureUrl(medium)}});
        case AttachmentKind::Sound:
            if (medium.suffix != QLatin1String("wav") && medium.suffix != QLatin1String("mp3")) {
                refuse(tr("Other servers take recordings as WAV or MP3 only, and \"%1\" is another kind.")
                           .arg(medium.name));
                return {};
            }
            return part("input_audio", "input_audio",
                        QJsonObject{{QStringLiteral("data"), QString::fromLatin1(content(medium).toBase64())},
                                    {QStringLiteral("format"), medium.suffix}});
        case AttachmentKind::Film:
            return part(
                "video_url", "video_url",
                QJsonObject{{QStringLiteral("url"), dataUrl("video/" + medium.suffix.toLatin1(), content(medium))}});
        }
        return {};
    }

    static QString dataUrl(const QByteArray &type, const QByteArray &bytes) {
        return QString::fromLatin1("data:" + type + ";base64," + bytes.toBase64());
    }

    QString pictureUrl(const MediaPart &medium) {
        if (medium.suffix == QLatin1String("png") || medium.suffix == QLatin1String("webp")) {
            return dataUrl("image/" + medium.suffix.toLatin1(), content(medium));
        }
        if (medium.suffix == QLatin1String("jpg") || medium.suffix == QLatin1String("jpeg")) {
            return dataUrl("image/jpeg", content(medium));
        }
        QImageReader reader(medium.path);
        reader.setDecideFormatFromContent(true);
        reader.setAutoTransform(true);
        const QImage image = reader.read();
        QByteArray png;
        QBuffer buffer(&png);
        if (image.isNull() || !buffer.open(QIODevice::WriteOnly) || !image.save(&buffer, "PNG")) {
            refuse(tr("The picture \"%1\" cannot be converted for this server.").arg(medium.name));
            return {};
        }
        count(png.size());
        return dataUrl("image/png", png);
    }

    QByteArray content(const MediaPart &medium) {
        QFile file(medium.path);
        if (!file.open(QIODevice::ReadOnly)) {
            refuse(tr("The attachment \"%1\" is missing from the media folder.").arg(medium.name));
            return {};
        }
        if (!count(file.size())) {
            return {};
        }
        return file.readAll();
    }

    bool count(qint64 bytes) {
        m_mediaBytes += bytes;
        if (m_mediaBytes > kMaxRemoteMediaBytes) {
            refuse(tr("The attachments of this conversation are too large to be sent to another computer."));
            return false;
        }
        return true;
    }

    void refuse(const QString &sentence) {
        if (m_failure.message.isEmpty()) {
            m_failure = {FailureKind::MediaUnusable, 0, sentence};
        }
    }

    const ChatRequest &m_request;
    const Endpoint &m_endpoint;
    Failure m_failure;
    qint64 m_mediaBytes = 0;
};

} // namespace

std::variant<QByteArray, Failure> buildRequestBody(const ChatRequest &request, const Endpoint &endpoint) {
    return BodyBuilder(request, endpoint).build();
}

QUrl apiUrl(const Endpoint &endpoint, const QString &what) {
    QUrl url = endpoint.base;
    QString path = url.path();
    for (const char *ending : {"/chat/completions", "/models"}) {
        if (path.endsWith(QLatin1String(ending))) {
            path.chop(static_cast<qsizetype>(qstrlen(ending)));
        }
    }
    while (path.endsWith(QLatin1Char('/'))) {
        path.chop(1);
    }
    if (path.isEmpty()) {
        path = QStringLiteral("/v1");
    }
    url.setPath(path + QLatin1Char('/') + what);
    url.setQuery(QString());
    url.setFragment(QString());
    return url;
}

} // namespace facet::client
