#include "run/calibration.h"

#include "run/model_tokenizer.h"

#include <algorithm>
#include <cmath>

namespace facet {
namespace {

constexpr std::int64_t kChunk = 256;            // tokens of one pass
constexpr std::size_t kMaxTokens = 1024;        // more of a text says little more
constexpr std::int64_t kAnswerBytes = 64 << 20; // of the logits that are kept

// Sums up what goes into each matrix.
class InputSums final : public LinearHook {
public:
    explicit InputSums(const WeightSource &weights) : m_weights(weights) {}

    void after(const Exec & /*exec*/, const float *x, std::int64_t tokens, std::int64_t xStride,
               std::span<const LinearJob> jobs) const override {
        const std::int64_t cols = jobs.front().w->cols;
        std::vector<double> squares(static_cast<std::size_t>(cols), 0.0);
        for (std::int64_t t = 0; t < tokens; ++t) {
            const float *row = x + t * xStride;
            for (std::int64_t c = 0; c < cols; ++c) squares[static_cast<std::size_t>(c)] += double{row[c]} * row[c];
        }
        for (const LinearJob &job : jobs) add(*job.w, squares, tokens);
    }
    ImportanceMap means() const;

private:
    struct Part {
        std::vector<double> squares;
        std::int64_t tokens = 0;
    };
    struct Sums {
        const std::byte *data = nullptr; // of the whole tensor
        std::int64_t rows = 0, rowsEach = 0;
        std::vector<Part> parts;
    };
    void add(const Matrix &w, const std::vector<double> &squares, std::int64_t tokens) const;

