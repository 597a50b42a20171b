#include "model/drafter.h"

#include "kernels/packed.h"
#include "kernels/profile.h"
#include "model/decoder_layers.h"
#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <utility>

namespace facet {
namespace {

Error badArgument(std::string detail) {
    return {ErrorCode::InvalidArgument, "The drafter was asked for something that does not fit the model.",
            std::move(detail)};
}

// The last layer of the type that writes keys; -1: none does.
int lastProducer(const TextConfig &config, bool sliding) {
    for (int i = config.layerCount - 1; i >= 0; --i) {
        const LayerConfig &layer = config.layers[static_cast<std::size_t>(i)];
        if (!layer.sharesKv && layer.sliding == sliding) return i;
    }
    return -1;
}

// Gives every layer of the drafter the target's layer that it reads; the problem if something does not fit.
std::string connect(TextConfig &drafter, const DrafterConfig &settings, const TextConfig &target) {
    const auto differ = [](const std::string &what, std::int64_t own, std::int64_t wanted) {
        return what + " is " + std::to_string(own) + " in the drafter and " + std::to_string(wanted) + " in the model";
    };
    if (settings.backboneSize != target.hiddenSize)
        return differ("the model's width", settings.backboneSize, target.hiddenSize);
    if (drafter.vocabularySize != target.vocabularySize)
        return differ("the vocabulary", drafter.vocabularySize, target.vocabularySize);
    if (drafter.slidingWindow != target.slidingWindow)
        return differ("the sliding window", drafter.slidingWindow, target.slidingWindow);
    if (drafter.slidingWindow < 2) return "a sliding window of one position leaves nothing to read";
    if (drafter.perLayerInputSize > 0) return "the drafter has per-layer inputs";
    for (std::size_t i = 0; i < drafter.layers.size(); ++i) {
        LayerConfig &layer = drafter.layers[i];
        const std::string place = "layer " + std::to_string(i) + ": ";
        const int source = lastProducer(target, layer.sliding);
        if (source < 0) return place + "the model has no layer whose keys it could read";
        const LayerConfig &read = target.layers[static_cast<std::size_t>(source)];
        if (layer.headDim != read.headDim) return place + differ("the head size", layer.headDim, read.headDim);
        if (layer.kvHeads != read.kvHeads)
            return place + differ("the number of key heads", layer.kvHeads, read.kvHeads);
        layer.kvSource = source;
    }
    return {};
}

// The rows of `from` in this order, in memory of their own.
Matrix reordered(const Exec &exec, const Matrix &from, std::span<const std::int64_t> order) {
    const std::int64_t bytes = rowBytes(from.type, from.cols);
    auto buffer = std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(bytes * from.rows));
    exec.pool->parallelFor(from.rows, 64, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t row = begin; row < end; ++row) {
            copyRow(from, order[static_cast<std::size_t>(row)], buffer.get() + row * bytes);
        }
    });
    Matrix out = from;
    out.data = buffer.get();
    out.owner = std::move(buffer);
    out.packed = false;
    return out;
}

Status checkOrdering(std::span<const std::int64_t> ordering, const std::string &path) {
    std::vector<bool> seen(ordering.size());
    for (const std::int64_t id : ordering) {
        if (id < 0 || id >= static_cast<std::int64_t>(ordering.size()) || seen[static_cast<std::size_t>(id)]) {
            return Error{ErrorCode::ModelFileCorrupt, "The drafter's table of clusters is damaged; download it again.",
                         "tensor masked_embedding.token_ordering: id " + std::to_string(id) +
                             " is outside the vocabulary or there twice",
                         path};
        }
        seen[static_cast<std::size_t>(id)] = true;
    }
    return ok();
}

} // namespace

struct Drafter::Impl {
    TextConfig config;
    DrafterConfig settings;
    TextWeights weights; // with clusters: the embedding's rows in their order
    Matrix preProjection, postProjection;
    Matrix centroids;                   // [clusters, width]; empty: none
    std::vector<std::int32_t> ordering; // token of each row of the embedding; empty: its own number
    std::uint64_t bytes = 0;

    Status loadClusters(const Checkpoint &checkpoint, const Exec &exec);
    void score(const Exec &exec, const float *z, Step &step, const Tap &tap) const;
    void scoreClusters(const Exec &exec, const float *z, Step &step, const Tap &tap) const;
    void tapLogits(const Exec &exec, const float *z, const Step &step, const Tap &tap) const;
    Result<Step> step(const Exec &exec, const TextModel &target, KvCache &cache, std::int32_t id,
                      std::span<const float> hidden, const Tap &tap) const;
};

