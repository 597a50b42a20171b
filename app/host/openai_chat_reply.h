// Answers of the engine in OpenAI's words: the whole object, and the chunks of a stream. Pure functions of their
// arguments.
#pragma once

#include "facet/engine.h"
#include "host/json_reader.h"

#include <cstdint>
#include <string>

namespace facet::host {

Json usageJson(const Usage &usage);
Json timingsJson(const Usage &usage);

class ChatReply {
public:
    // usageInChunks: stream_options.include_usage was asked for; then every chunk has a "usage", null but for the last.
    ChatReply(std::string id, std::int64_t created, std::string model, bool usageInChunks = false);

    std::string whole(const Answer &answer) const;

    std::string role() const; // the first chunk
    std::string text(const std::string &piece) const;
    std::string thought(const std::string &piece) const;
    std::string toolCall(int index, const ToolCall &call) const;
    std::string progress(const Event &event) const;
    std::string malformed(const std::string &raw) const;
    // The chunk with finish_reason; carries the timings unless a usage chunk follows.
    std::string finish(const Answer &answer) const;
    std::string usage(const Answer &answer) const;

private:
    Json chunk(Json choices) const;
    std::string delta(Json delta) const;

    std::string m_id;
    std::int64_t m_created;
    std::string m_model;
    bool m_usageInChunks;
};

} // namespace facet::host
