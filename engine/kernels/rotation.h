// A fixed rotation of rows, for caches that are quantised behind it: random signs, then a Hadamard transform. It spreads
// what single channels hold over all of them, so that few bits serve every value alike; as it keeps lengths and products,
// rotated queries have the scores of plain ones, and a weighted sum of rotated values is turned back once.
//
//     rotateRow(x, n);      // x = H D x / sqrt(p)
//     unrotateRow(x, n);    // x = D H x / sqrt(p): what it was, but for rounding
//
// H is the Hadamard matrix of the largest power of two p that divides n, once for each part of p values; D flips the sign
// of fixed channels. A row of n values needs p >= 32 (canRotate). Deterministic, the same bits everywhere.
#pragma once

#include <cstdint>

namespace facet {

inline constexpr std::int64_t kLongestRotation = 4096; // the configuration's limit of a head

std::int64_t rotationPart(std::int64_t n) noexcept; // p; 0 for n < 1
bool canRotate(std::int64_t n) noexcept;

void rotateRow(float *x, std::int64_t n) noexcept;
void unrotateRow(float *x, std::int64_t n) noexcept;

// The Hadamard transform of p values without the factor, as it is defined, and fast: the same bits. p: a power of two.
void hadamardPlain(float *x, std::int64_t p) noexcept;
void hadamard(float *x, std::int64_t p) noexcept;

} // namespace facet
