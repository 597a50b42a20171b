// Measures what facet/tuning.h is about, on a model that is loaded, and writes it down. Some tens of passes; whoever needs
// the engine meanwhile raises a flag and waits no longer than one layer takes. What was interrupted is taken up again.
#pragma once

#include "facet/measure.h"
#include "run/measured_passes.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace facet {

// How many threads are worth trying on so many logical and physical cores: all first.
std::vector<int> threadCandidates(int cores, int physicalCores);

class Tuner {
public:
    explicit Tuner(const LoadedModel &model);

    // Until everything is measured and written. `exec` of the model, with the flag that stops it; `room`: bytes that caches
    // may take meanwhile. Errors: Cancelled (call again); others are final.
    Status run(const Exec &exec, std::uint64_t room, const ModelMeter::TuneProgress &progress);
    const Tuning &tuning() const noexcept { return m_tuning; }  // behind run()

private:
    using Progress = ModelMeter::TuneProgress;
    Status measureThreads(const Exec &exec, const Progress &progress);
    Status measureLoss(const Exec &exec);
    Status measureDepth(const Exec &exec, std::uint64_t room);
    Result<double> readRate(const Exec &exec);
    Result<double> writeRate(const Exec &exec, KvCache &cache);

    const LoadedModel &m_model;
    MeasuredPasses m_passes;
    TuningFigures m_figures;
    Tuning m_tuning;
    int m_rounds = 0;          // of all candidates of threads that were finished
    bool m_depthDone = false;
};

}  // namespace facet
