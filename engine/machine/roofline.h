// The loops behind measureRoofline(), one table per instruction set; null where there is none. Each returns a value that
// depends on all it did.
#pragma once

#include "facet/machine.h"

#include <cstddef>
#include <cstdint>

namespace facet {

struct RooflineLoops {
    const char *name;
    // Reads `bytes` (a multiple of 4096, 64-byte aligned).
    float (*read)(const std::byte *from, std::size_t bytes);
    float (*read4bit)(const std::byte *from, std::size_t bytes);
    // `rounds` rounds on registers; sets the operations done.
    float (*int8)(std::int64_t rounds, double &operations);
    float (*int4)(std::int64_t rounds, double &operations);
    float (*bf16)(std::int64_t rounds, double &operations);
    float (*fp32)(std::int64_t rounds, double &operations);
};
extern const RooflineLoops kPlainLoops;
extern const RooflineLoops kAvx2Loops, kAvx512Loops, kVnniLoops;  // x86-64 only
// The best table of this processor.
RooflineLoops rooflineLoops() noexcept;

}  // namespace facet
