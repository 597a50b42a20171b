#include "model/lora.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <set>

namespace facet {
namespace {

constexpr std::size_t kMaxAdapters = 16;
constexpr std::size_t kNamedTensors = 3; // of those that do not fit
constexpr float kMaxScale = 1e4F;

std::string shapeOf(const Matrix &m) { return "[" + std::to_string(m.rows) + ", " + std::to_string(m.cols) + "]"; }

Error invalid(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

Status checkScale(const std::string &name, float scale) {
    if (scale >= -kMaxScale && scale <= kMaxScale) return ok();
    return invalid("The scale of the adapter \"" + name + "\" must be a number from -10000 to 10000.");
}

Status checkShapes(const AdapterPair &pair, const Matrix &base, const std::string &path) {
    if (pair.a.cols == base.cols && pair.b.rows == base.rows) return ok();
    return Error{ErrorCode::ModelFileCorrupt,
                 "The adapter was made for another model: a matrix does not fit.",
                 "tensors " + pair.a.name + " " + shapeOf(pair.a) + " and " + pair.b.name + " " + shapeOf(pair.b) +
                     " for a layer of " + shapeOf(base),
                 path};
}

} // namespace

const std::vector<LoraBindings::Delta> *LoraBindings::find(const Matrix *matrix) const {
    const auto found = m_deltas.find(matrix);
    return found == m_deltas.end() ? nullptr : &found->second;
}

Result<LoraSet> LoraSet::open(std::span<const AdapterOption> options) {
    if (options.size() > kMaxAdapters)
        return invalid("At most " + std::to_string(kMaxAdapters) + " adapters can be loaded at once.");
    LoraSet set;
    for (const AdapterOption &option : options) {
        FACET_TRY(file, openAdapter(option.path));
        FACET_CHECK(checkScale(file.name, option.scale));
        for (const AdapterFile &other : set.m_files) {
            if (other.name == file.name)
                return invalid("Two adapters are called \"" + file.name + "\": rename one of their folders.");
        }
        set.m_used.emplace_back(file.pairs.size(), false);
        set.m_files.push_back(std::move(file));
        set.m_scales.push_back(option.scale);
    }
    return set;
}

Status LoraSet::stillIntact() const {
    for (const AdapterFile &file : m_files)
        if (file.weights) FACET_CHECK(file.weights->stillIntact());
    return ok();
}

std::uint64_t LoraSet::bytes() const noexcept {
    std::uint64_t bytes = 0;
    for (const AdapterFile &file : m_files) bytes += file.bytes;
    return bytes;
}

Result<LoraBindings> LoraSet::bind(std::span<const LoraModule> modules) {
    LoraBindings out;
    if (empty()) return out;
    std::unordered_map<std::string_view, const Matrix *> byName;
    for (const LoraModule &module : modules) {
        if (module.matrix != nullptr && !module.matrix->empty()) byName.emplace(module.name, module.matrix);
    }
    for (std::size_t f = 0; f < m_files.size(); ++f) {
        for (std::size_t p = 0; p < m_files[f].pairs.size(); ++p) {
            const AdapterPair &pair = m_files[f].pairs[p];
            const auto module = byName.find(pair.module);
            if (module == byName.end()) continue;
            FACET_CHECK(checkShapes(pair, *module->second, m_files[f].path));
            out.m_deltas[module->second].push_back({f, pair.scale, pair.a, pair.b});
            m_used[f][p] = true;
        }
    }
    return out;
}

Status LoraSet::checkAllUsed(const TextConfig &config) const {
    std::set<std::string> unused; // projections that exist in files and are never computed
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        if (!config.layers[i].sharesKv) continue;
        for (const char *name : {"k_proj", "v_proj"})
            unused.insert("model.language_model.layers." + std::to_string(i) + ".self_attn." + name);
    }
    for (std::size_t f = 0; f < m_files.size(); ++f) {
        std::size_t count = 0;
        std::string names;
        for (std::size_t p = 0; p < m_files[f].pairs.size(); ++p) {
            const AdapterPair &pair = m_files[f].pairs[p];
            if (m_used[f][p] || unused.contains(pair.module)) continue;
            if (count++ < kNamedTensors) names += (names.empty() ? "" : ", ") + pair.a.name;
        }
        if (count == 0) continue;
        if (count > kNamedTensors) names += " and " + std::to_string(count - kNamedTensors) + " more";
        return Error{ErrorCode::ModelUnsupported,
                     "The adapter changes layers that this model does not have; it was made for another one.",
                     "tensors " + names, m_files[f].path};
    }
    return ok();
}

Result<std::vector<float>> LoraSet::scalesFor(std::span<const AdapterChoice> choices) const {
    std::vector<float> scales = m_scales;
    for (const AdapterChoice &choice : choices) {
        const auto file = std::find_if(m_files.begin(), m_files.end(),
                                       [&choice](const AdapterFile &f) { return f.name == choice.name; });
        if (file == m_files.end()) {
            std::string known;
            for (const AdapterFile &f : m_files) known += (known.empty() ? "" : ", ") + f.name;
            return invalid("No adapter is called \"" + choice.name.substr(0, 100) + "\"; loaded are: " +
                           (known.empty() ? "none" : known) + ".");
        }
        FACET_CHECK(checkScale(choice.name, choice.scale));
        scales[static_cast<std::size_t>(file - m_files.begin())] = choice.scale;
    }
    return scales;
}

std::string LoraSet::key(std::span<const float> scales) const {
    std::string text;
    for (std::size_t i = 0; i < scales.size() && i < m_files.size(); ++i) {
        if (scales[i] == 0) continue;
        char number[32];
        std::snprintf(number, sizeof number, "*%a;", static_cast<double>(scales[i]));
        text += m_files[i].fingerprint + number;
    }
    return text;
}

void LoraHook::setAllRows(std::span<const float> scales) {
    m_rows = {{0, std::numeric_limits<std::int64_t>::max(), scales}};
}

void LoraHook::after(const Exec &exec, const float *x, std::int64_t tokens, std::int64_t xStride,
                     std::span<const LinearJob> jobs) const {
    if (std::none_of(jobs.begin(), jobs.end(), [this](const LinearJob &job) { return m_bindings.find(job.w); })) return;
    for (const Rows &rows : m_rows) {
        if (rows.first < 0 || rows.first >= tokens || rows.count <= 0) continue;
        addTo(exec, x, xStride, {rows.first, std::min(rows.count, tokens - rows.first), rows.scales}, jobs);
    }
}

void LoraHook::addTo(const Exec &exec, const float *x, std::int64_t xStride, const Rows &rows,
                     std::span<const LinearJob> jobs) const {
    struct Share {
        const LoraBindings::Delta *delta;
        const LinearJob *job;
        float scale;
        std::int64_t at; // of A x in `inner`
    };
    std::vector<Share> shares;
    std::int64_t innerSize = 0, outerSize = 0;
    for (const LinearJob &job : jobs) {
        const auto *deltas = m_bindings.find(job.w);
        if (!deltas) continue;
        for (const LoraBindings::Delta &delta : *deltas) {
            const float scale = delta.adapter < rows.scales.size() ? rows.scales[delta.adapter] * delta.scale : 0.0F;
            if (scale == 0) continue;
            shares.push_back({&delta, &job, scale, innerSize});
            innerSize += delta.a.rows * rows.count;
            outerSize = std::max(outerSize, delta.b.rows * rows.count);
        }
    }
    if (shares.empty()) return;
    const auto inner = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(innerSize));
    const auto outer = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(outerSize));
    std::vector<LinearJob> down;
    for (const Share &share : shares) down.push_back({&share.delta->a, inner.get() + share.at});
    linear(exec, x + rows.first * xStride, rows.count, xStride, down); // A x, [rows, r]
    for (const Share &share : shares) {
        const std::int64_t width = share.delta->b.rows;
        const std::int64_t yStride = share.job->yStride != 0 ? share.job->yStride : width;
        linear(exec, share.delta->b, inner.get() + share.at, rows.count, outer.get());
        float *y = share.job->y + rows.first * yStride;
        exec.pool->parallelFor(rows.count, 4, [&](std::int64_t begin, std::int64_t end, int) {
            for (std::int64_t row = begin; row < end; ++row)
                exec.kernels->axpy(share.scale, outer.get() + row * width, width, y + row * yStride);
        });
    }
}

} // namespace facet
