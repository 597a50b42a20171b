#include "model/text_model.h"

#include "kernels/packed.h"
#include "kernels/profile.h"
#include "model/decoder_layers.h"
#include "model/per_layer_embedding.h"
#include "model/text_pass.h"
#include "model/text_weights.h"

#include <algorithm>
#include <cmath>
#include <new>

namespace facet {
namespace {

constexpr std::int64_t kPieceValues = 16384; // element-wise work below this stays on one thread

Error cancelledError() { return {ErrorCode::Cancelled, "The computation was stopped."}; }

Error badArgument(std::string detail) {
    return {ErrorCode::InvalidArgument, "The engine was asked for something that does not fit the model.",
            std::move(detail)};
}

} // namespace

struct TextModel::Impl {
    TextConfig config;
    MediaTokens tokens;
    int padId = 0;
    int lastProducer = 0; // the last layer that writes keys
    TextWeights weights;
    LoraBindings adapters;

    Status check(std::span<const Segment> segments) const;
    Status checkSegment(const Segment &segment) const;
    // The row that embeds an id: a placeholder without its medium reads as padding (text.md 2.1).
    std::int32_t embeddingId(std::int32_t id) const {
        return id == tokens.imageSoft || id == tokens.audioSoft || id == tokens.videoSoft ? padId : id;
    }
    // E[row] * sqrt(H)
    void embedRow(const Exec &exec, std::int32_t row, float *out) const {
        const float factor = std::sqrt(static_cast<float>(config.hiddenSize));
        const Matrix &table = weights.embedding;
        if (table.packed) {
            std::vector<std::byte> stored(static_cast<std::size_t>(rowBytes(table.type, table.cols)));
            copyRow(table, row, stored.data());
            exec.kernels->dequantise(table.type, stored.data(), config.hiddenSize, out);
        } else {
            exec.kernels->dequantise(table.type, table.row(row), config.hiddenSize, out);
        }
        for (int i = 0; i < config.hiddenSize; ++i) out[i] *= factor;
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

// One forward pass: what goes into the layers and what is made of their result.
class Pass {
public:
    Pass(const TextModel::Impl &model, const Exec &exec, std::span<const Segment> segments, const Tap &tap)
        : m_model(model), m_config(model.config), m_segments(segments), m_tap(tap),
          m_layers(exec, model.config, model.weights, tap, &model.adapters, makeRows(model.config, segments)) {
        const PassRows &rows = m_layers.rows();
        for (std::size_t i = 0; i < segments.size(); ++i) {
            for (const std::int64_t row : segments[i].logitRows) m_logitRows.push_back(rows.parts[i].first + row);
        }
        // After the last layer that writes keys, nobody looks at the other rows any more.
        if (!tap && static_cast<std::int64_t>(m_logitRows.size()) < rows.count())
            m_layers.keepOnly(model.lastProducer, m_logitRows);
    }

    Result<TextModel::Output> run();

private:
    Status embed();
    TextModel::Output head();

    const TextModel::Impl &m_model;
    const TextConfig &m_config;
    std::span<const Segment> m_segments;
    const Tap &m_tap;
    std::vector<std::int64_t> m_logitRows; // of all rows of the pass
    DecoderLayers m_layers;
};

Status Pass::embed() {
    const std::int64_t hidden = m_config.hiddenSize;
    const Exec &exec = m_layers.exec();
    const ProfilePart part(exec.profile, "embedding");
    const PassRows &rows = m_layers.rows();
    float *x = m_layers.x().resize(rows.count() * hidden); // [rows, H]
    std::vector<std::int32_t> ids;
    for (const Segment &segment : m_segments) {
        const std::size_t first = ids.size();
        for (const std::int32_t id : segment.ids) ids.push_back(m_model.embeddingId(id));
        for (const auto &soft : segment.soft)
            std::fill_n(ids.begin() + static_cast<std::ptrdiff_t>(first) + soft.firstRow, soft.count, m_model.padId);
    }
    exec.pool->parallelFor(rows.count(), 4, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t row = begin; row < end; ++row)
            m_model.embedRow(exec, ids[static_cast<std::size_t>(row)], x + row * hidden);
    });
    for (std::size_t i = 0; i < m_segments.size(); ++i) {
        for (const auto &soft : m_segments[i].soft) {
            if (soft.count > 0)
                std::copy_n(soft.embeddings, soft.count * hidden, x + (rows.parts[i].first + soft.firstRow) * hidden);
        }
    }
    if (m_tap) m_tap("inputs_embeds", x, rows.count(), hidden);
    if (m_config.perLayerInputSize == 0) return ok();
    for (std::int32_t &id : ids) id = id < m_config.perLayerVocabularySize ? id : 0;
    return perLayerInputs(exec, m_config, m_model.weights, x, ids, m_layers.perLayerInputs(), m_tap);
}

TextModel::Output Pass::head() {
    const std::int64_t hidden = m_config.hiddenSize, vocabulary = m_config.vocabularySize;
    const Exec &exec = m_layers.exec();
    const ProfilePart part(exec.profile, "head");
    const std::int64_t left = m_layers.rows().count();
    float *normed = m_layers.x().data();
    rmsNormRows(exec, normed, m_model.weights.finalNorm.data(), left, hidden, m_config.rmsNormEps, normed);
    if (m_tap) m_tap("final_norm", normed, left, hidden);

    TextModel::Output output;
    const auto count = static_cast<std::int64_t>(m_logitRows.size());
    if (count == 0) return output;
    output.hidden.resize(static_cast<std::size_t>(count * hidden));
    if (count == left)
        std::copy_n(normed, count * hidden, output.hidden.data());
    else
        gatherRows(normed, m_logitRows, hidden, output.hidden.data());
    output.logits.resize(static_cast<std::size_t>(count * vocabulary));
    if (count != left) m_layers.adaptRows(m_logitRows);
    linear(exec, m_model.weights.headMatrix(), output.hidden.data(), count, output.logits.data());
    if (m_config.logitSoftcap > 0) {
        const ProfileScope scope(exec.profile, "softcap");
        exec.pool->parallelFor(count * vocabulary, kPieceValues, [&](std::int64_t begin, std::int64_t end, int) {
            exec.kernels->softcap(output.logits.data() + begin, end - begin, m_config.logitSoftcap);
        });
    }
    return output;
}

Result<TextModel::Output> Pass::run() {
    const Exec &exec = m_layers.exec();
    FACET_CHECK(embed());
    for (int index = 0; index < m_config.layerCount && m_layers.rows().count() > 0; ++index) {
        if (exec.cancelled()) return cancelledError();
        m_layers.run(index);
    }
    if (exec.cancelled()) return cancelledError();
    TextModel::Output output = m_layers.rows().count() > 0 ? head() : TextModel::Output{};
    // Kernels skip work once the flag is up: what they then leave behind must not be used.
    if (exec.cancelled()) return cancelledError();
    return output;
}

} // namespace

Result<TextModel::Output> TextModel::Impl::forward(const Exec &exec, std::span<Segment> segments,
                                                   const Tap &tap) const {
    const ProfilePart part(exec.profile, "pass");
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
                                  const ProgressFn &progress, bool pack) {
    if (checkpoint.config.drafter) {
        return Error{ErrorCode::ModelUnsupported,
                     "This is a drafter that only speeds up another model; choose that model instead.",
                     {},
                     checkpoint.path};
    }
    try {
        FACET_TRY(weights, loadTextWeights(checkpoint, exec, type, progress, pack));
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

void TextModel::embed(const Exec &exec, std::int32_t id, float *out) const {
    m_impl->embedRow(exec, m_impl->embeddingId(id), out);
}

Status TextModel::attach(LoraSet &adapters) {
    FACET_TRY(bound, adapters.bind(loraModules(m_impl->weights)));
    m_impl->adapters = std::move(bound);
    return ok();
}

Result<TextModel::Output> TextModel::forward(const Exec &exec, std::span<Segment> segments, const Tap &tap) const {
    try {
        return m_impl->forward(exec, segments, tap);
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory,
                     "There is not enough memory for this step; shorten the conversation or close other programs."};
    }
}

} // namespace facet
