// What is measured to be best for one model on one machine: threads and the type of the key/value cache.
//
// A load with LoadOptions::tuningFolder uses the choices of an earlier measuring, if there are any. If there are none, the
// engine measures when it has been idle for the first time, gives way to every request at once and writes a file of its
// own for this machine and model; the next load uses it. ModelMeter::tune() measures right away.
#pragma once

#include "facet/model_info.h"

#include <cstdint>
#include <string>
#include <vector>

namespace facet {

// Off: the folder is neither read nor written. Again: choices that are there are not used, but measured anew.
enum class TuneMode : std::uint8_t { Off, Auto, Again };

// What was measured; what chooseTuning() chooses from.
struct TuningFigures {
    struct Threads {
        int threads = 0;
        double readRate = 0, writeRate = 0;   // tokens/s, the best of several runs
    };
    struct Cache {
        KvType type = KvType::F16;
        double divergence = 0, sameBest = 1;  // against float32 ones, as KvLoss (facet/probe.h)
        double writeRate = 0;                 // tokens/s behind `depth` tokens; 0: not measured
        std::uint64_t bytes = 0;              // of `depth` tokens; 0: not measured
    };
    std::vector<Threads> threads;  // the first is what is taken without measuring: all cores
    std::vector<Cache> caches;     // f16 and those that the model's heads allow
    std::int64_t positions = 0;    // of the text that the losses are of
    std::int64_t depth = 0;        // tokens; 0: nothing was measured behind a long context
};

struct TuningReason {
    enum class About : std::uint8_t { Threads, Cache };
    About about = About::Threads;
    std::string sentence;
};

struct Tuning {
    int readThreads = 0, writeThreads = 0;  // at least 1
    KvType kv = KvType::F16;
    std::vector<TuningReason> reasons;      // one for each choice that is not the usual one
    TuningFigures figures;
};

// Another number of threads than all cores must be faster by this factor: less is noise on a machine that is used.
inline constexpr double kThreadsMustGain = 1.05;
// A smaller type of the cache may change no more than this on the built-in text, and write no slower than this share.
inline constexpr double kLeastSameBest = 0.995, kMostDivergence = 2e-3, kLeastCacheSpeed = 0.97;

// Threads for reading and for writing each by themselves: the fastest, if it gains enough. Of the types of cache within
// the line above the smallest that is not slower than f16 behind a long context; f16 if the speed was not measured.
Tuning chooseTuning(TuningFigures figures);

}  // namespace facet
