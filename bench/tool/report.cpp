#include "tool/report.h"

#include "facet/version.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <numeric>

namespace facet::bench {

namespace {

using Json = nlohmann::ordered_json;

double mean(const std::vector<double> &values) {
    return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation(const std::vector<double> &values) {
    if (values.size() < 2) return 0;
    const double middle = mean(values);
    double sum = 0;
    for (const double each : values) sum += (each - middle) * (each - middle);
    return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

std::string utcNow() {
    const std::time_t now = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    return text;
}

struct Rates {
    double gigabytes = 0, gigaoperations = 0;          // a second
    double ofStreaming = 0, ofIntegers = 0, ofBf16 = 0, ofFp32 = 0;  // 0: unknown
};

Rates ratesOf(const std::optional<Roofline> &limits, double bytes, double operations, double seconds) {
    Rates out;
    if (seconds <= 0) return out;
    out.gigabytes = bytes / seconds * 1e-9;
    out.gigaoperations = operations / seconds * 1e-9;
    if (!limits) return out;
    const auto share = [](double value, double limit) { return limit > 0 ? value / limit : 0; };
    out.ofStreaming = share(out.gigabytes, limits->streaming());
    out.ofIntegers = share(out.gigaoperations, limits->integers());
    out.ofBf16 = share(out.gigaoperations, limits->bf16);
    out.ofFp32 = share(out.gigaoperations, limits->fp32);
    return out;
}

Json limitsJson(const Roofline &limits) {
    return {{"threads", limits.threads}, {"read_gb_s", limits.read}, {"read_4bit_gb_s", limits.read4bit},
            {"int8_gop_s", limits.int8}, {"int4_gop_s", limits.int4}, {"bf16_gflop_s", limits.bf16}, {"fp32_gflop_s", limits.fp32}};
}

Json profileJson(const TestResult &result) {
    Json rows = Json::array();
    for (const Profile::Row &row : result.profile) {
        rows.push_back({{"part", row.part}, {"operation", row.operation}, {"type", row.type}, {"calls", row.calls},
                        {"ms", row.seconds * 1e3}, {"wait_ms", row.waitSeconds * 1e3}, {"bytes", row.bytes},
                        {"operations", row.operations}});
    }
    return rows;
}

Json resultJson(const Setting &setting, const TestResult &result) {
    const TestSpec &spec = result.spec;
    const std::vector<double> rates = result.rates();
    std::vector<std::int64_t> nanoseconds;
    for (const double each : result.seconds) nanoseconds.push_back(static_cast<std::int64_t>(each * 1e9));
    const double meanNs = 1e9 * mean(result.seconds);
    Json out = {{"build_commit", FACET_VERSION}, {"cpu_info", processorName()}, {"backends", "facet " + setting.kernels},
                {"model_filename", setting.model}, {"model_type", setting.description}, {"model_size", setting.fileBytes},
                {"model_n_params", setting.parameters}, {"n_threads", setting.threads}, {"type_k", kvTypeName(setting.kv)},
                {"type_v", kvTypeName(setting.kv)}, {"n_prompt", spec.prompt}, {"n_gen", spec.generate}, {"n_depth", spec.depth},
                {"test_time", utcNow()}, {"avg_ns", static_cast<std::int64_t>(meanNs)},
                {"stddev_ns", static_cast<std::int64_t>(1e9 * deviation(result.seconds))}, {"avg_ts", mean(rates)},
                {"stddev_ts", deviation(rates)}, {"samples_ns", nanoseconds}, {"samples_ts", rates}};
    const double seconds = result.medianSeconds();
    out["test"] = spec.name();
    out["median_ms"] = seconds * 1e3;
    out["disturbed_samples"] = result.disturbed;
    out["peak_rss"] = result.memory.peakResident;
    out["rss_anonymous"] = result.memory.anonymous;
    out["rss_mapped"] = result.memory.mapped;
    if (spec.kind == TestSpec::Kind::Verify || spec.kind == TestSpec::Kind::Parallel) out["n_rows"] = spec.rows;
    if (spec.kind == TestSpec::Kind::Load) {
        TestResult first = result;
        first.seconds = result.firstTokenSeconds;
        out["first_token_ms"] = first.medianSeconds() * 1e3;
        return out;
    }
    if (spec.kind == TestSpec::Kind::Picture || spec.kind == TestSpec::Kind::Sound) out["n_soft"] = result.tokens;
    const Rates speed = ratesOf(setting.limits, result.bytes, result.operations, seconds);
    out["bytes"] = result.bytes;
    out["operations"] = result.operations;
    out["gb_s"] = speed.gigabytes;
    out["gop_s"] = speed.gigaoperations;
    if (setting.limits) {
        out["of_streaming"] = speed.ofStreaming;
        out["of_integers"] = speed.ofIntegers;
        out["of_bf16"] = speed.ofBf16;
        out["of_fp32"] = speed.ofFp32;
        out["roofline"] = limitsJson(*setting.limits);
    }
    if (!result.profile.empty()) out["profile"] = profileJson(result);
    return out;
}

std::string number(double value, int digits) {
    char text[48];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string gibibytes(std::uint64_t bytes) { return number(static_cast<double>(bytes) / (1ULL << 30U), 2); }

std::string percent(double share) { return share > 0 ? number(100 * share, 0) + " %" : ""; }

}  // namespace

void Report::limits(const Roofline &limits) {
    if (m_format != OutputFormat::Markdown) return;
    std::printf("limits with %d thread%s: read %.1f GB/s, 4-bit stream %.1f GB/s, int8 %.0f, 4 x 8 bits %.0f GOP/s, bf16 %.0f, fp32 %.0f GFLOP/s\n\n",
                limits.threads, limits.threads == 1 ? "" : "s", limits.read, limits.read4bit, limits.int8, limits.int4, limits.bf16, limits.fp32);
    std::fflush(stdout);
}

void Report::addMarkdown(const Setting &setting, const TestResult &result) {
    if (!m_begun) {
        std::puts("| model | threads | kv | test | t/s | ms | GB/s | of streaming | GOP/s | of integers | peak GiB | |");
        std::puts("|---|---:|---|---|---:|---:|---:|---:|---:|---:|---:|---|");
    }
    const TestSpec &spec = result.spec;
    const double seconds = result.medianSeconds();
    const bool load = spec.kind == TestSpec::Kind::Load;
    const Rates speed = ratesOf(setting.limits, result.bytes, result.operations, seconds);
    std::string rate = load ? "" : number(seconds > 0 ? result.tokens / seconds : 0, 2) + " ± " + number(deviation(result.rates()), 2);
    std::string remark;
    if (load) {
        TestResult first = result;
        first.seconds = result.firstTokenSeconds;
        remark = "first token after " + number(1e3 * first.medianSeconds(), 0) + " ms; " + gibibytes(result.memory.anonymous) +
                 " GiB own, " + gibibytes(result.memory.mapped) + " GiB of files";
    }
    if (spec.kind == TestSpec::Kind::Verify || spec.kind == TestSpec::Kind::Parallel) {
        if (spec.rows == 1) m_oneRow = seconds;
        else if (m_oneRow > 0) remark = number(seconds / m_oneRow, 2) + " x one row";
    }
    if (spec.kind == TestSpec::Kind::Picture || spec.kind == TestSpec::Kind::Sound) {
        remark = number(result.tokens, 0) + " soft tokens";
        if (speed.ofBf16 > 0) remark += "; " + percent(speed.ofBf16) + " of bf16";
        if (speed.ofFp32 > 0) remark += "; " + percent(speed.ofFp32) + " of fp32";
    }
    if (result.disturbed > 0) remark += (remark.empty() ? "" : "; ") + std::to_string(result.disturbed) + " disturbed";
    std::printf("| %s | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", setting.description.c_str(), setting.threads,
                kvTypeName(setting.kv), spec.name().c_str(), rate.c_str(), number(seconds * 1e3, 1).c_str(),
                load ? "" : number(speed.gigabytes, 1).c_str(), percent(speed.ofStreaming).c_str(),
                load ? "" : number(speed.gigaoperations, 0).c_str(), percent(speed.ofIntegers).c_str(),
                gibibytes(result.memory.peakResident).c_str(), remark.c_str());
    if (!result.profile.empty()) std::fprintf(stderr, "\n%s\n", profileTable(setting, result).c_str());
}

void Report::addCsv(const Setting &setting, const TestResult &result) {
    Json all = resultJson(setting, result);
    for (const char *nested : {"samples_ns", "samples_ts", "roofline", "profile"}) all.erase(nested);
    std::string names, values;
    for (const auto &[name, value] : all.items()) {
        names += (names.empty() ? "" : ",") + name;
        values += (values.empty() ? "" : ",") + value.dump();
    }
    static_cast<void>(std::printf("%s%s\n", m_begun ? "" : (names + "\n").c_str(), values.c_str()));
}

void Report::add(const Setting &setting, const TestResult &result) {
    switch (m_format) {
    case OutputFormat::Markdown: addMarkdown(setting, result); break;
    case OutputFormat::Csv: addCsv(setting, result); break;
    case OutputFormat::JsonLines: std::printf("%s\n", resultJson(setting, result).dump().c_str()); break;
    case OutputFormat::Json: std::printf("%s\n%s", m_begun ? "," : "[", resultJson(setting, result).dump(2).c_str()); break;
    }
    m_begun = true;
    std::fflush(stdout);
}

void Report::finish() {
    if (m_format == OutputFormat::Json) std::puts(m_begun ? "\n]" : "[]");
}

}  // namespace facet::bench