    const WeightSource &m_weights;
    mutable std::map<std::string, Sums> m_sums; // the pass calls from one thread
};

void InputSums::add(const Matrix &w, const std::vector<double> &squares, std::int64_t tokens) const {
    auto [found, isNew] = m_sums.try_emplace(w.name);
    Sums &sums = found->second;
    if (isNew) {
        const TensorInfo *info = m_weights.find(w.name);
        if (!info || info->shape.empty()) return;
        std::int64_t rows = 1;
        for (std::size_t i = 0; i + 1 < info->shape.size(); ++i) rows *= info->shape[i];
        const auto whole = m_weights.matrix(w.name, rows, info->shape.back());
        if (!whole || w.rows < 1 || rows % w.rows != 0) return;
        sums = {whole->data, rows, w.rows, std::vector<Part>(static_cast<std::size_t>(rows / w.rows))};
    }
    const std::int64_t stride = rowBytes(w.type, w.cols) * w.rows;
    const std::int64_t part = sums.data && stride > 0 ? (w.data - sums.data) / stride : -1;
    // Not a part of the stored tensor: a copy that nothing is told about.
    if (part < 0 || part >= static_cast<std::int64_t>(sums.parts.size()) || sums.rowsEach != w.rows ||
        w.data != sums.data + part * stride)
        return;
    Part &into = sums.parts[static_cast<std::size_t>(part)];
    if (into.squares.empty()) into.squares.resize(squares.size(), 0.0);
    for (std::size_t c = 0; c < squares.size(); ++c) into.squares[c] += squares[c];
    into.tokens += tokens;
}

// Mean squares with a floor, so that a channel that this text never used still counts a little.
std::vector<float> withFloor(const std::vector<double> &squares, std::int64_t tokens) {
    double sum = 0;
    for (const double square : squares) sum += square;
    const double mean = sum / static_cast<double>(squares.size()) / static_cast<double>(tokens);
    if (!(mean > 0) || !std::isfinite(mean)) return {};
    constexpr double kFloor = 1e-3;
    std::vector<float> out(squares.size());
    for (std::size_t c = 0; c < squares.size(); ++c)
        out[c] = static_cast<float>(squares[c] / static_cast<double>(tokens) / mean + kFloor);
    return out;
}

ImportanceMap InputSums::means() const {
    ImportanceMap out;
    for (const auto &[name, sums] : m_sums) {
        if (sums.parts.empty()) continue;
        // Experts that no token of the text chose are weighed like the mean of the others.
        Part all;
        for (const Part &part : sums.parts) {
            if (part.tokens == 0) continue;
            if (all.squares.empty()) all.squares.resize(part.squares.size(), 0.0);
            for (std::size_t c = 0; c < part.squares.size(); ++c) all.squares[c] += part.squares[c];
            all.tokens += part.tokens;
        }
        if (all.tokens == 0) continue;
        auto importance = std::make_shared<Importance>();
        importance->rowsEach = sums.rowsEach;
        for (const Part &part : sums.parts) {
            const Part &of = part.tokens > 0 ? part : all;
            importance->parts.push_back(withFloor(of.squares, of.tokens));
        }
        out.emplace(name, std::move(importance));
    }
    return out;
}

// The model's weights, some of them exchanged.
class ExchangedWeights final : public WeightSource {
public:
    ExchangedWeights(std::shared_ptr<const WeightSource> base, const OtherWeights &others)
        : m_base(std::move(base)), m_others(others) {}
    const std::vector<TensorInfo> &tensors() const override { return m_base->tensors(); }
    const TensorInfo *find(std::string_view name) const override { return m_base->find(name); }
    Result<Matrix> matrix(const std::string &name, std::int64_t rows, std::int64_t cols) const override {
        const auto other = m_others.find(name);
        if (other == m_others.end() || other->second.rows != rows || other->second.cols != cols)
            return m_base->matrix(name, rows, cols);
        return other->second;
    }
    Result<std::vector<float>> vector(const std::string &name, std::int64_t n) const override {
        return m_base->vector(name, n);
    }
    Result<std::vector<std::int64_t>> integers(const std::string &name, std::int64_t n) const override {
        return m_base->integers(name, n);
    }
    const MappedFile *fileOf(const std::string &name) const override {
        return m_others.contains(name) ? nullptr : m_base->fileOf(name);
    }
    std::string fingerprint() const override { return m_base->fingerprint(); }
    Status stillIntact() const override { return m_base->stillIntact(); }

private:
    std::shared_ptr<const WeightSource> m_base;
    const OtherWeights &m_others;
};

double logSumOf(std::span<const float> logits) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double{logit} - largest);
    return std::log(sum) + largest;
}

double divergenceBetween(std::span<const float> exact, std::span<const float> other) {
    const double p = logSumOf(exact), q = logSumOf(other);
    double sum = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        const double logP = exact[i] - p;
        sum += std::exp(logP) * (logP - (other[i] - q));
    }
    return std::max(sum, 0.0);
}

} // namespace

Calibration::Calibration(Checkpoint checkpoint, std::vector<std::int32_t> ids, int threads, CancelToken cancel)
    : m_checkpoint(std::move(checkpoint)), m_ids(std::move(ids)), m_cancel(std::move(cancel)), m_pool(threads) {
    m_exec.kernels = &kernelsFor(InstructionSet::Auto);
    m_exec.pool = &m_pool;
    m_exec.reference = true; // what is measured is the weights' error alone
    m_exec.cancel = m_cancel.flag();
}

Calibration::~Calibration() = default;

Result<std::unique_ptr<Calibration>> Calibration::open(Checkpoint checkpoint, const std::string &text, int threads,
                                                       const CancelToken &cancel) {
    FACET_TRY(tokenizer, openTokenizer(checkpoint));
    std::vector<std::int32_t> ids = tokenizer.encode("<bos>" + text, true);
    if (ids.size() < 2) {
        return Error{ErrorCode::InvalidArgument, "The text to measure on is too short; give one of some hundred words, or none."};
    }
    ids.resize(std::min({ids.size(), kMaxTokens, static_cast<std::size_t>(std::max(checkpoint.config.text.maxContext, 2))}));
    return std::unique_ptr<Calibration>(new Calibration(std::move(checkpoint), std::move(ids), threads, cancel));
}

