// What facet-bench measures: passes over a loaded model, its encoders, and the start of the program.
#pragma once

#include "facet/machine.h"
#include "kernels/profile.h"
#include "run/measured_passes.h"
#include "tool/options.h"
#include "tool/process.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace facet::bench {

struct TestSpec {
    enum class Kind : std::uint8_t { Text, Verify, Parallel, Draft, Picture, Sound, Load };
    Kind kind = Kind::Text;
    int prompt = 0, generate = 0;  // Text: tokens read at once, then written one by one
    int depth = 0;                 // tokens in the cache before
    int rows = 1;                  // Verify: rows of a pass; Parallel: conversations
    PictureOption picture;
    int budget = 0;
    double seconds = 0;            // Sound

    std::string name() const;      // "pp512 @ d4096"
};

struct TestResult {
    TestSpec spec;
    std::vector<double> seconds;   // one a sample
    double tokens = 0;             // of one sample: read, written, verified or soft
    // Of one sample: weights and caches that were read (each matrix once a pass), and 2 x multiply-adds that were done.
    double bytes = 0, operations = 0;
    int disturbed = 0;             // samples during which this machine was slower than it can be, after repeating
    std::vector<Profile::Row> profile;  // of one more run; empty without --profile
    double profileSeconds = 0;
    // Load: start to the first token; `seconds` are start to ready.
    std::vector<double> firstTokenSeconds;
    MemoryFigures memory;

    double medianSeconds() const;
    std::vector<double> rates() const;  // tokens/s of each sample
};

// Repeats a sample while something else uses the processor, as far as a pulse of arithmetic shows it.
class Disturbance {
public:
    // What the pulse gives when nothing disturbs.
    Disturbance();
    bool now() const;

private:
    double m_undisturbed = 0;
};

class Bench {
public:
    // Loads the model for one KV type. Errors: those of loading.
    static Result<std::unique_ptr<Bench>> load(const BenchOptions &options, const std::string &path, KvType kv);

    const LoadedModel &model() const noexcept { return *m_model; }
    // Errors: those of the passes; ModelUnsupported (no tower, no drafter).
    Result<TestResult> run(const TestSpec &spec, int threads);
    // What a plain option list asks of this model.
    static std::vector<TestSpec> specs(const BenchOptions &options);

private:
    struct Depth;
    using Sample = std::function<Status(const Exec &exec)>;

    Bench(const BenchOptions &options, std::unique_ptr<LoadedModel> model);
    Exec execFor(int threads);
    // Undoes what a sample left, outside of the clock.
    using Reset = std::function<Status()>;
    Status sampled(const Exec &exec, const Sample &sample, const Reset &reset, TestResult &result);
    Result<KvCache> cacheAt(const Exec &exec, int depth, std::int64_t block);

    Status text(const Exec &exec, TestResult &result);
    Status verify(const Exec &exec, TestResult &result);
    Status parallel(const Exec &exec, TestResult &result);
    Status draft(const Exec &exec, TestResult &result);
    Status picture(const Exec &exec, TestResult &result);
    Status sound(const Exec &exec, TestResult &result);

    const BenchOptions &m_options;
    std::unique_ptr<LoadedModel> m_model;
    MeasuredPasses m_passes;
    std::unique_ptr<WorkerPool> m_pool;
    Disturbance m_disturbance;
};

// Starts `program` (this one) for every sample. Errors: Internal.
Result<TestResult> measureLoad(const BenchOptions &options, const std::string &path, int threads, const std::string &program);
// What that program does: loads, answers one token, prints a line after each, and its memory.
Status loadAndAnswer(const BenchOptions &options);

}  // namespace facet::bench
