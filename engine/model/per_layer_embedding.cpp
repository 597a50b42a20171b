#include "model/per_layer_embedding.h"

#include "kernels/profile.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

namespace facet {

Status perLayerInputs(const Exec &exec, const TextConfig &config, const TextWeights &weights, const float *x,
                      std::span<const std::int32_t> ids, FloatBuffer &out, const Tap &tap) {
    const ProfilePart part(exec.profile, "per-layer embedding");
    const auto rows = static_cast<std::int64_t>(ids.size());
    const std::int64_t layers = config.layerCount, size = config.perLayerInputSize, width = layers * size;
    const float tokenFactor = std::sqrt(static_cast<float>(size));
    const float contextFactor = 1.0F / std::sqrt(static_cast<float>(config.hiddenSize));
    const float mixFactor = std::sqrt(0.5F);

    FloatBuffer context, token;
    float *b = context.resize(rows * width); // [rows, layers, P]
    linear(exec, weights.perLayerModelProjection, x, rows, b);
    float *a = token.resize(rows * width);
    float *mixed = out.resize(rows * width);
    ProfileScope scope(exec.profile, "look up, norm");
    scope.work(tensorTypeName(weights.perLayerTable.type()), static_cast<double>(weights.perLayerTable.rowBytes()) * static_cast<double>(rows), 0);
    std::optional<Error> lost; // what the first row that could not be read says
    std::mutex writing;
    exec.pool->parallelFor(rows, 1, [&](std::int64_t begin, std::int64_t end, int) {
        std::vector<std::byte> stored(weights.perLayerTable.rowBytes());
        for (std::int64_t row = begin; row < end; ++row) {
            float *tokenRow = a + row * width;
            float *contextRow = b + row * width;
            const Status read = weights.perLayerTable.read(ids[static_cast<std::size_t>(row)], stored);
            if (!read) {
                const std::lock_guard lock(writing);
                if (!lost) lost = read.error();
            }
            exec.kernels->dequantise(weights.perLayerTable.type(), stored.data(), width, tokenRow);
            for (std::int64_t i = 0; i < width; ++i) tokenRow[i] *= tokenFactor;
            for (std::int64_t i = 0; i < width; ++i) contextRow[i] *= contextFactor;
            for (std::int64_t layer = 0; layer < layers; ++layer) {
                float *c = contextRow + layer * size;
                const float *t = tokenRow + layer * size;
                float *m = mixed + (layer * rows + row) * size;
                exec.kernels->rmsNorm(c, weights.perLayerNorm.data(), size, config.rmsNormEps, c);
                for (std::int64_t i = 0; i < size; ++i) m[i] = (t[i] + c[i]) * mixFactor;
            }
        }
    });
    if (lost) return *std::move(lost);
    if (!tap) return ok();
    tap("per_layer_token_identity", a, rows, width);
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t layer = 0; layer < layers; ++layer) {
            std::copy_n(mixed + (layer * rows + row) * size, size, b + row * width + layer * size);
        }
    }
    tap("per_layer_inputs", b, rows, width);
    return ok();
}

} // namespace facet
