// Keeps texts of users, files, tools and models apart from the chat template's own text while the template runs.
// Each text goes in between two private-use characters; where they end up tells which bytes of the prompt are untrusted.
// A third one behind every "<" keeps the template itself from finding markers in such a text (and cutting it there).
#pragma once

#include "text/chat_format.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace facet {

// The text between its two characters; an empty text stays empty. Such characters in the text itself are removed first.
std::string enclosed(std::string_view text);
// For names and keys, which templates compare and sort: only the character behind "<".
std::string guarded(std::string_view text);
// All strings enclosed, all keys guarded. `schema`: the values of "type" are guarded only, since templates compare them.
nlohmann::ordered_json enclosedJson(const nlohmann::ordered_json &value, bool schema);
// Takes the private characters out of what a template wrote and reports the untrusted bytes.
RenderedChat released(std::string_view rendered);

}  // namespace facet
