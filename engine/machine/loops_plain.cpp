// The roofline's loops in plain C++: what the compiler makes of them for the oldest processor of the kind.
#include "machine/roofline.h"

#include <cstring>

namespace facet {

namespace {

constexpr std::size_t kLanes = 64;

float read(const std::byte *from, std::size_t bytes) {
    std::uint64_t sum[8] = {};
    for (const std::byte *p = from; p < from + bytes; p += sizeof sum) {
        std::uint64_t values[8];
        std::memcpy(values, p, sizeof values);
        for (int i = 0; i < 8; ++i) sum[i] ^= values[i];
    }
    for (int i = 1; i < 8; ++i) sum[0] ^= sum[i];
    return static_cast<float>(sum[0]);
}

float fp32(std::int64_t rounds, double &operations) {
    float sum[kLanes], a = 0.999F;
    for (std::size_t i = 0; i < kLanes; ++i) sum[i] = static_cast<float>(i);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (float &each : sum) each = each * a + 0.5F;
        __asm__ volatile("" : "+m"(a));
    }
    operations = static_cast<double>(rounds) * static_cast<double>(kLanes) * 2;
    float total = 0;
    for (const float each : sum) total += each;
    return total;
}

}  // namespace

const RooflineLoops kPlainLoops{"plain", read, nullptr, nullptr, nullptr, nullptr, fp32};

}  // namespace facet