Status Drafter::Impl::loadClusters(const Checkpoint &checkpoint, const Exec &exec) {
    FACET_TRY(table, checkpoint.weights->matrix("masked_embedding.centroids.weight", settings.centroids,
                                                config.hiddenSize));
    FACET_TRY(order, checkpoint.weights->integers("masked_embedding.token_ordering", config.vocabularySize));
    FACET_CHECK(checkOrdering(order, checkpoint.path));
    centroids = std::move(table);
    // Clusters then are ranges of rows: a few matrix products instead of thousands of scattered rows.
    weights.embedding = reordered(exec, weights.headMatrix(), order);
    weights.head = {};
    ordering.assign(order.begin(), order.end());
    bytes += static_cast<std::uint64_t>(rowBytes(centroids.type, centroids.cols) * centroids.rows) +
             ordering.size() * sizeof(ordering[0]);
    return ok();
}

void Drafter::Impl::scoreClusters(const Exec &exec, const float *z, Step &step, const Tap &tap) const {
    std::vector<float> scores(static_cast<std::size_t>(settings.centroids));
    linear(exec, centroids, z, 1, scores.data());
    std::vector<int> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    const auto chosen = static_cast<std::ptrdiff_t>(settings.topCentroids);
    std::partial_sort(order.begin(), order.begin() + chosen, order.end(), [&scores](int a, int b) {
        const float x = scores[static_cast<std::size_t>(a)], y = scores[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
    });
    const std::int64_t size = config.vocabularySize / settings.centroids;
    step.logits.resize(static_cast<std::size_t>(chosen * size));
    std::vector<Matrix> slices;
    std::vector<LinearJob> jobs;
    slices.reserve(static_cast<std::size_t>(chosen));
    for (std::ptrdiff_t i = 0; i < chosen; ++i) {
        const std::int64_t first = order[static_cast<std::size_t>(i)] * size;
        slices.push_back(weights.embedding.slice(first, size));
        jobs.push_back({&slices.back(), step.logits.data() + i * size});
        step.ids.insert(step.ids.end(), ordering.begin() + first, ordering.begin() + first + size);
    }
    linear(exec, z, 1, 0, jobs);
    if (!tap) return;
    tap("centroid_logits", scores.data(), 1, settings.centroids);
    const std::vector<float> selected(order.begin(), order.begin() + chosen);
    tap("centroids_selected", selected.data(), 1, settings.topCentroids);
}

// The logits as the reference sees them: of every token, with and without the clusters.
void Drafter::Impl::tapLogits(const Exec &exec, const float *z, const Step &step, const Tap &tap) const {
    const auto vocabulary = static_cast<std::size_t>(config.vocabularySize);
    std::vector<float> rows(vocabulary), full(vocabulary);
    linear(exec, weights.headMatrix(), z, 1, rows.data());
    for (std::size_t i = 0; i < vocabulary; ++i)
        full[ordering.empty() ? i : static_cast<std::size_t>(ordering[i])] = rows[i];
    tap("logits_full", full.data(), 1, config.vocabularySize);
    if (!step.ids.empty()) {
        std::fill(full.begin(), full.end(), *std::min_element(step.logits.begin(), step.logits.end()) - 1.0F);
        for (std::size_t i = 0; i < step.ids.size(); ++i) full[static_cast<std::size_t>(step.ids[i])] = step.logits[i];
    }
    tap("logits", full.data(), 1, config.vocabularySize);
}

void Drafter::Impl::score(const Exec &exec, const float *z, Step &step, const Tap &tap) const {
    const ProfilePart part(exec.profile, "draft head");
    if (centroids.empty()) {
        step.logits.resize(static_cast<std::size_t>(config.vocabularySize));
        linear(exec, weights.headMatrix(), z, 1, step.logits.data());
    } else {
        scoreClusters(exec, z, step, tap);
    }
    if (config.logitSoftcap > 0)
        exec.kernels->softcap(step.logits.data(), static_cast<std::int64_t>(step.logits.size()), config.logitSoftcap);
    float most = -std::numeric_limits<float>::infinity();
    step.best = std::numeric_limits<std::int32_t>::max();
    for (std::size_t i = 0; i < step.logits.size(); ++i) {
        const std::int32_t id = step.ids.empty() ? static_cast<std::int32_t>(i) : step.ids[i];
        if (step.logits[i] > most || (step.logits[i] == most && id < step.best)) {
            most = step.logits[i];
            step.best = id;
        }
    }
    if (step.best >= config.vocabularySize) step.best = 0; // nothing but NaN
    if (tap) tapLogits(exec, z, step, tap);
}

Result<Drafter::Step> Drafter::Impl::step(const Exec &exec, const TextModel &target, KvCache &cache, std::int32_t id,
                                          std::span<const float> given, const Tap &tap) const {
    const ProfilePart part(exec.profile, "draft step");
    const std::int64_t backbone = settings.backboneSize, width = config.hiddenSize;
    if (cache.length() < 1) return badArgument("the cache is empty");
    if (cache.impl().layers.size() != target.config().layers.size()) return badArgument("the cache of another model");
    if (id < 0 || id >= config.vocabularySize) return badArgument("token id " + std::to_string(id));
    if (static_cast<std::int64_t>(given.size()) != backbone)
        return badArgument("a hidden row of " + std::to_string(given.size()) + " values");
    std::vector<float> input(static_cast<std::size_t>(2 * backbone)); // token first, then what it was chosen from
    target.embed(exec, id, input.data());
    std::copy(given.begin(), given.end(), input.begin() + backbone);
    if (tap) tap("inputs_embeds", input.data(), 1, 2 * backbone);

    DecoderLayers layers(exec, config, weights, tap, nullptr, queryRow(config, cache));
    float *x = layers.x().resize(width);
    linear(exec, preProjection, input.data(), 1, x);
    if (tap) tap("pre_projection", x, 1, width);
    for (int i = 0; i < config.layerCount; ++i) layers.run(i);
    rmsNormRows(exec, x, weights.finalNorm.data(), 1, width, config.rmsNormEps, x);
    if (tap) tap("final_norm", x, 1, width);
    Step out;
    out.hidden.resize(static_cast<std::size_t>(backbone));
    linear(exec, postProjection, x, 1, out.hidden.data());
    if (tap) tap("post_projection", out.hidden.data(), 1, backbone);
    score(exec, x, out, tap);
    if (exec.cancelled()) return Error{ErrorCode::Cancelled, "The computation was stopped."};
    return out;
}

Result<Drafter> Drafter::load(const Checkpoint &checkpoint, const Exec &exec, WeightType type,
                              const TextModel &target, bool pack) {
    if (!checkpoint.config.drafter) {
        return Error{ErrorCode::ModelUnsupported,
                     "This is no drafter but a model of its own; choose the \"assistant\" that belongs to the model.",
                     "architecture " + checkpoint.config.architecture, checkpoint.path};
    }
    try {
        auto impl = std::make_unique<Impl>();
        impl->config = checkpoint.config.text;
        impl->settings = *checkpoint.config.drafter;
        const std::string problem = connect(impl->config, impl->settings, target.config());
        if (!problem.empty()) {
            return Error{ErrorCode::ModelUnsupported,
                         "The drafter was made for another model; choose the one that belongs to this model.", problem,
                         checkpoint.path};
        }
        FACET_TRY(weights, loadTextWeights(checkpoint, exec, type, {}, pack));
        impl->weights = std::move(weights);
        const std::int64_t backbone = impl->settings.backboneSize, width = impl->config.hiddenSize;
        FACET_TRY(pre, checkpoint.weights->matrix("pre_projection.weight", width, 2 * backbone));
        FACET_TRY(post, checkpoint.weights->matrix("post_projection.weight", backbone, width));
        impl->preProjection = std::move(pre);
        impl->postProjection = std::move(post);
        for (const Matrix *m : {&impl->preProjection, &impl->postProjection})
            impl->bytes += static_cast<std::uint64_t>(rowBytes(m->type, m->cols) * m->rows);
        impl->bytes += impl->weights.residentBytes;
        if (impl->settings.centroids > 0) FACET_CHECK(impl->loadClusters(checkpoint, exec));
        return Drafter(std::move(impl));
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory,
                     "There is not enough memory for the drafter; load the model without it or close other programs.",
                     {},
                     checkpoint.path};
    }
}

