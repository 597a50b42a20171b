// facet-bench: see options.cpp for what it takes and bench/README.md for what the figures mean.
#include "tool/measure.h"
#include "tool/options.h"
#include "tool/report.h"

#include <cstdio>
#include <exception>
#include <map>
#include <optional>

namespace {

using namespace facet;
using namespace facet::bench;

int failed(const Error &error) {
    std::fprintf(stderr, "facet-bench: %s%s%s\n", error.message.c_str(), error.detail.empty() ? "" : "\n  ", error.detail.c_str());
    return error.code == ErrorCode::InvalidArgument ? 2 : 1;
}

class Run {
public:
    Run(const BenchOptions &options, std::string program)
        : m_options(options), m_program(std::move(program)), m_report(options.output), m_threads(options.threads) {
        if (m_threads.empty()) m_threads = {WorkerPool(0).threadCount()};
    }

    Status all() {
        if (m_options.rooflineOnly) {
            for (const int threads : m_threads) m_report.limits(measureRoofline(threads));
            return ok();
        }
        for (const std::string &path : m_options.models) {
            if (m_options.load) FACET_CHECK(starts(path));
            for (const KvType kv : m_options.kv) FACET_CHECK(tests(path, kv));
        }
        m_report.finish();
        return ok();
    }

private:
    // Once for each number of threads; the peak of memory counts from behind it.
    const std::optional<Roofline> &limitsOf(int threads) {
        auto [at, isNew] = m_limits.try_emplace(threads);
        if (isNew && m_options.roofline) {
            at->second = measureRoofline(threads);
            m_report.limits(*at->second);
        }
        return at->second;
    }

    Setting setting(const ModelInfo &info, KvType kv, int threads) const {
        Setting out;
        out.model = info.path;
        out.description = info.architecture + " " + info.weightType;
        out.fileBytes = info.fileBytes;
        out.parameters = info.parameterCount;
        out.kernels = kernelsFor(InstructionSet::Auto).name;
        out.threads = threads;
        out.kv = kv;
        return out;
    }

    Status starts(const std::string &path) {
        FACET_TRY(info, inspectModel(path, m_options.weights, m_options.mmproj));
        for (const int threads : m_threads) {
            tell("load");
            FACET_TRY(result, measureLoad(m_options, path, threads, m_program));
            m_report.add(setting(info, m_options.kv.front(), threads), result);
        }
        return ok();
    }

    Status tests(const std::string &path, KvType kv) {
        const std::vector<TestSpec> specs = Bench::specs(m_options);
        if (specs.empty()) return ok();
        for (const int threads : m_threads) limitsOf(threads);
        resetPeakMemory();
        FACET_TRY(bench, Bench::load(m_options, path, kv));
        for (const int threads : m_threads) {
            Setting common = setting(bench->model().info, kv, threads);
            common.limits = limitsOf(threads);
            for (const TestSpec &spec : specs) {
                tell(spec.name());
                FACET_TRY(result, bench->run(spec, threads));
                m_report.add(common, result);
            }
        }
        return ok();
    }

    void tell(const std::string &what) const {
        if (m_options.progress) std::fprintf(stderr, "facet-bench: %s\n", what.c_str());
    }

    const BenchOptions &m_options;
    std::string m_program;
    Report m_report;
    std::vector<int> m_threads;
    std::map<int, std::optional<Roofline>> m_limits;
};

}  // namespace

int main(int argc, char **argv) {
    try {
        const auto options = parseOptions(argc, argv);
        if (!options) return failed(options.error());
        if (options->help) {
            std::fputs(usage(), stdout);
            return 0;
        }
        const Status done = options->loadChild ? loadAndAnswer(*options) : Run(*options, ownProgram(argv[0])).all();
        return done ? 0 : failed(done.error());
    } catch (const std::exception &e) {
        std::fprintf(stderr, "facet-bench: %s\n", e.what());
        return 1;
    }
}
