// A GGUF model as a checkpoint: its parts, its projector, the one model of a folder.
#pragma once

#include "load/weights.h"

#include <string>

namespace facet {

// Whether a file begins like a GGUF file or is called one.
bool looksLikeGguf(const std::string &path);
// Whether a folder holds any .gguf file.
bool holdsGguf(const std::string &folder);
// The only model among the .gguf files of a folder (projectors, drafters and further parts do not count).
// Errors: ModelUnsupported (several, which are named), FileNotFound (none).
Result<std::string> onlyGgufModel(const std::string &folder);

Result<Checkpoint> openGgufCheckpoint(const std::string &path, const std::string &mmproj);

} // namespace facet
