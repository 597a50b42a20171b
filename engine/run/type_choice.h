// Which type each tensor gets, so that all together keep within a number of bytes and lose least: a knapsack whose items
// are steps from a smaller type to a larger one.
//
//     auto choice = chooseTypes(options, bytes);   // options[tensor]: what it may be; choice[tensor]: which of those
//
// More bytes never give more loss.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace facet {

struct TypeOption {
    std::uint64_t bytes = 0;
    double loss = 0;
};

struct TypeChoice {
    std::vector<std::size_t> option; // of each tensor
    std::uint64_t bytes = 0;
    double loss = 0;
};

// Each tensor has at least one option. Nothing: even the smallest options are larger than `bytes`.
std::optional<TypeChoice> chooseTypes(const std::vector<std::vector<TypeOption>> &options, std::uint64_t bytes);
// The bytes of the smallest options.
std::uint64_t leastBytes(const std::vector<std::vector<TypeOption>> &options);

} // namespace facet
