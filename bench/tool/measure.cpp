#include "tool/measure.h"

#include "model/kv_snapshot.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>

namespace facet::bench {

namespace {

constexpr double kDisturbedBelow = 0.85;  // of the undisturbed pulse

double secondsSince(Profile::Clock::time_point start) {
    return std::chrono::duration<double>(Profile::Clock::now() - start).count();
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 != 0 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

// Takes the cache back to what it holds now.
auto backToNow(KvCache &cache) {
    return [&cache, snapshot = RingSnapshot::take(cache, cache.length()), empty = cache.length() == 0]() -> Status {
        if (empty) cache.clear();
        else if (!snapshot || !rewind(cache, *snapshot)) return Error{ErrorCode::Internal, "The cache could not be taken back."};
        return ok();
    };
}

}  // namespace

std::string TestSpec::name() const {
    std::string text;
    switch (kind) {
    case Kind::Text:
        if (prompt > 0) text = "pp" + std::to_string(prompt);
        if (generate > 0) text += (prompt > 0 ? "+tg" : "tg") + std::to_string(generate);
        break;
    case Kind::Verify: text = "verify" + std::to_string(rows); break;
    case Kind::Parallel: text = "parallel" + std::to_string(rows); break;
    case Kind::Draft: text = "draft step"; break;
    case Kind::Picture:
        text = "image " + std::to_string(picture.width) + "x" + std::to_string(picture.height) + " <= " + std::to_string(budget);
        break;
    case Kind::Sound: {
        char seconds_[32];
        std::snprintf(seconds_, sizeof seconds_, "audio %g s", seconds);
        text = seconds_;
        break;
    }
    case Kind::Load: text = "load"; break;
    }
    return depth > 0 ? text + " @ d" + std::to_string(depth) : text;
}

double TestResult::medianSeconds() const { return median(seconds); }

std::vector<double> TestResult::rates() const {
    std::vector<double> out;
    for (const double each : seconds) out.push_back(each > 0 ? tokens / each : 0);
    return out;
}

Disturbance::Disturbance() {
    for (int i = 0; i < 20; ++i) m_undisturbed = std::max(m_undisturbed, arithmeticPulse());
}

bool Disturbance::now() const { return arithmeticPulse() < kDisturbedBelow * m_undisturbed; }

Bench::Bench(const BenchOptions &options, std::unique_ptr<LoadedModel> model) : m_options(options), m_model(std::move(model)), m_passes(*m_model) {}

Result<std::unique_ptr<Bench>> Bench::load(const BenchOptions &options, const std::string &path, KvType kv) {
    LoadOptions wanted;
    wanted.path = path;
    wanted.mmproj = options.mmproj;
    wanted.drafter = options.drafter;
    wanted.weights = options.weights;
    wanted.kv = kv;
    wanted.packing = options.packing;
    wanted.contextLength = options.contextLength();
    wanted.threads = options.threads.empty() ? 0 : *std::max_element(options.threads.begin(), options.threads.end());
    FACET_TRY(model, LoadedModel::load(wanted, {}, {}));
    return std::unique_ptr<Bench>(new Bench(options, std::move(model)));
}

std::vector<TestSpec> Bench::specs(const BenchOptions &options) {
    using Kind = TestSpec::Kind;
    std::vector<TestSpec> out;
    for (const int depth : options.depths) {
        for (const int prompt : options.prompts) out.push_back({.kind = Kind::Text, .prompt = prompt, .depth = depth});
        for (const int generate : options.generations) out.push_back({.kind = Kind::Text, .generate = generate, .depth = depth});
        for (const auto &[prompt, generate] : options.promptGenerations)
            out.push_back({.kind = Kind::Text, .prompt = prompt, .generate = generate, .depth = depth});
        for (const int rows : options.verifyRows) out.push_back({.kind = Kind::Verify, .depth = depth, .rows = rows});
        for (const int rows : options.parallel) out.push_back({.kind = Kind::Parallel, .depth = depth, .rows = rows});
        if (!options.drafter.empty()) out.push_back({.kind = Kind::Draft, .depth = depth});
    }
    for (const PictureOption &picture : options.pictures)
        out.push_back({.kind = Kind::Picture, .picture = picture, .budget = options.budget});
    for (const double seconds : options.sounds) out.push_back({.kind = Kind::Sound, .seconds = seconds});
    return out;
}

Exec Bench::execFor(int threads) {
    if (!m_pool || m_pool->threadCount() != threads) m_pool = std::make_unique<WorkerPool>(threads);
    Exec exec = m_model->exec;
    exec.pool = m_pool.get();
    return exec;
}

Result<KvCache> Bench::cacheAt(const Exec &exec, int depth, std::int64_t block) {
    return m_passes.cacheAt(exec, m_model->cacheType, depth, block);
}

Status Bench::sampled(const Exec &exec, const Sample &sample, const Reset &reset, TestResult &result) {
    {
        // Warms caches up and counts the work.
        Profile counted;
        Exec counting = exec;
        counting.profile = &counted;
        FACET_CHECK(sample(counting));
        FACET_CHECK(reset());
        for (const Profile::Row &row : counted.rows()) {
            result.bytes += row.bytes;
            result.operations += row.operations;
        }
    }
    int repeats = m_options.repetitions;
    while (static_cast<int>(result.seconds.size()) < m_options.repetitions) {
        const bool disturbedBefore = m_disturbance.now();
        const auto start = Profile::Clock::now();
        FACET_CHECK(sample(exec));
        const double seconds = secondsSince(start);
        const bool disturbed = disturbedBefore || m_disturbance.now();
        FACET_CHECK(reset());
        if (disturbed && repeats-- > 0) continue;
        result.disturbed += disturbed ? 1 : 0;
        result.seconds.push_back(seconds);
    }
    if (!m_options.profile) return ok();
    Profile profile;
    Exec profiled = exec;
    profiled.profile = &profile;
    exec.pool->watch(&profile);
    const auto start = Profile::Clock::now();
    const Status status = sample(profiled);
    result.profileSeconds = secondsSince(start);
    exec.pool->watch(nullptr);
    FACET_CHECK(status);
    FACET_CHECK(reset());
    result.profile.assign(profile.rows().begin(), profile.rows().end());
    return ok();
}

Status Bench::text(const Exec &exec, TestResult &result) {
    const TestSpec &spec = result.spec;
    FACET_TRY(cache, cacheAt(exec, spec.depth, 1));
    result.tokens = spec.prompt + spec.generate;
    const auto sample = [&](const Exec &used) -> Status {
        FACET_CHECK(m_passes.read(used, cache, spec.prompt, true));
        return m_passes.write(used, cache, spec.generate);
    };
    return sampled(exec, sample, backToNow(cache), result);
}

Status Bench::verify(const Exec &exec, TestResult &result) {
    const TestSpec &spec = result.spec;
    FACET_TRY(cache, cacheAt(exec, spec.depth, spec.rows));
    result.tokens = spec.rows;
    const auto sample = [&](const Exec &used) -> Status {
        Segment segment;
        segment.cache = &cache;
        segment.ids = m_passes.tokens(spec.rows);
        segment.logitRows.resize(segment.ids.size());
        std::iota(segment.logitRows.begin(), segment.logitRows.end(), 0);
        FACET_CHECK(m_model->text.forward(used, std::span(&segment, 1)));
        return ok();
    };
    return sampled(exec, sample, backToNow(cache), result);
}

Status Bench::parallel(const Exec &exec, TestResult &result) {
    const TestSpec &spec = result.spec;
    std::vector<KvCache> caches;
    for (int i = 0; i < spec.rows; ++i) {
        FACET_TRY(cache, cacheAt(exec, spec.depth, 1));
        caches.push_back(std::move(cache));
    }
    result.tokens = spec.rows;
    const auto sample = [&](const Exec &used) -> Status {
        std::vector<Segment> segments;
        for (KvCache &cache : caches) {
            Segment segment;
            segment.cache = &cache;
            segment.ids = m_passes.tokens(1);
            segment.logitRows = {0};
            segments.push_back(std::move(segment));
        }
        FACET_CHECK(m_model->text.forward(used, segments));
        return ok();
    };
    const auto reset = [&]() -> Status {
        for (KvCache &cache : caches) {
            if (spec.depth == 0) cache.clear();
            else if (!cache.truncate(spec.depth)) return Error{ErrorCode::Internal, "The cache could not be taken back."};
        }
        return ok();
    };
    return sampled(exec, sample, reset, result);
}

Status Bench::draft(const Exec &exec, TestResult &result) {
    if (!m_model->drafter) return Error{ErrorCode::ModelUnsupported, "There is no drafter to measure."};
    FACET_TRY(cache, cacheAt(exec, std::max(result.spec.depth, 32), 1));  // it reads the keys of what was written
    std::vector<float> hidden(static_cast<std::size_t>(m_model->text.config().hiddenSize), 0.5F);
    result.tokens = 1;
    const auto sample = [&](const Exec &used) -> Status {
        FACET_TRY(step, m_model->drafter->step(used, m_model->text, cache, m_passes.tokens(1).front(), hidden));
        hidden = std::move(step.hidden);
        return ok();
    };
    return sampled(exec, sample, [] { return ok(); }, result);
}

Result<TestResult> Bench::run(const TestSpec &spec, int threads) {
    using Kind = TestSpec::Kind;
    TestResult result;
    result.spec = spec;
    const Exec exec = execFor(threads);
    const auto measured = [&]() -> Status {
        switch (spec.kind) {
        case Kind::Text: return text(exec, result);
        case Kind::Verify: return verify(exec, result);
        case Kind::Parallel: return parallel(exec, result);
        case Kind::Draft: return draft(exec, result);
        case Kind::Picture: return picture(exec, result);
        case Kind::Sound: return sound(exec, result);
        case Kind::Load: break;
        }
        return Error{ErrorCode::Internal, "This is not measured inside of the program."};
    };
    FACET_CHECK(measured());
    result.memory = memoryFigures();
    return result;
}

}  // namespace facet::bench
