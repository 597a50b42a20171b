// Products of bfloat16 in plain loops: documentation and judge of the fast ones. A factor is rounded to bfloat16; products
// and sums are float32.
#include "kernels/float_formats.h"
#include "kernels/tables.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace facet {
namespace {

float rounded(float x) { return floatFromBfloat(bfloatFromFloat(x)); }

// Two columns in a word, the first in its lower half. A tile is one token.
void packTokens(const float *x, std::int64_t tokens, std::int64_t xStride, std::int64_t cols, float *tiles) {
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t c = 0; c < cols; c += 2, ++tiles) {
            const std::uint16_t pair[2] = {bfloatFromFloat(x[t * xStride + c]),
                                           c + 1 < cols ? bfloatFromFloat(x[t * xStride + c + 1]) : std::uint16_t{0}};
            std::memcpy(tiles, pair, sizeof pair);
        }
    }
}

void matmulTiles(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *tiles, std::int64_t tokens, float *y,
                 std::int64_t yStride) {
    const std::int64_t words = (w.cols + 1) / 2;
    std::vector<float> row(static_cast<std::size_t>(words * 2));
    for (std::int64_t r = rowBegin; r < rowEnd; ++r) {
        kScalarKernels.dequantise(w.type, w.row(r), w.cols, row.data());
        std::transform(row.begin(), row.end(), row.begin(), rounded);
        for (std::int64_t t = 0; t < tokens; ++t) {
            float sum = 0.0F;
            for (std::int64_t i = 0; i < words; ++i) {
                std::uint16_t pair[2];
                std::memcpy(pair, tiles + t * words + i, sizeof pair);
                const auto at = static_cast<std::size_t>(2 * i);
                sum += floatFromBfloat(pair[0]) * row[at] + floatFromBfloat(pair[1]) * row[at + 1];
            }
            y[t * yStride + r - rowBegin] = sum;
        }
    }
}

// One query over the keys [from, to). The sum of the weights is that of the weights before they are rounded.
void attendQuery(const float *k, const float *v, std::int64_t headDim, const float *q, std::int64_t from, std::int64_t to,
                 float &maximum, float &sum, float *out) {
    std::vector<float> scores;
    float largest = maximum;
    for (std::int64_t j = from; j < to; ++j) {
        float score = 0.0F;
        for (std::int64_t d = 0; d < headDim; ++d) score += rounded(q[d]) * rounded(k[j * headDim + d]);
        scores.push_back(score);
        largest = std::max(largest, score);
    }
    const float factor = maximum == largest ? 1.0F : std::exp(maximum - largest);
    maximum = largest;
    sum *= factor;
    for (std::int64_t d = 0; d < headDim; ++d) out[d] *= factor;
    for (std::int64_t j = from; j < to; ++j) {
        const float weight = std::exp(scores[static_cast<std::size_t>(j - from)] - largest);
        sum += weight;
        for (std::int64_t d = 0; d < headDim; ++d) out[d] += rounded(weight) * rounded(v[j * headDim + d]);
    }
}

void attendSpan(const float *k, const float *v, std::int64_t keys, std::int64_t headDim, const float *q, std::int64_t queries,
                std::int64_t qStride, const std::int32_t *visibleFrom, const std::int32_t *visibleTo, float *maximum, float *sum,
                float *out, std::int64_t outStride) {
    for (std::int64_t i = 0; i < queries; ++i) {
        const std::int64_t from = std::max<std::int64_t>(visibleFrom[i], 0);
        const std::int64_t to = std::min<std::int64_t>(visibleTo[i], keys);
        if (from < to) attendQuery(k, v, headDim, q + i * qStride, from, to, maximum[i], sum[i], out + i * outStride);
    }
}

}  // namespace

const BfloatKernels kScalarBfloatKernels = {
    .tileTokens = 1,
    .packTokens = packTokens,
    .matmulTiles = matmulTiles,
    .attendSpan = attendSpan,
};

}  // namespace facet
