#include "model/text_model.h"

#include "model/attention.h"
#include "model/moe.h"
#include "model/per_layer_embedding.h"
#include "model/text_pass.h"
#include "model/text_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <new>

namespace facet {
namespace {

constexpr std::int64_t kPieceValues = 16384; // element-wise work below this stays on one thread

Error cancelledError() { return {ErrorCode::Cancelled, "The computation was stopped."}; }

Error badArgument(std::string detail) {
    return {ErrorCode::InvalidArgument, "The engine was asked for something that does not fit the model.",
            std::move(detail)};
}

void scaleAll(const Exec &exec, float *x, std::int64_t count, float factor) {
    if (factor == 1.0F) return;
    exec.pool->parallelFor(count, kPieceValues, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) x[i] *= factor;
    });
}

} // namespace

struct TextModel::Impl {
    TextConfig config;
    MediaTokens tokens;
    int padId = 0;
    int lastProducer = 0; // the last layer that writes keys
    TextWeights weights;

    Status check(std::span<const Segment> segments) const;
    Status checkSegment(const Segment &segment) const;
    // The row that embeds an id: a placeholder without its medium reads as padding (text.md 2.1).
    std::int32_t embeddingId(std::int32_t id) const {
        return id == tokens.imageSoft || id == tokens.audioSoft || id == tokens.videoSoft ? padId : id;
    }
    Result<Output> forward(const Exec &exec, std::span<Segment> segments, const Tap &tap) const;
};

Status TextModel::Impl::checkSegment(const Segment &segment) const {
    if (segment.cache == nullptr || segment.ids.empty())
        return badArgument("a segment without a cache or without rows");
    const KvCache::Impl &cache = segment.cache->impl();
    const auto rows = static_cast<std::int64_t>(segment.ids.size());
    bool fits = cache.layers.size() == config.layers.size() && cache.window == config.slidingWindow;
    for (std::size_t i = 0; fits && i < config.layers.size(); ++i) {
        const LayerConfig &layer = config.layers[i];
        fits = layer.sharesKv ? cache.layers[i].kvHeads == 0
                              : cache.layers[i].kvHeads == layer.kvHeads && cache.layers[i].headDim == layer.headDim;
    }
    if (!fits) return badArgument("the cache was made for another model");
    if (rows > cache.contextLength - cache.length) {
        return Error{ErrorCode::ContextExceeded,
                     "The conversation no longer fits the context; shorten it or start a new one.",
                     std::to_string(cache.length) + " + " + std::to_string(rows) + " positions of " +
                         std::to_string(cache.contextLength)};
    }
    if (rows > cache.maxBlock) {
        return badArgument(std::to_string(rows) + " rows in one pass, the cache was made for " +
                           std::to_string(cache.maxBlock));
    }
    for (const std::int32_t id : segment.ids) {
        if (id < 0 || id >= config.vocabularySize)
            return badArgument("token id " + std::to_string(id) + " is not in the vocabulary");
    }
    std::int64_t next = 0;
    for (const auto &soft : segment.soft) {
        if (soft.count < 0 || soft.firstRow < next || soft.firstRow > rows || soft.count > rows - soft.firstRow ||
            (soft.count > 0 && soft.embeddings == nullptr)) {
            return badArgument("soft tokens lie outside their segment or out of order");
        }
        next = soft.firstRow + soft.count;
    }
    next = 0;
    for (const std::int64_t row : segment.logitRows) {
        if (row < next || row >= rows)
            return badArgument("logit row " + std::to_string(row) + " is outside its segment or out of order");
        next = row + 1;
    }
    return ok();
}

Status TextModel::Impl::check(std::span<const Segment> segments) const {
    for (std::size_t i = 0; i < segments.size(); ++i) {
        FACET_CHECK(checkSegment(segments[i]));
        for (std::size_t j = 0; j < i; ++j) {
            if (segments[j].cache == segments[i].cache)
                return badArgument("two segments of one conversation in a pass");
        }
    }
    return ok();
}

