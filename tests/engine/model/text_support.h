// What the text model's tests share: fixtures opened with the engine's own loader, one pass as one call.
#pragma once

#include "load/safetensors.h"
#include "load/weights.h"
#include "model/text_model.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace facet::test {

std::filesystem::path fixtures();           // $FACET_FIXTURES
std::vector<std::string> textCheckpoints(); // names below checkpoints/ that have golden text cases
std::vector<std::filesystem::path> textCases(const std::string &checkpoint);

struct TextRig {
    Checkpoint checkpoint;
    WorkerPool pool;
    Exec exec;
    TextModel model;

    // A folder below checkpoints/, or an absolute path. Float32 everywhere unless `type` quantises.
    static TextRig open(const std::string &name, InstructionSet isa = InstructionSet::Auto,
                        WeightType type = WeightType::AsStored, int threads = 2);
    KvCache cache(std::int64_t contextLength, std::int64_t maxBlock, CacheType type = CacheType::F32) const;

    // Feeds ids to the cache in pieces of `chunk`; logits of the rows (numbers in ids) asked for.
    std::vector<float> feed(KvCache &cache, const std::vector<std::int32_t> &ids, std::int64_t chunk,
                            const std::vector<std::int64_t> &rows) const;
    std::vector<std::int32_t> greedy(KvCache &cache, std::vector<float> logits, int count) const;

    TextRig(Checkpoint opened, int threads, InstructionSet isa, WeightType type);
};

std::vector<std::int32_t> integersOf(const SafetensorsFile &file, const SafetensorsTensor &tensor);
std::vector<float> floatsOf(const SafetensorsFile &file, const SafetensorsTensor &tensor);
std::vector<std::int32_t> someIds(std::int64_t count, std::int32_t vocabulary, std::uint32_t seed);
double cosine(const std::vector<float> &a, const std::vector<float> &b);

} // namespace facet::test
