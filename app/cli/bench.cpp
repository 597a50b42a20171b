// facet-cli bench: how fast a model runs on this machine, beside what the machine could do; and what suits it best.
#include "bench_report.h"
#include "chat_messages.h"
#include "flags.h"
#include "resources.h"
#include "verbs.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

namespace facet::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kDeep = 4096, kLeastDeep = 1024; // tokens before those that are written
constexpr double kSampleSeconds = 1.5;         // of writing, and of what is repeated
constexpr int kMostWritten = 64, kRepetitions = 3;
// Enough to leave the processor's caches, and no burden for the machine.
constexpr std::size_t kStreamedBytes = std::size_t{256} << 20U;

struct BenchArguments {
    ModelFlags model;
    int seconds = 20;
    bool media = false, tune = false, json = false;
};

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Bench {
public:
    Bench(const BenchArguments &arguments, Terminal &terminal, const CancelToken &cancel)
        : m_arguments(arguments), m_terminal(terminal), m_cancel(cancel) {}

    Status run(const LoadOptions &options) {
        FACET_TRY(seen, inspectLoad(options)); // before anything that takes a while
        m_terminal.progress("measuring the memory");
        m_report.processor = processorName();
        m_report.cores = usableCores();
        m_report.limits = measureRoofline(seen.writeThreads, kStreamedBytes);
        resetPeakMemory();
        const auto start = Clock::now();
        FACET_TRY(meter, ModelMeter::load(options, progressLine(m_terminal), m_cancel));
        m_report.loadSeconds = secondsSince(start);
        m_meter = std::move(meter);
        FACET_CHECK(measure());
        m_report.memory = memoryFigures();
        return ok();
    }

    const ModelInfo &model() const { return m_meter->info(); }
    const BenchReport &report() const { return m_report; }

private:
    // The first passes touch all weights and say how long the others will take.
    Status measure() {
        m_terminal.progress("warming up");
        FACET_TRY(reading, m_meter->read(std::min(32, model().contextLength)));
        FACET_TRY(first, m_meter->write(1, 0));
        FACET_TRY(second, m_meter->write(1, 0));
        m_readSeconds = reading.seconds / reading.tokens;
        m_writeSeconds = std::min(first.seconds, second.seconds);
        FACET_CHECK(read(128));
        FACET_CHECK(write(0));
        FACET_CHECK(read(512));
        const int deep = std::min(kDeep, model().contextLength - kMostWritten);
        if (deep >= kLeastDeep) {
            FACET_CHECK(write(deep));
        } else {
            m_report.skipped.push_back("Writing behind a long context: this one is too short.");
        }
        return m_arguments.media ? media() : ok();
    }

    bool fits(const std::string &what, double needed) {
        const double left = m_arguments.seconds - secondsSince(m_start);
        if (needed <= left) return true;
        char text[96];
        std::snprintf(text, sizeof text, " would take some %.0f s: --seconds %.0f.", needed,
                      m_arguments.seconds + std::max(1.0, needed - left));
        m_report.skipped.push_back(what + text);
        return false;
    }

    // The median of up to three runs.
    Status read(int tokens) {
        const std::string what = "reading " + std::to_string(tokens) + " tokens";
        if (tokens > model().contextLength) {
            m_report.skipped.push_back("Reading " + std::to_string(tokens) + " tokens: the context is shorter.");
            return ok();
        }
        const double each = m_readSeconds * tokens;
        if (!fits("R" + what.substr(1), each)) return ok();
        std::vector<PassFigures> runs;
        double spent = 0;
        do {
            m_terminal.progress(what);
            FACET_TRY(figures, m_meter->read(tokens));
            spent += figures.seconds;
            runs.push_back(figures);
        } while (runs.size() < kRepetitions && spent < kSampleSeconds);
        std::sort(runs.begin(), runs.end(), [](const PassFigures &a, const PassFigures &b) { return a.seconds < b.seconds; });
        m_report.reads.push_back(runs[runs.size() / 2]);
        m_readSeconds = m_report.reads.back().seconds / tokens;
        return ok();
    }

    Status write(int depth) {
        const int tokens = std::clamp(static_cast<int>(kSampleSeconds / std::max(m_writeSeconds, 1e-6)), 4, kMostWritten);
        const std::string what = depth > 0 ? "writing behind " + std::to_string(depth) + " tokens" : "writing";
        constexpr double kPreparing = 512; // tokens that are read before a deep cache is there, at most
        if (!fits("W" + what.substr(1), tokens * m_writeSeconds + (depth > 0 ? kPreparing * m_readSeconds : 0))) return ok();
        m_terminal.progress(what);
        FACET_TRY(figures, m_meter->write(tokens, depth));
        m_report.writes.push_back({depth, figures});
        if (depth == 0) m_writeSeconds = figures.seconds / tokens;
        return ok();
    }

    // The samples that come with the program.
    Status media() {
        const MediaContext context{.model = model(), .cancel = m_cancel};
        if (model().hasVision) {
            m_terminal.progress("reading a picture");
            FACET_TRY(file, sample("samples/picture.png"));
            FACET_TRY(part, imagePart(file, context));
            FACET_TRY(figures, m_meter->encode(*part.image));
            m_report.picture = figures;
        } else {
            m_report.skipped.push_back("A picture: this model sees none.");
        }
        if (!model().hasAudio) {
            m_report.skipped.push_back("Sound: this model hears none.");
            return ok();
        }
        m_terminal.progress("reading a recording");
        FACET_TRY(file, sample("samples/recording.wav"));
        FACET_TRY(part, audioPart(file, context));
        FACET_TRY(figures, m_meter->encode(*part.audio));
        m_report.sound = figures;
        return ok();
    }

    static Result<std::string> sample(const char *name) {
        if (auto path = findResource(name)) return std::move(*path);
        return Error{.code = ErrorCode::FileNotFound, .message = "The samples are not installed; leave --media out."};
    }

    const BenchArguments &m_arguments;
    Terminal &m_terminal;
    CancelToken m_cancel;
    Clock::time_point m_start = Clock::now();
    std::unique_ptr<ModelMeter> m_meter;
    BenchReport m_report;
    double m_readSeconds = 0, m_writeSeconds = 0; // of a token
};

