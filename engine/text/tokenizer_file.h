// tokenizer.json as data: read with a streaming parser under limits, nothing looked up yet.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace facet {

struct TokenizerFile {
    struct AddedToken {
        std::int32_t id = -1;
        std::string content;
        bool special = false;
    };
    std::vector<std::pair<std::string, std::int32_t>> vocabulary;
    std::vector<std::pair<std::string, std::string>> merges;  // by rank
    std::vector<AddedToken> added;
    std::string unknownToken;
};

// Errors: ModelFileCorrupt, ModelUnsupported (another kind than BPE), LimitExceeded; `file` is for the message.
Result<TokenizerFile> parseTokenizerFile(std::string_view json, const std::string &file);

}  // namespace facet
