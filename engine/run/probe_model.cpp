// The probe's view of a whole model: the same LoadedModel, prompt expansion and passes as the product, with taps.
#include "run/probe_model_impl.h"

#include "run/kv_loss.h"
#include "run/loaded_model.h"
#include "run/media_encoder.h"
#include "run/prompt_builder.h"

#include <algorithm>
#include <utility>

namespace facet {

namespace {

ProbeTensor integers(const std::vector<std::int32_t> &values) {
    return {{static_cast<std::int64_t>(values.size())}, {}, values};
}

// Rows of a tapped tensor that the case wants.
ProbeTensor pickRows(const float *data, std::int64_t width, const std::vector<std::int32_t> &rows) {
    ProbeTensor out;
    out.shape = {static_cast<std::int64_t>(rows.size()), width};
    for (const std::int32_t row : rows) out.floats.insert(out.floats.end(), data + row * width, data + (row + 1) * width);
    return out;
}

std::int32_t best(const float *logits, std::int64_t n) {
    return static_cast<std::int32_t>(std::max_element(logits, logits + n) - logits);
}

struct VisibleRange {
    std::int64_t from = 0, to = 0;  // positions [from, to)
};

// Which keys each position of a prompt sees (text.md 2.5, vision.md 3.1).
std::vector<VisibleRange> visibleRanges(const TextConfig &config, const BuiltPrompt &prompt, bool sliding) {
    const auto total = static_cast<std::int64_t>(prompt.ids.size());
    std::vector<VisibleRange> out;
    for (std::int64_t q = 0; q < total; ++q)
        out.push_back({sliding ? std::max<std::int64_t>(0, q - config.slidingWindow + 1) : 0, q + 1});
    if (!sliding || !config.bidirectionalVision) return out;
    for (const SoftSpan &span : prompt.spans) {
        if (!span.isPicture()) continue;
        for (std::int64_t q = span.first; q < span.first + span.count; ++q)
            out[static_cast<std::size_t>(q)].to = span.first + span.count;
    }
    return out;
}

Error rowOutside() { return {ErrorCode::InvalidArgument, "A row of the case lies outside its prompt."}; }

}  // namespace

Result<ProbeTensors> ProbeModel::Impl::run(const BuiltPrompt &prompt, const std::vector<SoftTokens> &soft,
                                           const std::vector<std::int32_t> &rows, int greedyCount, const Tap &tap) {
    const auto total = static_cast<std::int64_t>(prompt.ids.size());
    FACET_TRY(cache, newCache(total + std::max(greedyCount, 0)));
    const bool bidirectional = model->checkpoint.config.text.bidirectionalVision;
    Segment segment;
    segment.cache = &cache;
    segment.adapterScales = model->adapters.defaultScales();
    segment.ids = prompt.ids;
    for (std::size_t i = 0; i < prompt.spans.size(); ++i) {
        const SoftSpan &span = prompt.spans[i];
        segment.soft.push_back({span.first, span.count, soft[i]->data(), bidirectional && span.isPicture()});
    }
    for (const std::int32_t row : rows) segment.logitRows.push_back(row);
    segment.logitRows.push_back(total - 1);
    std::sort(segment.logitRows.begin(), segment.logitRows.end());
    segment.logitRows.erase(std::unique(segment.logitRows.begin(), segment.logitRows.end()), segment.logitRows.end());
    const std::vector<std::int64_t> logitRows = segment.logitRows;

    FACET_TRY(output, model->text.forward(model->exec, std::span<Segment>(&segment, 1), tap));
    const std::int64_t vocabulary = model->checkpoint.config.text.vocabularySize;
    std::vector<std::int32_t> places;  // where the wanted rows lie among the computed ones
    for (const std::int32_t row : rows)
        places.push_back(static_cast<std::int32_t>(std::lower_bound(logitRows.begin(), logitRows.end(), row) -
                                                   logitRows.begin()));
    ProbeTensors out;
    out["input_ids"] = integers(prompt.ids);
    out["logits"] = pickRows(output.logits.data(), vocabulary, places);

    std::vector<std::int32_t> greedy;
    std::vector<float> last(output.logits.end() - vocabulary, output.logits.end());
    for (int i = 0; i < greedyCount; ++i) {
        const std::int32_t id = best(last.data(), vocabulary);
        greedy.push_back(id);
        if (i + 1 == greedyCount) break;
        Segment step;
        step.cache = &cache;
        step.adapterScales = model->adapters.defaultScales();
        step.ids = {id};
        step.logitRows = {0};
        FACET_TRY(next, model->text.forward(model->exec, std::span<Segment>(&step, 1)));
        last = std::move(next.logits);
    }
    FACET_CHECK(model->stillIntact());
    if (greedyCount > 0) {
        out["greedy_ids"] = integers(greedy);
        out["greedy_logits_last"] = {{vocabulary}, last, {}};
    }
    return out;
}

ProbeModel::ProbeModel(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
ProbeModel::~ProbeModel() = default;

Result<std::unique_ptr<ProbeModel>> ProbeModel::load(const LoadOptions &options) {
    FACET_TRY(model, LoadedModel::load(options, {}, {}));
    auto impl = std::make_unique<Impl>();
    impl->model = std::move(model);
    return std::unique_ptr<ProbeModel>(new ProbeModel(std::move(impl)));
}

const ModelInfo &ProbeModel::info() const { return m_impl->model->info; }

Result<ProbeTensors> ProbeModel::text(const std::vector<std::int32_t> &ids, const std::vector<std::int32_t> &rows,
                                      int greedyCount) {
    const auto total = static_cast<std::int32_t>(ids.size());
    if (ids.empty() || std::any_of(rows.begin(), rows.end(), [total](auto r) { return r < 0 || r >= total; }))
        return rowOutside();
    BuiltPrompt prompt;
    prompt.ids = ids;
    ProbeTensors taps;
    const Tap tap = [&](const std::string &name, const float *data, std::int64_t count, std::int64_t width) {
        if (count != total) return;  // greedy steps are not part of the case
        taps[name] = pickRows(data, width, rows);
    };
    FACET_TRY(out, m_impl->run(prompt, {}, rows, greedyCount, tap));
    for (auto &[name, tensor] : taps) {
        if (name.ends_with("router_topk_index")) {
            tensor.integers.assign(tensor.floats.begin(), tensor.floats.end());
            tensor.floats.clear();
        }
        out[name] = std::move(tensor);
    }
    return out;
}

Result<ProbeTensors> ProbeModel::multimodal(const std::string &promptText, const std::vector<ProbeMedium> &media,
                                            const std::vector<std::int32_t> &rows, int greedyCount, bool wantMasks) {
    LoadedModel &model = *m_impl->model;
    std::vector<Medium> list;
    for (const ProbeMedium &m : media) list.push_back({m.image, m.audio, m.video});
    FACET_TRY(prompt, expandPrompt(model, promptText, {}, list));
    std::vector<SoftTokens> soft;
    for (const SoftSpan &span : prompt.spans) {
        soft.push_back(m_impl->encoder.find(model, span));
        if (soft.back()) continue;
        FACET_TRY(encoded, m_impl->encoder.encode(model, model.exec, span, {}, model.adapters.defaultScales()));
        soft.back() = std::move(encoded);
    }
    const auto total = static_cast<std::int64_t>(prompt.ids.size());
    std::vector<std::int32_t> wanted = rows;
    if (wanted.empty()) wanted.push_back(static_cast<std::int32_t>(total - 1));
    if (std::any_of(wanted.begin(), wanted.end(), [total](auto r) { return r < 0 || r >= total; })) return rowOutside();

    ProbeTensor embeddings;
    const Tap tap = [&](const std::string &name, const float *data, std::int64_t count, std::int64_t width) {
        if (name != "inputs_embeds" || count != total) return;
        embeddings = {{count, width}, std::vector<float>(data, data + count * width), {}};
    };
    FACET_TRY(out, m_impl->run(prompt, soft, wanted, greedyCount, tap));
    out["inputs_embeds"] = std::move(embeddings);
    std::vector<std::int32_t> types(prompt.ids.size(), 0);
    for (const SoftSpan &span : prompt.spans) {
        const int type = span.kind == SoftSpan::Kind::Image ? 1 : span.kind == SoftSpan::Kind::VideoFrame ? 2 : 3;
        std::fill_n(types.begin() + span.first, span.count, type);
    }
    out["mm_token_type_ids"] = integers(types);
    if (wantMasks) {
        for (const bool sliding : {true, false}) {
            ProbeTensor mask{{total, total}, {}, std::vector<std::int32_t>(static_cast<std::size_t>(total * total), 0)};
            const std::vector<VisibleRange> visible =
                visibleRanges(model.checkpoint.config.text, prompt, sliding);
            for (std::int64_t q = 0; q < total; ++q)
                for (std::int64_t k = visible[static_cast<std::size_t>(q)].from;
                     k < visible[static_cast<std::size_t>(q)].to; ++k)
                    mask.integers[static_cast<std::size_t>(q * total + k)] = 1;
            out[sliding ? "mask.sliding_attention" : "mask.full_attention"] = std::move(mask);
        }
    }
    return out;
}

Result<ProbeTensors> ProbeModel::vision(const ImageInput &image) {
    if (!m_impl->model->vision)
        return Error{ErrorCode::MediaUnsupported, "This model has no vision part.", {}, info().path};
    ProbeTensors out;
    const TowerTap tap = [&out](const std::string &name, const float *data, std::int64_t rows, std::int64_t width) {
        out[name] = {{rows, width}, std::vector<float>(data, data + rows * width), {}};
    };
    FACET_TRY(soft, m_impl->model->vision->encode(m_impl->model->exec, image, tap,
                                                       m_impl->model->adapters.defaultScales()));
    const std::int64_t count = m_impl->model->vision->softTokenCount(image);
    out["soft_tokens"] = {{count, m_impl->model->checkpoint.config.text.hiddenSize}, std::move(soft), {}};
    return out;
}

Result<ProbeTensors> ProbeModel::audio(const AudioInput &audio) {
    if (!m_impl->model->audio)
        return Error{ErrorCode::MediaUnsupported, "This model has no audio part.", {}, info().path};
    ProbeTensors out;
    const TowerTap tap = [&out](const std::string &name, const float *data, std::int64_t rows, std::int64_t width) {
        out[name] = {{rows, width}, std::vector<float>(data, data + rows * width), {}};
    };
    FACET_TRY(soft, m_impl->model->audio->encode(m_impl->model->exec, audio, tap,
                                                      m_impl->model->adapters.defaultScales()));
    out["soft_tokens"] = {{AudioTower::softTokenCount(audio), m_impl->model->checkpoint.config.text.hiddenSize},
                          std::move(soft), {}};
    return out;
}

std::vector<std::int32_t> ProbeModel::tokenize(const std::string &text, bool matchControl) const {
    return m_impl->model->tokenizer.encode(text, matchControl);
}

std::string ProbeModel::detokenize(const std::vector<std::int32_t> &ids, bool skipSpecial) const {
    return m_impl->model->tokenizer.decode(ids, skipSpecial);
}

Result<std::vector<KvLoss>> ProbeModel::kvLoss(const std::vector<std::int32_t> &ids) {
    return measureKvLoss(*m_impl->model, m_impl->model->exec, ids);
}

}  // namespace facet
