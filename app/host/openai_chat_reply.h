// Answers of the engine in OpenAI's words: the whole object, and the chunks of a stream. Pure functions of their
// arguments.
#pragma once

#include "facet/engine.h"
#include "host/json_reader.h"

#include <cstdint>
#include <string>
#include <vector>

namespace facet::host {

// Of n answers to one prompt, which counts once.
Usage totalUsage(const std::vector<Answer> &answers);
// {"content":[{"token","logprob","bytes","top_logprobs"}]}, null when there are none.
Json logprobsJson(const std::vector<TokenLogprob> &tokens);
// What x_facet says about an answer: raw text of calls that could not be read, a notice; null: nothing.
Json remarksJson(const Answer &answer);
Json usageJson(const Usage &usage);
Json timingsJson(const Usage &usage);

class ChatReply {
public:
    // usageInChunks: stream_options.include_usage was asked for; then every chunk has a "usage", null but for the last.
    ChatReply(std::string id, std::int64_t created, std::string model, bool usageInChunks = false);

    std::string whole(const Answer &answer) const { return whole(std::vector<Answer>{answer}); }
    std::string whole(const std::vector<Answer> &answers) const;

    // `choice`: which of the n answers.
    std::string role(int choice = 0) const; // the first chunk
    std::string text(const std::string &piece, int choice = 0, const std::vector<TokenLogprob> &logprobs = {}) const;
    std::string thought(const std::string &piece, int choice = 0) const;
    std::string toolCall(int index, const ToolCall &call, int choice = 0) const;
    std::string progress(const Event &event) const;
    std::string malformed(const std::string &raw) const;
    // The chunk with finish_reason; the last one carries the timings unless a usage chunk follows.
    std::string finish(const Answer &answer, int choice = 0) const;
    std::string usage(const Usage &usage) const;

private:
    Json chunk(Json choices) const;
    std::string delta(Json delta, int choice, Json logprobs = nullptr) const;

    std::string m_id;
    std::int64_t m_created;
    std::string m_model;
    bool m_usageInChunks;
};

} // namespace facet::host
