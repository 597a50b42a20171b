// Rows of float32 to the block types whose scales are searched for: K types of 4, 5 and 6 bits, and IQ4_NL. Every
// candidate scale is judged by the squared error weighted by the size of the values, as large weights matter most.
// Deterministic; damaged values (NaN, infinity) give some defined block.
#pragma once

#include <cstddef>

namespace facet {

inline constexpr int kSuperBlock = 256;

void blockQ4K(const float *x, std::byte *out) noexcept;   // 256 values, 144 bytes
void blockQ5K(const float *x, std::byte *out) noexcept;   // 256 values, 176 bytes
void blockQ6K(const float *x, std::byte *out) noexcept;   // 256 values, 210 bytes
void blockIq4Nl(const float *x, std::byte *out) noexcept; // 32 values, 18 bytes

}  // namespace facet
