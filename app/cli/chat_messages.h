// Conversations from files: a JSON list of OpenAI-like messages whose parts name pictures, sounds and films, and the
// declarations of tools. What is decoded here goes to the engine as it is.
//
//     [{"role": "user", "content": [{"type": "image", "file": "page.png"}, {"type": "text", "text": "Read it."}]}]
#pragma once

#include "facet/engine.h"
#include "facet/media/decode.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace facet::cli {

// How media become inputs for a model.
struct MediaContext {
    const ModelInfo &model;
    int tokenBudget = 0; // of a picture; 0: the model's default
    int frames = 0;      // of a film; 0: by its length
    bool filmSound = true;
    CancelToken cancel = {};
};

// One part from a file. Errors: those of decoding, MediaUnsupported when the model has no such sense.
Result<Part> imagePart(const std::string &file, const MediaContext &context);
Result<Part> audioPart(const std::string &file, const MediaContext &context);
// A film, and its sound as a part of its own inside VideoInput.
Result<Part> videoPart(const std::string &file, const MediaContext &context);

// `folder`: file names are relative to it. `name`: for messages. Errors: InvalidArgument, naming the message and the
// key.
Result<std::vector<Message>> messagesFromJson(const nlohmann::ordered_json &json, const std::string &folder,
                                              const std::string &name, const MediaContext &context);
Result<std::vector<ToolDeclaration>> toolsFromJson(const nlohmann::ordered_json &json, const std::string &name);

// Reads and parses; depth and size are limited. Errors: those of reading, InvalidArgument with the byte.
Result<nlohmann::ordered_json> readJsonFile(const std::string &path);

// {"thinking", "content", "tool_calls": [{"id", "name", "arguments"}], "malformed", "finish_reason", "usage"}.
nlohmann::ordered_json answerToJson(const Answer &answer);
std::string jsonText(const nlohmann::ordered_json &json);
// What an answer took: "42 tokens in 1.9 s (22.1 a second); prompt 120, 96 of them known; guesses 30, 22 stood (73 %), 2.1
// tokens a pass".
std::string usageLine(const Usage &usage);

} // namespace facet::cli
