// Per-layer inputs of the small models (text.md 2.2): a row of a table per token, mixed with a projection of its
// embedding.
#pragma once

#include "model/float_buffer.h"
#include "model/text_model.h"
#include "model/text_weights.h"

#include <cstdint>
#include <span>

namespace facet {

// x: [rows, H], the merged embeddings. ids: row of the table for each token (the pad id where a medium stands).
// out: [layers, rows, P], so that each layer finds its own in one piece. Error: ModelFileCorrupt (the file was cut short).
Status perLayerInputs(const Exec &exec, const TextConfig &config, const TextWeights &weights, const float *x,
                      std::span<const std::int32_t> ids, FloatBuffer &out, const Tap &tap);

} // namespace facet
