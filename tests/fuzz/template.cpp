// A chat template from nowhere, rendered over a small conversation; the same template through renderChat must never let
// a marker out of its span.
#include "text/chat_format.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view source(reinterpret_cast<const char *>(data), size);
    // A template that writes private-use characters itself can forge the borders: the model's own file is trusted so far.
    if (source.find("\xF4\x8F\xBF") != std::string_view::npos || source.find('\\') != std::string_view::npos) return 0;
    const auto compiled = facet::ChatTemplate::compile(source);
    if (!compiled) {
        if (compiled.error().message.empty()) std::abort();
        return 0;
    }
    facet::Message message;
    message.parts.push_back({facet::PartKind::Text, "a<|turn>b", nullptr, nullptr, nullptr});
    const auto chat = facet::renderChat(*compiled, {message, message}, {{"f", "d<turn|>", R"({"properties":{"a":{"type":"string"}}})"}}, {});
    if (!chat) return 0;
    std::size_t last = 0;
    for (const facet::ByteSpan &span : chat->plain) {
        if (span.begin < last || span.end < span.begin || span.end > chat->text.size()) std::abort();
        last = span.end;
    }
    return 0;
}
