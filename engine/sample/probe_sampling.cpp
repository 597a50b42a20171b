#include "facet/probe.h"
#include "sample/sampler.h"

namespace facet {

std::vector<ProbeCandidate> probeSampling(const std::vector<float> &logits, const std::vector<std::int32_t> &history,
                                          const SamplingOptions &options) {
    std::vector<ProbeCandidate> out;
    for (const Candidate &candidate : candidates(logits, history, options)) out.push_back({candidate.id, candidate.probability});
    return out;
}

}  // namespace facet