namespace {

// One forward pass: the state between layers and the buffers of their steps.
class Pass {
public:
    Pass(const TextModel::Impl &model, const Exec &exec, std::span<const Segment> segments, const Tap &tap)
        : m_model(model), m_config(model.config), m_exec(exec), m_segments(segments), m_tap(tap),
          m_rows(makeRows(model.config, segments)), m_attention(exec, model.config), m_experts(exec, model.config) {
        for (std::size_t i = 0; i < segments.size(); ++i) {
            for (const std::int64_t row : segments[i].logitRows) m_logitRows.push_back(m_rows.parts[i].first + row);
        }
    }

    Result<TextModel::Output> run();

private:
    void embed();
    void layer(int index);
    void attention(int index, const LayerWeights &w);
    void keepLogitRows();
    void feedForward(int index, const LayerWeights &w);
    void addPerLayerInput(int index, const LayerWeights &w);
    void tapExperts(int index);
    TextModel::Output head();

    void tapLayer(int index, const char *name, const float *data, std::int64_t width) const {
        if (!m_tap) return;
        char text[64];
        std::snprintf(text, sizeof text, "layer_%02d.%s", index, name);
        m_tap(text, data, m_rows.count(), width);
    }

    const TextModel::Impl &m_model;
    const TextConfig &m_config;
    const Exec &m_exec;
    std::span<const Segment> m_segments;
    const Tap &m_tap;
    PassRows m_rows;
    std::vector<std::int64_t> m_logitRows; // of all rows of the pass
    std::int64_t m_allRows = 0;
    Attention m_attention;
    MixtureOfExperts m_experts;
    FloatBuffer m_x, m_normed, m_step, m_spare, m_gate, m_up, m_inner, m_perLayer;
};

void Pass::embed() {
    const std::int64_t hidden = m_config.hiddenSize;
    m_allRows = m_rows.count();
    float *x = m_x.resize(m_allRows * hidden); // [rows, H]
    std::vector<std::int32_t> ids;
    for (const Segment &segment : m_segments) {
        const std::size_t first = ids.size();
        for (const std::int32_t id : segment.ids) ids.push_back(m_model.embeddingId(id));
        for (const auto &soft : segment.soft)
            std::fill_n(ids.begin() + static_cast<std::ptrdiff_t>(first) + soft.firstRow, soft.count, m_model.padId);
    }
    const Matrix &table = m_model.weights.embedding;
    const float factor = std::sqrt(static_cast<float>(hidden));
    m_exec.pool->parallelFor(m_allRows, 4, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t row = begin; row < end; ++row) {
            float *out = x + row * hidden;
            m_exec.kernels->dequantise(table.type, table.row(ids[static_cast<std::size_t>(row)]), hidden, out);
            for (std::int64_t i = 0; i < hidden; ++i) out[i] *= factor;
        }
    });
    for (std::size_t i = 0; i < m_segments.size(); ++i) {
        for (const auto &soft : m_segments[i].soft) {
            if (soft.count > 0)
                std::copy_n(soft.embeddings, soft.count * hidden, x + (m_rows.parts[i].first + soft.firstRow) * hidden);
        }
    }
    if (m_tap) m_tap("inputs_embeds", x, m_allRows, hidden);
    if (m_config.perLayerInputSize == 0) return;
    for (std::int32_t &id : ids) id = id < m_config.perLayerVocabularySize ? id : 0;
    perLayerInputs(m_exec, m_config, m_model.weights, x, ids, m_perLayer, m_tap);
}

// After the last layer that writes keys, nobody looks at the other rows any more.
void Pass::keepLogitRows() {
    const std::int64_t hidden = m_config.hiddenSize;
    const auto count = static_cast<std::int64_t>(m_logitRows.size());
    for (FloatBuffer *buffer : {&m_x, &m_normed}) {
        float *kept = m_spare.resize(count * hidden);
        gatherRows(buffer->data(), m_logitRows, hidden, kept);
        std::copy_n(kept, count * hidden, buffer->data());
    }
    m_rows = selectRows(m_config, m_rows, m_logitRows);
}

