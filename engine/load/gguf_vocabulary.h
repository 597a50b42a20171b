// The vocabulary inside a GGUF file, as views into its mapping: checked lists, not yet a tokenizer.
#pragma once

#include "load/gguf.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace facet {

struct GgufVocabulary {
    bool scored = false;                  // "llama": pairs merge by score; otherwise by the list of merges
    std::vector<std::string_view> pieces; // by id
    std::vector<std::uint8_t> kinds;      // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
    std::vector<float> scores;            // only if scored
    std::vector<std::string_view> merges; // "left right", best first
    int bos = -1, eos = -1, unknown = -1, padding = -1, endOfTurn = -1; // ids, -1: not stated

    // The id of a control or user-defined piece with exactly this text; -1: none.
    int idOfMarker(std::string_view text) const;
};

// Nothing if the file has no tokenizer at all (parts of models, drafters of some converters).
// Errors: ModelFileCorrupt (names the key), ModelUnsupported (another kind of tokenizer).
Result<std::optional<GgufVocabulary>> readGgufVocabulary(const GgufFile &file);

} // namespace facet
