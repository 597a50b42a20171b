// What lies behind ProbeModel: the product's own model and passes.
#pragma once

#include "facet/probe.h"

#include "run/loaded_model.h"
#include "run/media_encoder.h"
#include "run/prompt_builder.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace facet {

struct ProbeModel::Impl {
    std::unique_ptr<LoadedModel> model;
    MediaEncoder encoder;

    Result<KvCache> newCache(std::int64_t positions) const {
        return KvCache::create(model->checkpoint.config.text, model->cacheType,
                               std::max<std::int64_t>(positions, 1), std::max(model->maxBlock, positions));
    }

    // One pass over everything, then greedy decoding with the cache.
    Result<ProbeTensors> run(const BuiltPrompt &prompt, const std::vector<SoftTokens> &soft,
                             const std::vector<std::int32_t> &rows, int greedyCount, const Tap &tap);
};

}  // namespace facet
