// What keeping keys and values in fewer bits changes, on a text: for ProbeModel::kvLoss() and for the tuner.
#pragma once

#include "facet/probe.h"
#include "run/loaded_model.h"

#include <cstdint>
#include <vector>

namespace facet {

// As ProbeModel::kvLoss(). Error also: Cancelled.
Result<std::vector<KvLoss>> measureKvLoss(const LoadedModel &model, const Exec &exec, const std::vector<std::int32_t> &ids);

} // namespace facet
