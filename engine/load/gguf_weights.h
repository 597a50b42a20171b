// WeightSource over GGUF files: answers the checkpoint's names.
#pragma once

#include "load/config.h"
#include "load/gguf.h"
#include "load/weights.h"

#include <memory>
#include <optional>

namespace facet {

// `projector`: the mmproj file. Errors: ModelFileCorrupt (two tensors of one meaning, a fused tensor that does not fit).
Result<std::shared_ptr<const WeightSource>> ggufWeights(GgufModelFiles model, std::optional<GgufModelFiles> projector,
                                                        const ModelConfig &config);

} // namespace facet
