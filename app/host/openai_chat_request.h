// The JSON of POST /v1/chat/completions and /v1/completions to a facet::Request. Media are only located here, not decoded (media_parts.h
// does that), so this is a pure function of the text and safe to run on anything.
//
//     FACET_TRY(call, parseChatRequest(json, {.allowFiles = call.privateLink}));
#pragma once

#include "facet/engine.h"
#include "facet/media/decode.h"
#include "host/json_reader.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace facet::host {

enum class MediumKind : std::uint8_t { Image, Audio, Video, Sniffed }; // Sniffed: by content (OpenAI's "file" part)
enum class Detail : std::uint8_t { Auto, Low, High };

// A medium of a message that is still to be decoded and put into request.messages[message].parts[part].
struct MediumRef {
    std::size_t message = 0, part = 0;
    MediumKind kind = MediumKind::Image;
    media::Source source;
    Detail detail = Detail::Auto;
    int tokenBudget = 0; // 0: not given
    int frames = 0;      // 0: not given
    std::string field;   // "messages[0].content[1].image_url", for errors
};

struct ChatCall {
    Request request;              // media parts are still empty
    std::vector<MediumRef> media; // in order of appearance
    int choices = 1; // n
    bool stream = false;
    bool includeUsage = false;
    bool progress = false;  // x_facet.progress
    int tokenBudget = 0;    // x_facet.token_budget: for pictures that name none; 0: the model's default
    int frames = 0;         // x_facet.frames
    bool videoSound = true; // x_facet.video_sound
};

struct ChatParseOptions {
    bool allowFiles = false;
    std::string_view text = {}; // of the body: a schema keeps the order of its properties
};

constexpr std::size_t kMaxMessages = 10'000;
constexpr std::size_t kMaxPartsPerMessage = 1'000;
constexpr std::size_t kMaxMedia = 256;
constexpr std::int64_t kMaxChoices = 16;

// Every error is made by fieldError.
Result<ChatCall> parseChatRequest(const Json &body, const ChatParseOptions &options);
// n requests that differ in nothing but their seeds.
std::vector<Request> choicesOf(const ChatCall &call);
// POST /v1/completions: a prompt that is continued as it is. Same rules.
Result<ChatCall> parseCompletionRequest(const Json &body, std::string_view text = {});

} // namespace facet::host
