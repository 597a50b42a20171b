// What a text shows about the weights of a model: which input channels of each matrix carry much, and how far the answers
// move when some of the weights are quantised. Weights stay in their file; only what is exchanged lies in memory.
//
//     FACET_TRY(calibration, Calibration::open(checkpoint, text, threads, cancel));
//     FACET_TRY(importance, calibration->importance(progress));
//     FACET_CHECK(calibration->keepAnswers(tokens));
//     FACET_TRY(loss, calibration->divergence({{"model...q_proj.weight", matrix}}));
#pragma once

#include "kernels/ops.h"
#include "load/quantize_plan.h"
#include "load/weights.h"
#include "model/text_model.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace facet {

// By the checkpoint's names.
using ImportanceMap = std::map<std::string, std::shared_ptr<const Importance>>;
using OtherWeights = std::map<std::string, Matrix>;

class Calibration {
public:
    // Errors: of the tokenizer; InvalidArgument (a text of less than two tokens); those of loading the text model.
    static Result<std::unique_ptr<Calibration>> open(Checkpoint checkpoint, const std::string &text, int threads,
                                                     const CancelToken &cancel);
    ~Calibration();

    std::int64_t tokens() const noexcept { return static_cast<std::int64_t>(m_ids.size()); }
    const std::vector<std::int32_t> &ids() const noexcept { return m_ids; }
    const Checkpoint &checkpoint() const noexcept { return m_checkpoint; }
    const Exec &exec() const noexcept { return m_exec; }

    // Reads the text once. Error: Cancelled, ModelFileCorrupt.
    Result<ImportanceMap> importance(const std::function<void(std::int64_t done, std::int64_t total)> &progress);
    // Remembers what the model expects behind the first `tokens` tokens, at as many of them as a fixed memory takes.
    Status keepAnswers(std::int64_t tokens);
    // How far the answers move with other weights in place of the model's: Kullback-Leibler divergence, nats, mean over
    // the positions that were kept.
    Result<double> divergence(const OtherWeights &others) const;
    // The same for another model with the same vocabulary.
    Result<double> divergenceOf(const Checkpoint &other) const;

private:
    Calibration(Checkpoint checkpoint, std::vector<std::int32_t> ids, int threads, CancelToken cancel);
    Result<TextModel> load(const Checkpoint &checkpoint) const;
    // Logits at `rows`, [rows, vocabulary]; `all`: every row goes through every layer.
    Result<std::vector<float>> read(const TextModel &model, std::int64_t tokens, const std::vector<std::int64_t> &rows,
                                    bool all, const LinearHook *hook,
                                    const std::function<void(std::int64_t, std::int64_t)> &progress) const;

    Checkpoint m_checkpoint;
    std::vector<std::int32_t> m_ids;
    CancelToken m_cancel;
    WorkerPool m_pool;
    Exec m_exec;
    std::int64_t m_kept = 0;             // tokens
    std::vector<std::int64_t> m_rows;    // positions whose logits are kept
    std::vector<float> m_answers;        // [rows, vocabulary]
};

// About 300 words of several kinds, for whoever names no text.
const char *builtinCalibrationText() noexcept;

} // namespace facet
