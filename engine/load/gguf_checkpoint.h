// A GGUF model as a checkpoint: its parts, its projector, the one model of a folder.
#pragma once

#include "load/weights.h"

#include <string>
#include <vector>

namespace facet {

// Whether a file begins like a GGUF file or is called one.
bool looksLikeGguf(const std::string &path);
// Whether a folder holds any .gguf file.
bool holdsGguf(const std::string &folder);
// The only model among the .gguf files of a folder (projectors, drafters and further parts do not count).
// Errors: ModelUnsupported (several, which are named), FileNotFound (none).
Result<std::string> onlyGgufModel(const std::string &folder);

// "name.gguf" but no projector and no later part of a split model.
bool isModelFileName(const std::string &fileName);
// "mmproj-name.gguf"
bool isProjectorFileName(const std::string &fileName);
// "gemma-4-E2B-it-Q4_K_M" of a path, without folder, ending and part number.
std::string ggufModelName(const std::string &path);
// The files of a model that may be split, by its name; only those that are there.
std::vector<std::string> ggufParts(const std::string &path);
// Projector files beside a model, the one named most alike first; not opened.
std::vector<std::string> projectorsBeside(const std::string &modelPath);

Result<Checkpoint> openGgufCheckpoint(const std::string &path, const std::string &mmproj);

} // namespace facet
