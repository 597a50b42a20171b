// A GGUF file's metadata as the configuration that config.json would have given (text.md 8 and 10).
#pragma once

#include "load/config.h"
#include "load/config_parts.h"
#include "load/gguf.h"
#include "load/gguf_vocabulary.h"

#include <optional>

namespace facet {

// The tensor of one of the files; null: none has it.
const GgufTensor *findTensor(const GgufModelFiles &model, std::string_view name);

// `vocabulary`, `projector` may be null. Errors: ModelFileCorrupt (names the key), ModelUnsupported (another
// architecture, a projector or an adapter in place of the model).
Result<ModelConfig> readGgufConfig(const GgufModelFiles &model, const GgufVocabulary *vocabulary,
                                   const GgufModelFiles *projector);

// The towers of an mmproj file; nothing where the file has none, or one of another kind (then `unified` tells whether
// it is the one of the "unified" model).
struct ProjectorConfig {
    std::optional<VisionConfig> vision;
    std::optional<AudioConfig> audio;
    int textWidth = 0; // embedding length of the model that it belongs to
    bool unified = false;
};
Result<ProjectorConfig> readProjectorConfig(const GgufModelFiles &projector);

} // namespace facet
