// Shared by the tests of both towers: an Exec to run on, checkpoints of the fixtures, a tap that keeps everything.
#pragma once

#include "kernels/ops.h"
#include "load/weights.h"
#include "media/prepare/golden_file.h"
#include "model/towers.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace facet::test {

struct Machine {
    explicit Machine(InstructionSet isa = InstructionSet::Auto, int threads = 2) : pool(threads) {
        exec.kernels = &kernelsFor(isa);
        exec.pool = &pool;
        exec.reference = true;
    }
    WorkerPool pool;
    Exec exec;
};

// The judge of the others, and the best of this machine.
inline std::vector<InstructionSet> instructionSets() { return {InstructionSet::Scalar, InstructionSet::Auto}; }

inline Checkpoint fixtureCheckpoint(const std::string &name) {
    Result<Checkpoint> checkpoint = openCheckpoint(fixturePath("checkpoints/" + name));
    if (!checkpoint) FAIL(checkpoint.error().describe());
    return std::move(checkpoint).value();
}

struct Stage {
    std::vector<float> data;
    std::int64_t rows = 0, width = 0;
};
using Stages = std::map<std::string, Stage>;

inline TowerTap keepIn(Stages &stages) {
    return [&stages](const std::string &name, const float *data, std::int64_t rows, std::int64_t width) {
        stages[name] = {std::vector<float>(data, data + rows * width), rows, width};
    };
}

// Weights with some tensors replaced or hidden: for checkpoints that do not fit their configuration.
class AlteredWeights : public WeightSource {
public:
    explicit AlteredWeights(std::shared_ptr<const WeightSource> base) : m_base(std::move(base)) {}
    void hide(const std::string &name) { m_altered[name] = {}; }
    void replace(const std::string &name, std::vector<std::int64_t> shape, std::vector<float> values) {
        Entry entry;
        entry.info = {name, TensorType::F32, std::move(shape), values.size() * sizeof(float)};
        entry.values = std::make_shared<std::vector<float>>(std::move(values));
        m_altered[name] = std::move(entry);
    }

    const std::vector<TensorInfo> &tensors() const override { return m_base->tensors(); }
    const TensorInfo *find(std::string_view name) const override {
        const auto found = m_altered.find(std::string(name));
        if (found == m_altered.end()) return m_base->find(name);
        return found->second.values ? &found->second.info : nullptr;
    }
    Result<Matrix> matrix(const std::string &name, std::int64_t rows, std::int64_t cols) const override {
        const auto found = m_altered.find(name);
        if (found == m_altered.end()) return m_base->matrix(name, rows, cols);
        if (!found->second.values || static_cast<std::int64_t>(found->second.values->size()) != rows * cols) return broken(name);
        const auto *bytes = reinterpret_cast<const std::byte *>(found->second.values->data());
        return Matrix{TensorType::F32, rows, cols, bytes, found->second.values, name};
    }
    Result<std::vector<float>> vector(const std::string &name, std::int64_t n) const override {
        const auto found = m_altered.find(name);
        if (found == m_altered.end()) return m_base->vector(name, n);
        if (!found->second.values || static_cast<std::int64_t>(found->second.values->size()) != n) return broken(name);
        return *found->second.values;
    }
    std::string fingerprint() const override { return "altered"; }

private:
    struct Entry {
        TensorInfo info;
        std::shared_ptr<std::vector<float>> values;
    };
    static Error broken(const std::string &name) { return {ErrorCode::ModelFileCorrupt, "Altered.", name}; }

    std::shared_ptr<const WeightSource> m_base;
    std::map<std::string, Entry> m_altered;
};

// The lowest cosine between rows of the same number in both.
inline double lowestCosine(const std::vector<float> &a, const std::vector<float> &b, std::int64_t rows) {
    const std::size_t width = a.size() / static_cast<std::size_t>(rows);
    double lowest = a.size() == b.size() ? 1 : -1;
    for (std::size_t from = 0; lowest > -1 && from < a.size(); from += width) {
        double both = 0, left = 0, right = 0;
        for (std::size_t i = from; i < from + width; ++i) {
            const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
            both += x * y, left += x * x, right += y * y;
        }
        lowest = std::min(lowest, both / std::sqrt(left * right));
    }
    return lowest;
}

}  // namespace facet::test
