// A checkpoint folder as the metadata and tensors of GGUF files (text.md 8, vision.md 5, audio.md 6).
#pragma once

#include "load/gguf_writer.h"
#include "load/quantize_plan.h"
#include "load/weights.h"

#include <string>
#include <vector>

namespace facet {

struct GgufExport {
    GgufMetadata metadata;
    std::vector<PlannedTensor> tensors;
    std::vector<std::string> skipped; // tensors of the checkpoint that GGUF files do not hold
};

// The text model or drafter. Errors: ModelUnsupported (another family), ModelFileCorrupt (tokenizer, tensors).
Result<GgufExport> exportTextModel(const Checkpoint &checkpoint, QuantizeType type);
// The towers as an mmproj file. Errors: InvalidArgument (the model has none), ModelFileCorrupt.
Result<GgufExport> exportTowers(const Checkpoint &checkpoint);

// tokenizer.* keys of a tokenizer.json: `vocabularySize` pieces, gaps filled with unused ones.
Status exportTokenizer(const Checkpoint &checkpoint, GgufMetadata &metadata);

} // namespace facet
