// The JSON form of a ModelInfo, shared by /x_facet/model, /x_facet/inspect and /x_facet/load.
#pragma once

#include "facet/model_info.h"
#include "host/json_reader.h"

namespace facet::host {

// vision and audio are null when the model has none.
Json modelInfoJson(const ModelInfo &info);

} // namespace facet::host
