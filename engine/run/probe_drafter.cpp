// The probe's view of drafting: the steps of one round, and rounds of drafting and checking.
#include "facet/probe.h"

#include "run/probe_model_impl.h"

#include <algorithm>

namespace facet {

namespace {

std::int32_t best(std::span<const float> logits) {
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Error needsDrafter() { return {ErrorCode::InvalidArgument, "This case needs a drafter: name it with --drafter."}; }

// Everything up to here in the cache; logits and hidden row of the last id.
Result<TextModel::Output> readAll(const LoadedModel &model, KvCache &cache, const std::vector<std::int32_t> &ids) {
    if (ids.empty()) return Error{ErrorCode::InvalidArgument, "The case has no input_ids."};
    Segment segment;
    segment.cache = &cache;
    segment.adapterScales = model.adapters.defaultScales();
    segment.ids = ids;
    segment.logitRows = {static_cast<std::int64_t>(ids.size()) - 1};
    return model.text.forward(model.exec, std::span<Segment>(&segment, 1));
}

// layer_00.out -> layer_0.out, as the reference counts a drafter's layers.
std::string stageName(const std::string &name) {
    return name.starts_with("layer_0") ? "layer_" + name.substr(7) : name;
}

}  // namespace

Result<ProbeTensors> ProbeModel::drafterSteps(const std::vector<std::int32_t> &ids, std::int32_t next, int steps) {
    const LoadedModel &model = *m_impl->model;
    if (!model.drafter) return needsDrafter();
    FACET_TRY(cache, m_impl->newCache(static_cast<std::int64_t>(ids.size()) + 1));
    FACET_TRY(read, readAll(model, cache, ids));
    ProbeTensors out;
    const auto width = static_cast<std::int64_t>(read.hidden.size());
    out["target.last_hidden"] = {{width}, read.hidden, {}};
    for (const bool sliding : {true, false}) {
        FACET_TRY(shared, model.drafter->sharedCache(model.exec, cache, sliding));
        const std::vector<std::int64_t> shape = {shared.heads, shared.positions, shared.headDim};
        const std::string name = std::string("target.") + (sliding ? "sliding" : "full") + "_attention.";
        out[name + "keys"] = {shape, std::move(shared.keys), {}};
        out[name + "values"] = {shape, std::move(shared.values), {}};
    }
    std::vector<float> hidden = std::move(read.hidden);
    for (int k = 0; k < steps; ++k) {
        const std::string prefix = "step" + std::to_string(k) + ".";
        out[prefix + "token_in"] = {{1}, {}, {next}};
        const Tap tap = [&](const std::string &name, const float *data, std::int64_t, std::int64_t columns) {
            ProbeTensor tensor{{columns}, std::vector<float>(data, data + columns), {}};
            if (name == "centroids_selected") {
                tensor.integers.assign(tensor.floats.begin(), tensor.floats.end());
                tensor.floats.clear();
            }
            out[prefix + stageName(name)] = std::move(tensor);
        };
        FACET_TRY(step, model.drafter->step(model.exec, model.text, cache, next, hidden, tap));
        next = step.best;
        hidden = std::move(step.hidden);
    }
    return out;
}

Result<std::vector<ProbeRound>> ProbeModel::drafterRounds(const std::vector<std::int32_t> &ids, int draftLength,
                                                          int count, std::int32_t &first) {
    const LoadedModel &model = *m_impl->model;
    if (!model.drafter) return needsDrafter();
    if (draftLength < 0 || draftLength > 64 || count < 1 || count > 100'000)
        return Error{ErrorCode::InvalidArgument, "The case's draft_length or emitted is out of range."};
    const auto vocabulary = static_cast<std::size_t>(model.checkpoint.config.text.vocabularySize);
    const auto width = static_cast<std::size_t>(model.checkpoint.config.text.hiddenSize);
    FACET_TRY(cache, m_impl->newCache(static_cast<std::int64_t>(ids.size()) + count + draftLength + 1));
    FACET_TRY(read, readAll(model, cache, ids));
    first = best(read.logits);
    std::int32_t last = first;
    std::vector<float> hidden = std::move(read.hidden);
    std::vector<ProbeRound> rounds;
    for (int emitted = 1; emitted < count;) {
        ProbeRound round;
        Segment segment;
        segment.cache = &cache;
        segment.adapterScales = model.adapters.defaultScales();
        segment.ids = {last};
        for (int k = 0; k < draftLength; ++k) {
            FACET_TRY(step, model.drafter->step(model.exec, model.text, cache, segment.ids.back(), hidden));
            hidden = std::move(step.hidden);
            segment.ids.push_back(step.best);
            round.drafted.push_back(step.best);
        }
        for (int k = 0; k <= draftLength; ++k) segment.logitRows.push_back(k);
        const std::int64_t before = cache.length();
        FACET_TRY(output, model.text.forward(model.exec, std::span<Segment>(&segment, 1)));
        std::size_t stood = 0;
        while (true) {
            round.emitted.push_back(best(std::span(output.logits).subspan(stood * vocabulary, vocabulary)));
            if (stood == round.drafted.size() || round.emitted.back() != round.drafted[stood]) break;
            ++stood;
        }
        round.accepted = static_cast<int>(stood);
        if (!cache.truncate(before + static_cast<std::int64_t>(stood) + 1))
            return Error{ErrorCode::Internal, "Guesses that did not stand could not be taken back."};
        hidden.assign(output.hidden.begin() + static_cast<std::ptrdiff_t>(stood * width),
                      output.hidden.begin() + static_cast<std::ptrdiff_t>((stood + 1) * width));
        last = round.emitted.back();
        emitted += static_cast<int>(round.emitted.size());
        rounds.push_back(std::move(round));
    }
    return rounds;
}

}  // namespace facet