Result<TextModel> Calibration::load(const Checkpoint &checkpoint) const {
    return TextModel::load(checkpoint, m_exec, WeightType::AsStored, {}, false);
}

Result<std::vector<float>> Calibration::read(const TextModel &model, std::int64_t tokens, const std::vector<std::int64_t> &rows,
                                             bool all, const LinearHook *hook,
                                             const std::function<void(std::int64_t, std::int64_t)> &progress) const {
    FACET_TRY(cache, KvCache::create(model.config(), CacheType::F32, tokens, kChunk));
    Exec exec = m_exec;
    exec.hook = hook;
    const Tap everyRow = [](const std::string &, const float *, std::int64_t, std::int64_t) {};
    std::vector<float> logits;
    for (std::int64_t first = 0; first < tokens; first += kChunk) {
        const std::int64_t count = std::min(kChunk, tokens - first);
        Segment segment;
        segment.cache = &cache;
        segment.ids.assign(m_ids.begin() + first, m_ids.begin() + first + count);
        for (const std::int64_t row : rows)
            if (row >= first && row < first + count) segment.logitRows.push_back(row - first);
        FACET_TRY(output, model.forward(exec, std::span(&segment, 1), all ? everyRow : Tap{}));
        logits.insert(logits.end(), output.logits.begin(), output.logits.end());
        if (progress) progress(first + count, tokens);
    }
    FACET_CHECK(m_checkpoint.weights->stillIntact());
    return logits;
}

Result<ImportanceMap> Calibration::importance(const std::function<void(std::int64_t, std::int64_t)> &progress) {
    FACET_TRY(model, load(m_checkpoint));
    const InputSums sums(*m_checkpoint.weights);
    // The head sees every fourth position; all others are hidden behind the last norm.
    std::vector<std::int64_t> rows;
    for (std::int64_t row = 3; row < tokens(); row += 4) rows.push_back(row);
    if (rows.empty()) rows.push_back(tokens() - 1);
    FACET_TRY(logits, read(model, tokens(), rows, true, &sums, progress));
    return sums.means();
}

Status Calibration::keepAnswers(std::int64_t tokens) {
    m_kept = std::clamp<std::int64_t>(tokens, 1, this->tokens());
    const std::int64_t rowBytes = std::int64_t{4} * std::max(m_checkpoint.config.text.vocabularySize, 1);
    const std::int64_t most = std::clamp<std::int64_t>(kAnswerBytes / rowBytes, 1, m_kept);
    m_rows.clear();
    for (std::int64_t i = 0; i < most; ++i) m_rows.push_back((i + 1) * m_kept / most - 1); // the last one is among them
    FACET_TRY(model, load(m_checkpoint));
    FACET_TRY(answers, read(model, m_kept, m_rows, false, nullptr, {}));
    m_answers = std::move(answers);
    return ok();
}

Result<double> Calibration::divergence(const OtherWeights &others) const {
    Checkpoint exchanged = m_checkpoint;
    exchanged.weights = std::make_shared<ExchangedWeights>(m_checkpoint.weights, others);
    return divergenceOf(exchanged);
}

Result<double> Calibration::divergenceOf(const Checkpoint &other) const {
    FACET_TRY(model, load(other));
    FACET_TRY(answers, read(model, m_kept, m_rows, false, nullptr, {}));
    if (answers.size() != m_answers.size() || m_rows.empty())
        return Error{ErrorCode::Internal, "Two models of different vocabularies cannot be compared."};
    const std::size_t width = m_answers.size() / m_rows.size();
    double sum = 0;
    for (std::size_t row = 0; row < m_rows.size(); ++row)
        sum += divergenceBetween(std::span(m_answers).subspan(row * width, width), std::span(answers).subspan(row * width, width));
    return sum / static_cast<double>(m_rows.size());
}

} // namespace facet
