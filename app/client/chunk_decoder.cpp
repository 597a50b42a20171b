#include "client/chunk_decoder.h"

#include "client/phase_names.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <limits>
#include <utility>

namespace facet::client {
namespace {

QJsonValue at(const QJsonObject &object, const char *key) { return object.value(QLatin1String(key)); }

// A count in a range that an int can hold; anything else is 0.
int count(const QJsonValue &value) {
    const double number = value.toDouble(0);
    return number >= 0 && number < std::numeric_limits<int>::max() ? static_cast<int>(number) : 0;
}

quint64 bigCount(const QJsonValue &value) {
    const double number = value.toDouble(0);
    return number >= 0 && number < 9e15 ? static_cast<quint64>(number) : 0;
}

QString argumentsText(const QJsonValue &value) {
    if (value.isObject()) { // the native form of some servers
        return QString::fromUtf8(QJsonDocument(value.toObject()).toJson(QJsonDocument::Compact));
    }
    return value.toString();
}

} // namespace

void ChunkDecoder::fail(const Failure &failure) {
    if (!failed()) {
        endText();
        m_result.end = StreamResult::End::Failed;
        m_result.failure = failure;
    }
}

StreamUpdate ChunkDecoder::takeUpdate() {
    m_hasUpdate = false;
    return std::exchange(m_update, {});
}

void ChunkDecoder::take(const QByteArray &data) {
    if (failed() || m_done || data.trimmed().isEmpty()) {
        return;
    }
    if (data.trimmed() == "[DONE]") {
        m_done = true;
        endText();
        return;
    }
    const QJsonDocument document = QJsonDocument::fromJson(data);
    if (!document.isObject()) {
        fail({FailureKind::BadResponse, 0, {}});
        return;
    }
    const QJsonObject chunk = document.object();
    if (const QJsonValue error = at(chunk, "error"); !error.isNull() && !error.isUndefined()) {
        fail(failureOf(error, 0));
        return;
    }
    const QJsonArray choices = at(chunk, "choices").toArray();
    if (!choices.isEmpty()) {
        takeChoice(choices.first().toObject());
    }
    if (at(chunk, "usage").isObject()) {
        takeUsage(at(chunk, "usage").toObject());
    }
    if (at(chunk, "timings").isObject()) {
        const QJsonObject timings = at(chunk, "timings").toObject();
        m_result.tokensPerSecond = std::max(at(timings, "predicted_per_second").toDouble(0), 0.0);
        m_result.cachedTokens = std::max(m_result.cachedTokens, count(at(timings, "cache_n")));
    }
    if (at(chunk, "x_facet").isObject()) {
        takeFacet(at(chunk, "x_facet").toObject());
    }
}

void ChunkDecoder::takeChoice(const QJsonObject &choice) {
    const QJsonObject delta = at(choice, at(choice, "delta").isObject() ? "delta" : "message").toObject();
    takeText(at(delta, "reasoning_content"), &StreamUpdate::thinking);
    // Servers that send both mean the same text twice.
    if (!at(delta, "reasoning_content").isString()) {
        takeText(at(delta, "reasoning"), &StreamUpdate::thinking);
    }
    takeText(at(delta, "content"), &StreamUpdate::text);
    const QJsonArray calls = at(delta, "tool_calls").toArray();
    for (int i = 0; i < calls.size() && !failed(); ++i) {
        takeCall(calls[i].toObject(), i);
    }
    const QString reason = at(choice, "finish_reason").toString();
    if (reason.isEmpty() || failed()) {
        return;
    }
    m_finished = true;
    endText();
    m_result.end = reason == QLatin1String("length") ? StreamResult::End::Length : StreamResult::End::Stop;
}

void ChunkDecoder::takeText(const QJsonValue &value, QString StreamUpdate::*target) {
    const QString text = value.toString();
    if (text.isEmpty()) {
        return;
    }
    m_textChars += text.size();
    if (m_textChars > kMaxTextChars) {
        fail({FailureKind::BadResponse, 0, QStringLiteral("The answer is too long")});
        return;
    }
    if (target == &StreamUpdate::text && !m_plainText) {
        takeEvents(m_marks.pushText(text.toStdString(), true));
        return;
    }
    m_update.*target += text;
    m_hasUpdate = true;
}

void ChunkDecoder::takeEvents(const std::vector<OutputEvent> &events) {
    for (const OutputEvent &event : events) {
        const QString words = QString::fromStdString(event.text);
        switch (event.kind) {
        case OutputEvent::Kind::Text: m_update.text += words; break;
        case OutputEvent::Kind::Thought: m_update.thinking += words; break;
        case OutputEvent::Kind::Malformed:
            if (m_update.malformed.size() < kMaxCalls) m_update.malformed.append(words);
            break;
        case OutputEvent::Kind::ToolCall:
            if (m_calls.size() >= kMaxCalls || event.call.argumentsJson.size() > kMaxArgumentChars) break;
            m_calls.append({{}, QString::fromStdString(event.call.name), QString::fromStdString(event.call.argumentsJson)});
            m_callIndex.append(-1); // of none that the server has named
            break;
        }
        m_hasUpdate = true;
    }
}

// What might have become a mark was only text.
void ChunkDecoder::endText() {
    if (m_plainText || std::exchange(m_textEnded, true)) return;
    takeEvents(m_marks.finish());
}

void ChunkDecoder::takeCall(const QJsonObject &call, int position) {
    const QJsonObject function = at(call, "function").toObject();
    const int index = at(call, "index").isDouble() ? count(at(call, "index")) : position;
    const QString id = at(call, "id").toString();
    const QString name = at(function, "name").toString();
    qsizetype slot = m_callIndex.lastIndexOf(index);
    // Some servers give every call index 0: another id begins another call.
    if (slot >= 0 && !id.isEmpty() && !m_calls[slot].id.isEmpty() && m_calls[slot].id != id && !name.isEmpty()) {
        slot = -1;
    }
    if (slot < 0) {
        if (m_calls.size() >= kMaxCalls) {
            fail({FailureKind::BadResponse, 0, QStringLiteral("There are too many tool calls")});
            return;
        }
        slot = m_calls.size();
        m_calls.append(CallPart{});
        m_callIndex.append(index);
    }
    CallPart &part = m_calls[slot];
    if (part.id.isEmpty()) {
        part.id = id;
    }
    if (part.name.isEmpty()) {
        part.name = name; // sent whole, not in pieces
    }
    part.argumentsJson += argumentsText(at(function, "arguments"));
    if (part.argumentsJson.size() > kMaxArgumentChars) {
        fail({FailureKind::BadResponse, 0, QStringLiteral("A tool call is too long")});
    }
}

void ChunkDecoder::takeUsage(const QJsonObject &usage) {
    m_result.promptTokens = count(at(usage, "prompt_tokens"));
    m_result.completionTokens = count(at(usage, "completion_tokens"));
    m_result.cachedTokens =
        std::max(m_result.cachedTokens, count(at(at(usage, "prompt_tokens_details").toObject(), "cached_tokens")));
}

void ChunkDecoder::takeFacet(const QJsonObject &extra) {
    if (const auto phase = phaseFromName(at(extra, "phase").toString())) {
        m_update.progress = chat::TurnProgress{*phase, bigCount(at(extra, "done")), bigCount(at(extra, "total")), 0};
        m_hasUpdate = true;
    }
    if (const QString raw = at(extra, "malformed").toString();
        !raw.isEmpty() && m_update.malformed.size() < kMaxCalls) {
        m_update.malformed.append(raw);
        m_hasUpdate = true;
    }
}

StreamResult ChunkDecoder::result() const {
    StreamResult result = m_result;
    for (int i = 0; i < m_calls.size(); ++i) {
        if (m_calls[i].name.isEmpty()) {
            continue; // never completed
        }
        result.calls.append(m_calls[i]);
        if (result.calls.last().id.isEmpty()) {
            result.calls.last().id = QStringLiteral("call_%1").arg(i);
        }
    }
    if (result.end == StreamResult::End::Stop && !result.calls.isEmpty()) {
        result.end = StreamResult::End::ToolCalls;
    }
    return result;
}

Failure failureOf(const QJsonValue &error, int status) {
    const QJsonObject object = error.toObject();
    Failure failure;
    failure.status = status;
    failure.message = error.isString() ? error.toString() : at(object, "message").toString();
    const QString code = at(object, "code").toString() + QLatin1Char(' ') + at(object, "type").toString();
    const auto mentions = [&](const char *words) {
        return failure.message.contains(QLatin1String(words), Qt::CaseInsensitive);
    };
    if (code.contains(QLatin1String("context_length_exceeded")) || mentions("maximum context length") ||
        mentions("exceeds the available context") || mentions("exceed context")) {
        failure.kind = FailureKind::ContextExceeded;
    } else if (status == 401 || status == 403 || code.contains(QLatin1String("authentication_error"))) {
        failure.kind = FailureKind::Unauthorised;
    } else if (status == 404 || code.contains(QLatin1String("not_found_error"))) {
        failure.kind = FailureKind::NotFound;
    } else if (status == 429 || status == 503 || code.contains(QLatin1String("overloaded_error"))) {
        failure.kind = FailureKind::Busy;
    } else if (status == 408 || status == 504) {
        failure.kind = FailureKind::TimedOut;
    } else if ((status >= 400 && status < 500) || code.contains(QLatin1String("invalid_request_error"))) {
        failure.kind = FailureKind::Rejected;
    } else if (status >= 300 && status < 400) {
        failure.kind = FailureKind::BadResponse;
    } else {
        failure.kind = FailureKind::ServerFailed;
    }
    return failure;
}

Failure failureOf(int status, const QByteArray &body) {
    const QJsonObject object = QJsonDocument::fromJson(body).object();
    QJsonValue error = at(object, "error");
    if (!error.isObject() && !error.isString()) {
        for (const char *key : {"message", "detail"}) { // detail: FastAPI
            if (at(object, key).isString()) {
                error = at(object, key);
                break;
            }
        }
    }
    return failureOf(error, status);
}

} // namespace facet::client
