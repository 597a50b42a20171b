#include "run/type_choice.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace facet {
namespace {

// The budgets that are tried: a fixed set, and the best plan that fits is taken. So the plans to choose from do not depend
// on the bytes that are allowed, and more of those never give more loss; the last part of a target that is not used is
// below a two-thousandth of what could be chosen.
constexpr std::uint64_t kBudgets = 2048;

// One option in place of another of the same tensor.
struct Step {
    std::size_t tensor = 0, from = 0, to = 0;
    std::uint64_t bytes = 0;
    double gain = 0; // of loss for a byte
};

// Options that no mix of two others beats, by rising size: the lower convex hull over (bytes, loss).
std::vector<std::size_t> hull(const std::vector<TypeOption> &options) {
    std::vector<std::size_t> order(options.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return options[a].bytes != options[b].bytes ? options[a].bytes < options[b].bytes : options[a].loss < options[b].loss;
    });
    const auto slope = [&](std::size_t a, std::size_t b) {
        return (options[a].loss - options[b].loss) / static_cast<double>(options[b].bytes - options[a].bytes);
    };
    std::vector<std::size_t> out;
    for (const std::size_t i : order) {
        if (!out.empty() && !(options[i].bytes > options[out.back()].bytes && options[i].loss < options[out.back()].loss)) continue;
        while (out.size() > 1 && slope(out[out.size() - 2], out.back()) <= slope(out.back(), i)) out.pop_back();
        out.push_back(i);
    }
    return out;
}

std::vector<Step> stepsOf(const std::vector<std::vector<TypeOption>> &options, TypeChoice &smallest) {
    std::vector<Step> steps;
    for (std::size_t t = 0; t < options.size(); ++t) {
        const auto corners = hull(options[t]);
        smallest.option.push_back(corners.front());
        smallest.bytes += options[t][corners.front()].bytes;
        smallest.loss += options[t][corners.front()].loss;
        for (std::size_t i = 1; i < corners.size(); ++i) {
            const TypeOption &a = options[t][corners[i - 1]], &b = options[t][corners[i]];
            steps.push_back({t, corners[i - 1], corners[i], b.bytes - a.bytes,
                             (a.loss - b.loss) / static_cast<double>(b.bytes - a.bytes)});
        }
    }
    // Along a hull the gains fall, so that the steps of a tensor stay in their order.
    std::stable_sort(steps.begin(), steps.end(), [](const Step &a, const Step &b) { return a.gain > b.gain; });
    return steps;
}

// The best steps that fit, one after the other; what does not fit is passed over.
TypeChoice filled(const std::vector<std::vector<TypeOption>> &options, const std::vector<Step> &steps, TypeChoice choice,
                  std::uint64_t bytes) {
    for (const Step &step : steps) {
        if (choice.option[step.tensor] != step.from || choice.bytes + step.bytes > bytes) continue;
        choice.option[step.tensor] = step.to;
        choice.bytes += step.bytes;
    }
    choice.loss = 0; // summed in one order, whatever the steps were
    for (std::size_t t = 0; t < options.size(); ++t) choice.loss += options[t][choice.option[t]].loss;
    return choice;
}

} // namespace

std::uint64_t leastBytes(const std::vector<std::vector<TypeOption>> &options) {
    std::uint64_t bytes = 0;
    for (const auto &each : options) {
        bytes += std::min_element(each.begin(), each.end(), [](const auto &a, const auto &b) { return a.bytes < b.bytes; })->bytes;
    }
    return bytes;
}

std::optional<TypeChoice> chooseTypes(const std::vector<std::vector<TypeOption>> &options, std::uint64_t bytes) {
    TypeChoice smallest;
    const std::vector<Step> steps = stepsOf(options, smallest);
    if (smallest.bytes > bytes) return std::nullopt;
    std::uint64_t span = 0;
    for (const Step &step : steps) span += step.bytes;
    TypeChoice best = filled(options, {}, smallest, bytes);
    for (std::uint64_t i = 1; i <= kBudgets; ++i) {
        const std::uint64_t budget = smallest.bytes + span / kBudgets * i + span % kBudgets * i / kBudgets;
        if (budget > bytes && budget - bytes > span / kBudgets + 1) break; // all further plans are larger than this one
        TypeChoice choice = filled(options, steps, smallest, budget);
        if (choice.bytes <= bytes && choice.loss < best.loss) best = std::move(choice);
    }
    return best;
}

} // namespace facet
