// The conversation as the engine takes it: messages with parts, and the declarations of tools.
#pragma once

#include "facet/answer.h"
#include "facet/inputs.h"

#include <memory>
#include <string>
#include <vector>

namespace facet {

enum class PartKind : std::uint8_t { Text, Image, Audio, Video };

struct Part {
    PartKind kind = PartKind::Text;
    std::string text;
    std::shared_ptr<const ImageInput> image;
    std::shared_ptr<const AudioInput> audio;
    std::shared_ptr<const VideoInput> video;
};

enum class Role : std::uint8_t { System, User, Assistant, Tool };

struct Message {
    Role role = Role::User;
    std::vector<Part> parts;
    std::string reasoning;             // assistant: its thought, written back only inside a running tool loop
    std::vector<ToolCall> toolCalls;   // assistant
    std::string toolCallId;            // tool: the call it answers
    std::string toolName;              // tool: name of the function, may be empty if toolCallId tells
    std::string resultJson;            // tool: a JSON object as the result, instead of text; empty: the parts tell
};

struct ToolDeclaration {
    std::string name;
    std::string description;
    std::string parametersJson;  // JSON Schema object, "{}" or empty for none
    bool strict = false;         // arguments of a call must satisfy the schema; one that cannot be kept is an error
};

}  // namespace facet