void Pass::attention(int index, const LayerWeights &w) {
    const std::int64_t hidden = m_config.hiddenSize;
    rmsNormRows(m_exec, m_x.data(), w.inputNorm.data(), m_rows.count(), hidden, m_config.rmsNormEps,
                m_normed.resize(m_rows.count() * hidden));
    const bool drop =
        index == m_model.lastProducer && !m_tap && static_cast<std::int64_t>(m_logitRows.size()) < m_rows.count();
    if (drop) {
        m_attention.project(index, w, m_normed.data(), m_rows, {.queries = false, .keys = true});
        keepLogitRows();
        if (m_rows.count() == 0) return;
        m_attention.project(index, w, m_normed.data(), m_rows, {.queries = true, .keys = false});
    } else {
        m_attention.project(index, w, m_normed.data(), m_rows, {});
    }
    float *out = m_step.resize(m_rows.count() * hidden);
    m_attention.output(index, w, m_rows, out);
    tapLayer(index, "attn_out", out, hidden);
    addNormRows(m_exec, m_x.data(), out, w.postAttentionNorm.data(), m_rows.count(), hidden, m_config.rmsNormEps);
}

void Pass::tapExperts(int index) {
    if (!m_tap) return;
    const std::vector<float> chosen(m_experts.chosen().begin(), m_experts.chosen().end());
    tapLayer(index, "router_probs", m_experts.probabilities(), m_config.experts);
    tapLayer(index, "router_topk_index", chosen.data(), m_config.activeExperts);
    tapLayer(index, "router_topk_weights", m_experts.weights().data(), m_config.activeExperts);
}

void Pass::feedForward(int index, const LayerWeights &w) {
    const std::int64_t hidden = m_config.hiddenSize, rows = m_rows.count(), inner = w.gate.rows;
    const float eps = m_config.rmsNormEps;
    float *normed = m_normed.resize(rows * hidden);
    rmsNormRows(m_exec, m_x.data(), w.preFeedForwardNorm.data(), rows, hidden, eps, normed);
    const LinearJob jobs[] = {{&w.gate, m_gate.resize(rows * inner)}, {&w.up, m_up.resize(rows * inner)}};
    linear(m_exec, normed, rows, 0, jobs);
    geluMulRows(m_exec, m_gate.data(), m_up.data(), rows, inner, m_inner.resize(rows * inner));
    float *out = m_step.resize(rows * hidden);
    linear(m_exec, w.down, m_inner.data(), rows, out);
    if (w.experts) {
        rmsNormRows(m_exec, out, w.experts->postNorm1.data(), rows, hidden, eps, out);
        float *mixed = m_spare.resize(rows * hidden);
        m_experts.run(*w.experts, m_x.data(), rows, mixed);
        tapExperts(index);
        addNormRows(m_exec, out, mixed, w.experts->postNorm2.data(), rows, hidden, eps);
    }
    addNormRows(m_exec, m_x.data(), out, w.postFeedForwardNorm.data(), rows, hidden, eps);
}

void Pass::addPerLayerInput(int index, const LayerWeights &w) {
    const std::int64_t hidden = m_config.hiddenSize, rows = m_rows.count(), size = m_config.perLayerInputSize;
    const float *input = m_perLayer.data() + index * m_allRows * size; // [all rows, P]
    if (rows != m_allRows) {
        gatherRows(input, m_rows.source, size, m_up.resize(rows * size));
        input = m_up.data();
    }
    linear(m_exec, w.perLayerGate, m_x.data(), rows, m_gate.resize(rows * size));
    geluMulRows(m_exec, m_gate.data(), input, rows, size, m_inner.resize(rows * size));
    float *out = m_step.resize(rows * hidden);
    linear(m_exec, w.perLayerProjection, m_inner.data(), rows, out);
    addNormRows(m_exec, m_x.data(), out, w.perLayerNorm.data(), rows, hidden, m_config.rmsNormEps);
}

void Pass::layer(int index) {
    const LayerWeights &w = m_model.weights.layers[static_cast<std::size_t>(index)];
    attention(index, w);
    if (m_rows.count() == 0) return;
    feedForward(index, w);
    if (m_config.perLayerInputSize > 0) addPerLayerInput(index, w);
    scaleAll(m_exec, m_x.data(), m_rows.count() * m_config.hiddenSize, w.scalar);
    tapLayer(index, "out", m_x.data(), m_config.hiddenSize);
}

