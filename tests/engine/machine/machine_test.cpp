// What the machine says of itself. Figures are nobody's promise: only their form is looked at.
#include "machine/roofline.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

using namespace facet;

TEST_CASE("cores, processor and memory") {
    CHECK(usableCores() >= 1);
    CHECK(usablePhysicalCores() >= 1);
    CHECK(usablePhysicalCores() <= usableCores());
    CHECK_FALSE(processorName().empty());
#if defined(__linux__)
    const MemoryFigures before = memoryFigures();
    CHECK(before.peakResident > 0);
    CHECK(before.anonymous > 0);
    {
        std::vector<std::byte> block(std::size_t{32} << 20U, std::byte{1});
        CHECK(memoryFigures().anonymous > before.anonymous + (std::size_t{16} << 20U));
    }
    resetPeakMemory();
    CHECK(memoryFigures().peakResident > 0);
#endif
}

TEST_CASE("every loop of this processor gives a rate") {
    for (const int threads : {1, 2}) {
        const Roofline limits = measureRoofline(threads, std::size_t{8} << 20U);
        CHECK(limits.threads == threads);
        const RooflineLoops loops = rooflineLoops();
        for (const auto &[rate, has] : {std::pair{limits.read, loops.read != nullptr}, {limits.read4bit, loops.read4bit != nullptr},
                                        {limits.int8, loops.int8 != nullptr}, {limits.int4, loops.int4 != nullptr},
                                        {limits.bf16, loops.bf16 != nullptr}, {limits.fp32, loops.fp32 != nullptr}}) {
            CHECK(std::isfinite(rate));
            CHECK((rate > 0) == has);
        }
        CHECK(limits.streaming() >= limits.read);
        CHECK(limits.integers() >= limits.int8);
    }
    CHECK(arithmeticPulse() > 0);
}