Result<Tuning> measureTuning(LoadOptions options, Terminal &terminal, const CancelToken &cancel) {
    if (options.tuningFolder.empty()) {
        return Error{.code = ErrorCode::FileWriteFailed,
                     .message = "There is no cache folder to keep what is measured: set HOME or XDG_CACHE_HOME."};
    }
    options.tune = TuneMode::Again;
    FACET_TRY(meter, ModelMeter::load(options, progressLine(terminal), cancel));
    return meter->tune([&terminal](const char *what, int done, int total) {
        terminal.progress(std::string("measuring ") + (std::string(what) == "cache" ? "the context's types" : what) + " " +
                          std::to_string(100 * done / std::max(total, 1)) + " %");
    });
}

int runBench(const BenchArguments &a, Terminal &terminal) {
    const Result<LoadOptions> options = loadOptions(a.model);
    if (!options) return terminal.fail(options.error(), kModelProblem);
    const InterruptGuard interrupt;
    if (a.tune) {
        const Result<Tuning> tuning = measureTuning(*options, terminal, interrupt.token());
        terminal.clearProgress();
        if (!tuning) return terminal.fail(tuning.error(), kModelProblem);
        terminal.write(a.json ? jsonText(tuningJson(*tuning)) + "\n" : tuningText(*tuning));
        return terminal.broken() ? kFailed : kDone;
    }
    Bench bench(a, terminal, interrupt.token());
    const Status done = bench.run(*options);
    terminal.clearProgress();
    if (!done) return terminal.fail(done.error(), kModelProblem);
    terminal.write(a.json ? jsonText(benchJson(bench.model(), bench.report())) + "\n"
                          : benchText(bench.model(), bench.report()));
    return terminal.broken() ? kFailed : kDone;
}

} // namespace

void addBench(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<BenchArguments>();
    CLI::App *verb = app.add_subcommand("bench", "Say how fast a model runs here, and what this machine could do");
    verb->add_option("model,--model", a->model.model, "Model folder or .gguf file; without it the built-in demo model");
    addLoadFlags(*verb, a->model);
    verb->add_option("--seconds", a->seconds, "Time it may take; what does not fit is left out and said")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    verb->add_flag("--media", a->media, "Also how long a picture and a recording take (the program's samples)");
    verb->add_flag("--tune", a->tune,
                   "Measure which threads and which --kv suit this model here, and use them from the next start on");
    verb->add_flag("--json", a->json, "One JSON object");
    verb->footer("Examples:\n"
                 "  facet-cli bench gemma-4-E2B-it\n"
                 "  facet-cli bench gemma-4-E4B-it-Q4_0.gguf --media --seconds 60\n"
                 "  facet-cli bench gemma-4-E2B-it --threads 4 --kv q8_0 --json\n"
                 "  facet-cli bench gemma-4-E2B-it --tune");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runBench(*a, terminal); }; });
}

} // namespace facet::cli