Result<Drafter::Step> Drafter::step(const Exec &exec, const TextModel &target, KvCache &cache, std::int32_t id,
                                    std::span<const float> hidden, const Tap &tap) const {
    try {
        return m_impl->step(exec, target, cache, id, hidden, tap);
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory, "There is not enough memory for this step; close other programs."};
    }
}

Result<Drafter::SharedCache> Drafter::sharedCache(const Exec &exec, const KvCache &cache, bool sliding) const {
    const auto &layers = m_impl->config.layers;
    const auto reader = std::find_if(layers.begin(), layers.end(),
                                     [sliding](const LayerConfig &layer) { return layer.sliding == sliding; });
    if (reader == layers.end()) return badArgument("no layer of this kind");
    const KvView view = cache.impl().view(static_cast<std::size_t>(reader->kvSource));
    SharedCache out{view.kvHeads, cache.length(), view.headDim, {}, {}};
    if (out.positions > view.capacity) return badArgument("the cache no longer holds every position");
    const TensorType type = cacheTensorType(view.type);
    for (const auto &[from, to] : {std::pair{view.keys, &out.keys}, std::pair{view.values, &out.values}}) {
        to->resize(static_cast<std::size_t>(out.heads * out.positions * out.headDim));
        for (std::int64_t head = 0; head < out.heads; ++head) {
            exec.kernels->dequantise(type,
                                     static_cast<const std::byte *>(from) + head * view.capacity * rowBytes(type, view.headDim),
                                     out.positions * out.headDim, to->data() + head * out.positions * out.headDim);
        }
    }
    return out;
}

Drafter::Drafter(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Drafter::Drafter(Drafter &&) noexcept = default;
Drafter &Drafter::operator=(Drafter &&) noexcept = default;
Drafter::~Drafter() = default;

std::uint64_t Drafter::residentBytes() const noexcept { return m_impl->bytes; }

} // namespace facet
