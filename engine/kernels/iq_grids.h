// Code books of the IQ types: the bytes of an entry, lowest first, are 8 (IQ1, IQ2) or 4 (IQ3) neighbouring values:
// magnitudes 8, 25, 43 (IQ2), 4, 12, .. 52, 62 (IQ3_XXS), 1, 3, .. 15 (IQ3_S), or -8, 0, 8 as eighths (IQ1).
#pragma once

#include <cstdint>

namespace facet {

template <typename Entry, int N>
struct Grid {
    Entry entries[N];
};
extern const Grid<std::uint64_t, 256> kGridIq2Xxs;
extern const Grid<std::uint64_t, 512> kGridIq2Xs;
extern const Grid<std::uint64_t, 1024> kGridIq2S;
extern const Grid<std::uint64_t, 2048> kGridIq1;
extern const Grid<std::uint32_t, 256> kGridIq3Xxs;
extern const Grid<std::uint32_t, 512> kGridIq3S;

}  // namespace facet
