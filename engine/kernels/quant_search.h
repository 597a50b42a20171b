// Rows of float32 to the block types whose scales are searched for: K types of 2 to 6 bits, and IQ4_NL; and the scales of
// the types of 32 values where it matters which values are kept well. Every candidate scale is judged by the squared error
// weighted by `importance`, one number >= 0 for each value (how large the inputs of that column usually are, squared);
// null: by the size of the values, as large weights matter most. Deterministic; damaged values (NaN, infinity) give some
// defined block.
#pragma once

#include <cstddef>

namespace facet {

inline constexpr int kSuperBlock = 256;

void blockQ2K(const float *x, const float *importance, std::byte *out) noexcept;   // 256 values, 84 bytes
void blockQ3K(const float *x, const float *importance, std::byte *out) noexcept;   // 256 values, 110 bytes
void blockQ4K(const float *x, const float *importance, std::byte *out) noexcept;   // 256 values, 144 bytes
void blockQ5K(const float *x, const float *importance, std::byte *out) noexcept;   // 256 values, 176 bytes
void blockQ6K(const float *x, const float *importance, std::byte *out) noexcept;   // 256 values, 210 bytes
void blockIq4Nl(const float *x, const float *importance, std::byte *out) noexcept; // 32 values, 18 bytes

// Of 32 values: x is about scale * q, q in -levels..levels - 1. `importance` is not null.
float searchedScale(const float *x, const float *importance, int levels) noexcept;
// x is about scale * q + low, q in 0..top.
struct SearchedOffset {
    float scale = 0, low = 0;
};
SearchedOffset searchedOffset(const float *x, const float *importance, int top) noexcept;
// searchedScale() for Q4_0, all values alike, in a handful of tries: for what is quantised while tokens are read.
float quickScale(const float *x) noexcept;

}  // namespace facet
