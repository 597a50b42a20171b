// LoRA adapters beside the weights of a model (text.md section 7): y = W x + sum of scale * B(A x), the base matrices
// stay as they are, quantised or not, so that each request chooses anew.
//
//     FACET_TRY(adapters, LoraSet::open(options.adapters));
//     FACET_CHECK(text.attach(adapters));           // every network takes what is its own
//     FACET_CHECK(adapters.checkAllUsed(config));   // the rest fits nothing: named
//     segment.adapterScales = scales;               // one for each adapter
#pragma once

#include "kernels/ops.h"
#include "load/adapter.h"
#include "load/config.h"

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace facet {

// A linear layer that an adapter may name, by the checkpoint's spelling without ".weight".
struct LoraModule {
    std::string name;
    const Matrix *matrix = nullptr; // the one that its linear() calls are made with
};

// The pairs of one network, found by the matrix that they change.
class LoraBindings {
public:
    struct Delta {
        std::size_t adapter = 0; // number within its LoraSet
        float scale = 1;
        Matrix a, b;
    };
    bool empty() const noexcept { return m_deltas.empty(); }
    const std::vector<Delta> *find(const Matrix *matrix) const;

private:
    friend class LoraSet;
    std::unordered_map<const Matrix *, std::vector<Delta>> m_deltas;
};

class LoraSet {
public:
    LoraSet() = default;
    // Errors: those of openAdapter; InvalidArgument (two adapters of one name, too many).
    static Result<LoraSet> open(std::span<const AdapterOption> options);

    bool empty() const noexcept { return m_files.empty(); }
    std::size_t size() const noexcept { return m_files.size(); }
    const AdapterFile &adapter(std::size_t index) const { return m_files[index]; }
    const std::vector<float> &defaultScales() const noexcept { return m_scales; } // of the load's options
    std::uint64_t bytes() const noexcept;
    Status stillIntact() const; // as WeightSource's, of every adapter's file

    // The pairs that name one of these modules. Error: ModelFileCorrupt (shapes that do not fit: the tensor and both
    // shapes are named).
    Result<LoraBindings> bind(std::span<const LoraModule> modules);
    // After every network was bound. Error: ModelUnsupported, naming the tensors that fit no module. Keys and values
    // of layers that share those of others are ignored.
    Status checkAllUsed(const TextConfig &config) const;

    // Scales for a request: those of the load, changed by name. Errors: InvalidArgument (no such adapter, no number).
    Result<std::vector<float>> scalesFor(std::span<const AdapterChoice> choices) const;
    // Names what the weights amount to with these scales, for caches of anything computed with them; empty: as without
    // adapters.
    std::string key(std::span<const float> scales) const;

private:
    std::vector<AdapterFile> m_files;
    std::vector<float> m_scales;
    std::vector<std::vector<bool>> m_used; // by file and pair
};

// The hook that adds the adapters' share to every linear() of a pass. Rows of a pass may have different scales.
class LoraHook final : public LinearHook {
public:
    struct Rows {
        std::int64_t first = 0, count = 0;
        std::span<const float> scales; // one for each adapter; empty: none
    };

    explicit LoraHook(const LoraBindings &bindings) : m_bindings(bindings) {}
    void setRows(std::vector<Rows> rows) { m_rows = std::move(rows); }
    void setAllRows(std::span<const float> scales); // however many a call has
    void after(const Exec &exec, const float *x, std::int64_t tokens, std::int64_t xStride,
               std::span<const LinearJob> jobs) const override;

private:
    void addTo(const Exec &exec, const float *x, std::int64_t xStride, const Rows &rows,
               std::span<const LinearJob> jobs) const;

    const LoraBindings &m_bindings;
    std::vector<Rows> m_rows;
};

} // namespace facet