TextModel::Output Pass::head() {
    const std::int64_t hidden = m_config.hiddenSize, vocabulary = m_config.vocabularySize;
    float *normed = m_normed.resize(m_rows.count() * hidden);
    rmsNormRows(m_exec, m_x.data(), m_model.weights.finalNorm.data(), m_rows.count(), hidden, m_config.rmsNormEps,
                normed);
    if (m_tap) m_tap("final_norm", normed, m_rows.count(), hidden);

    TextModel::Output output;
    const auto count = static_cast<std::int64_t>(m_logitRows.size());
    if (count == 0) return output;
    output.hidden.resize(static_cast<std::size_t>(count * hidden));
    if (count == m_rows.count())
        std::copy_n(normed, count * hidden, output.hidden.data());
    else
        gatherRows(normed, m_logitRows, hidden, output.hidden.data());
    output.logits.resize(static_cast<std::size_t>(count * vocabulary));
    linear(m_exec, m_model.weights.head, output.hidden.data(), count, output.logits.data());
    if (m_config.logitSoftcap > 0) {
        m_exec.pool->parallelFor(count * vocabulary, kPieceValues, [&](std::int64_t begin, std::int64_t end, int) {
            m_exec.kernels->softcap(output.logits.data() + begin, end - begin, m_config.logitSoftcap);
        });
    }
    return output;
}

Result<TextModel::Output> Pass::run() {
    embed();
    for (int index = 0; index < m_config.layerCount && m_rows.count() > 0; ++index) {
        if (m_exec.cancelled()) return cancelledError();
        layer(index);
    }
    if (m_exec.cancelled()) return cancelledError();
    TextModel::Output output = m_rows.count() > 0 ? head() : TextModel::Output{};
    // Kernels skip work once the flag is up: what they then leave behind must not be used.
    if (m_exec.cancelled()) return cancelledError();
    return output;
}

} // namespace

Result<TextModel::Output> TextModel::Impl::forward(const Exec &exec, std::span<Segment> segments,
                                                   const Tap &tap) const {
    FACET_CHECK(check(segments));
    if (segments.empty()) return Output{};
    if (exec.cancelled()) return cancelledError();
    for (const Segment &segment : segments) {
        KvCache::Impl &cache = segment.cache->impl();
        cache.reserve(cache.length + static_cast<std::int64_t>(segment.ids.size()));
    }
    FACET_TRY(output, Pass(*this, exec, segments, tap).run());
    for (const Segment &segment : segments)
        segment.cache->impl().length += static_cast<std::int64_t>(segment.ids.size());
    return output;
}

Result<TextModel> TextModel::load(const Checkpoint &checkpoint, const Exec &exec, WeightType type,
                                  const ProgressFn &progress) {
    if (checkpoint.config.architecture == "gemma4_assistant") {
        return Error{ErrorCode::ModelUnsupported,
                     "This is a drafter that only speeds up another model; choose that model instead.",
                     {},
                     checkpoint.path};
    }
    try {
        FACET_TRY(weights, loadTextWeights(checkpoint, exec, type, progress));
        auto impl = std::make_unique<Impl>();
        impl->config = checkpoint.config.text;
        impl->tokens = checkpoint.config.tokens;
        impl->padId = checkpoint.config.padId;
        impl->weights = std::move(weights);
        for (int i = 0; i < impl->config.layerCount; ++i) {
            if (!impl->config.layers[static_cast<std::size_t>(i)].sharesKv) impl->lastProducer = i;
        }
        return TextModel(std::move(impl));
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory,
                     "There is not enough memory for this model; choose a smaller one or close other programs.",
                     {},
                     checkpoint.path};
    }
}

TextModel::TextModel(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
TextModel::TextModel(TextModel &&) noexcept = default;
TextModel &TextModel::operator=(TextModel &&) noexcept = default;
TextModel::~TextModel() = default;

const TextConfig &TextModel::config() const noexcept { return m_impl->config; }

std::uint64_t TextModel::residentBytes() const noexcept { return m_impl->weights.residentBytes; }

Result<TextModel::Output> TextModel::forward(const Exec &exec, std::span<Segment> segments, const Tap &tap) const {
    try {
        return m_impl->forward(exec, segments, tap);
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory,
                     "There is not enough memory for this step; shorten the conversation or close other programs."};
    }
}

} // namespace facet
