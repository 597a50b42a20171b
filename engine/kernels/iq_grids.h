// Code books of the IQ types. An entry stands for 8 values of 2 bits each (IQ1, IQ2) or 4 values of 4 bits each (IQ3),
// the lowest bits first; the bits number the magnitudes 8, 25, 43 (IQ2), -1, 0, 1 (IQ1), 4, 12, .. 52, 62 (IQ3_XXS) or
// 1, 3, .. 15 (IQ3_S).
#pragma once

#include <cstdint>

namespace facet {

extern const std::uint16_t kGridIq2Xxs[256];
extern const std::uint16_t kGridIq2Xs[512];
extern const std::uint16_t kGridIq2S[1024];
extern const std::uint16_t kGridIq1[2048];
extern const std::uint16_t kGridIq3Xxs[256];
extern const std::uint16_t kGridIq3S[512];

}  // namespace facet
