// The file of one machine and model in the folder for tuning: JSON, versioned, with a checksum. It is small and may be
// deleted at any time; what is damaged, foreign or makes no sense is not used, and the sentence says so.
#pragma once

#include "facet/engine.h"
#include "load/weights.h"

#include <optional>
#include <string>
#include <string_view>

namespace facet {

// What a choice was measured for. Another processor, number of cores, set of kernels or model: other choices.
struct TuningIdentity {
    std::string processor, kernels, model;
    int cores = 0;
    bool operator==(const TuningIdentity &) const = default;
};
TuningIdentity tuningIdentity(const Checkpoint &checkpoint, const LoadOptions &options);
std::string tuningPath(const std::string &folder, const TuningIdentity &identity);

std::string tuningText(const Tuning &tuning, const TuningIdentity &identity);
// Error: FileUnreadable (damaged, another version, of another machine or model, values out of range).
Result<Tuning> parseTuning(std::string_view text, const TuningIdentity &identity);

// Makes the folder, writes beside the file and renames. Errors: FileWriteFailed, DiskFull.
Status writeTuning(const std::string &folder, const TuningIdentity &identity, const Tuning &tuning);
// Errors: FileNotFound (nothing was measured yet), FileUnreadable.
Result<Tuning> readTuning(const std::string &folder, const TuningIdentity &identity);

// Whether a load with these options may use or make such a file at all: the caller left something to choose.
bool mayTune(const LoadOptions &options) noexcept;

} // namespace facet
