// From the JSON chunks of OpenAI's chat/completions (streamed, or one whole answer) to updates and a result. Tolerant
// where servers differ: reasoning_content and reasoning, tool calls with and without index, missing usage, errors in
// the middle, and Gemma's own marks for thoughts and tool calls in the text, which servers leave there when they are not told
// to take them apart. What an unknown server sends is hostile until checked: sizes and counts are limited.
#pragma once

#include "client/chat_request.h"
#include "facet/output_parser.h"

#include <QByteArray>
#include <QJsonObject>

namespace facet::client {

class ChunkDecoder {
public:
    static constexpr qsizetype kMaxTextChars = 16 << 20;
    static constexpr int kMaxCalls = 64;
    static constexpr qsizetype kMaxArgumentChars = 1 << 20;

    // plainText: the text has no marks, whatever it looks like (the own host).
    explicit ChunkDecoder(bool plainText = false) : m_plainText(plainText) {}

    // The data of one event. After failed() nothing more counts.
    void take(const QByteArray &data);

    bool hasUpdate() const { return m_hasUpdate; }
    StreamUpdate takeUpdate();
    bool sawText() const { return m_textChars > 0; }
    bool done() const { return m_done; }         // "[DONE]" has come
    bool finished() const { return m_finished; } // a finish_reason has come
    bool failed() const { return m_result.end == StreamResult::End::Failed; }
    void fail(const Failure &failure);
    // Without the times, which the caller measures where the server does not say.
    StreamResult result() const;

private:
    void takeChoice(const QJsonObject &choice);
    void takeText(const QJsonValue &value, QString StreamUpdate::*target);
    void takeEvents(const std::vector<OutputEvent> &events);
    void endText();
    void takeCall(const QJsonObject &call, int position);
    void takeUsage(const QJsonObject &usage);
    void takeFacet(const QJsonObject &extra);

    bool m_plainText;
    OutputParser m_marks;
    StreamUpdate m_update;
    StreamResult m_result;
    QVector<CallPart> m_calls;
    QVector<int> m_callIndex; // the server's index of each call
    qsizetype m_textChars = 0;
    bool m_hasUpdate = false, m_done = false, m_finished = false, m_textEnded = false;
};

// The failure that an HTTP answer means; `body` is looked through for the server's words.
Failure failureOf(int status, const QByteArray &body);
// The same for an "error" value inside a stream.
Failure failureOf(const QJsonValue &error, int status);

} // namespace facet::client
