// What a load may take: context length, type of the cache, and whether all of it fits. Shared by inspect and load, so that
// what one says is what the other does.
#pragma once

#include "facet/engine.h"
#include "load/memory_plan.h"
#include "load/weights.h"

#include <cstdint>
#include <string>
#include <vector>

namespace facet {

struct LoadPlan {
    int contextLength = 0;
    KvType kv = KvType::F16;      // never Auto
    bool pack = false;            // whether matrices are packed (Packing)
    bool int8Pictures = false;    // whether a wide picture encoder multiplies in int8 (TowerArithmetic)
    bool bfloatPictures = false, bfloatSound = false;  // whether wide encoders round factors to bfloat16
    int threads = 0, writeThreads = 0;  // at least 1
    bool tuned = false;           // an earlier measuring chose what the options leave open (facet/tuning.h)
    MemoryEstimate need;          // with adapters and drafter
    std::uint64_t available = 0;  // the limit, or what the machine has; 0: unknown
    std::vector<std::string> notes; // what was decided that a user would want to know

    bool fits() const noexcept { return available == 0 || need.totalBytes() <= available; }
    // Why it does not, with figures and what can be done.
    Error tooLarge(const Checkpoint &checkpoint, const LoadOptions &options) const;
};

// otherBytes: files of adapters and of a drafter. Auto takes what was measured to be best, else f16, and where that does
// not fit the first of q8_0 and q4_0 that does; packing is decided behind that. Errors: InvalidArgument (context length, a type of cache that the heads do not allow).
Result<LoadPlan> planLoad(const Checkpoint &checkpoint, const LoadOptions &options, std::uint64_t otherBytes);

} // namespace facet
