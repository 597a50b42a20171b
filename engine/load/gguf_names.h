// GGUF's names of tensors and the checkpoint's (text.md 8, vision.md 5, audio.md 6).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace facet {

// What has to happen to a tensor besides renaming.
enum class GgufTensorRule {
    AsIs,
    PatchOrder,       // [C, channel, row, column] -> [C, row, column, channel]
    InverseSoftplus,  // the file holds softplus of what the checkpoint holds
    MiddleOne,        // [C, K] -> [C, 1, K]
    FusedQkv,         // rows of q, k and v one after the other
};

struct GgufName {
    std::string name; // of the checkpoint; of FusedQkv: with "qkv" in place of "q_proj"
    GgufTensorRule rule = GgufTensorRule::AsIs;
};

// `textPrefix`: "model.language_model." or, for drafters, "model.". Nothing: not a tensor of these models.
std::optional<GgufName> checkpointName(std::string_view ggufName, std::string_view textPrefix);

// The other way: the name in a GGUF file and what was done to the tensor by the rule's inverse. Nothing: GGUF files do not
// hold this tensor.
std::optional<GgufName> ggufName(std::string_view checkpointName, std::string_view textPrefix);

} // namespace facet
