// 16-bit floats to and from float32, bit by bit: float16 (IEEE binary16, with subnormals, infinities and NaN) and bfloat16
// (upper half of a float32). Rounding is to nearest, ties to even. The fast tables use instructions for the same thing.
#pragma once

#include <cstdint>

namespace facet {

float floatFromHalf(std::uint16_t bits) noexcept;
std::uint16_t halfFromFloat(float value) noexcept;  // beyond 65504 (after rounding): infinity
float floatFromBfloat(std::uint16_t bits) noexcept;
std::uint16_t bfloatFromFloat(float value) noexcept;

}  // namespace facet
