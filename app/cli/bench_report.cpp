#include "bench_report.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

double rate(const PassFigures &figures) { return figures.seconds > 0 ? figures.tokens / figures.seconds : 0; }

std::string number(double value, int digits) {
    char text[48];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string perSecond(double tokens) { return number(tokens, tokens < 100 ? 1 : 0) + " tokens/s"; }

std::string seconds(double value) { return value < 1 ? number(1000 * value, 0) + " ms" : number(value, 1) + " s"; }

std::string size(double bytes) { return bytes < 1e9 ? number(bytes * 1e-6, 0) + " MB" : number(bytes * 1e-9, 2) + " GB"; }

std::string threadsText(int threads) { return std::to_string(threads) + (threads == 1 ? " thread" : " threads"); }

class Table {
public:
    void line(const std::string &name, const std::string &value) {
        m_text += name + std::string(name.size() < 16 ? 16 - name.size() : 1, ' ') + value + "\n";
    }
    std::string text() && { return std::move(m_text); }

private:
    std::string m_text;
};

std::string writeText(const Roofline &limits, const BenchReport::Write &write) {
    const double bytes = write.figures.tokens > 0 ? write.figures.bytes / write.figures.tokens : 0;
    std::string text = perSecond(rate(write.figures));
    text += write.depth > 0 ? " behind " + std::to_string(write.depth) + " tokens" : " in an empty context";
    const double limit = writeLimit(limits, write.figures);
    if (limit <= 0) return text;
    text += "; each reads " + size(bytes) + ", which this memory allows " + number(limit, 1) + " times a second: ";
    // What fits the caches of the processor is not read from memory every time.
    const double share = rate(write.figures) / limit;
    return text + (share <= 1 ? number(100 * share, 0) + " % of the limit" : "the processor's caches hold part of it");
}

Json passJson(const PassFigures &figures) {
    return {{"tokens", figures.tokens},
            {"ms", 1000 * figures.seconds},
            {"tokens_per_second", rate(figures)},
            {"bytes", figures.bytes},
            {"operations", figures.operations}};
}

} // namespace

double writeLimit(const Roofline &limits, const PassFigures &figures) {
    return figures.bytes > 0 ? limits.streaming() * 1e9 * figures.tokens / figures.bytes : 0;
}

std::string benchText(const ModelInfo &model, const BenchReport &report) {
    Table table;
    table.line("Model", model.name + ", " + model.weightType + ", context of " + std::to_string(model.contextLength) +
                            " tokens as " + kvTypeName(model.kv));
    table.line("Machine", report.processor + ", " + threadsText(model.threads) + " of " + std::to_string(report.cores) +
                              (model.writeThreads != model.threads ? " (writing " + std::to_string(model.writeThreads) + ")" : "") +
                              ", memory streams " + number(report.limits.streaming(), 1) + " GB/s");
    table.line("Start", "ready after " + seconds(report.loadSeconds));
    for (const PassFigures &each : report.reads) {
        table.line("Read " + number(each.tokens, 0),
                   perSecond(rate(each)) + ", first word of the answer after " + seconds(each.seconds));
    }
    for (const BenchReport::Write &each : report.writes) table.line("Write", writeText(report.limits, each));
    if (report.picture)
        table.line("Picture", seconds(report.picture->seconds) + " for " + number(report.picture->tokens, 0) + " tokens");
    if (report.sound) table.line("Sound", seconds(report.sound->seconds) + " for " + number(report.sound->tokens, 0) + " tokens");
    if (report.memory.peakResident > 0) {
        table.line("Memory", size(static_cast<double>(report.memory.peakResident)) + " at the peak; now " +
                                 size(static_cast<double>(report.memory.anonymous)) + " its own and " +
                                 size(static_cast<double>(report.memory.mapped)) + " of files");
    }
    for (const std::string &sentence : report.skipped) table.line("Left out", sentence);
    for (const std::string &sentence : model.notes) table.line("Note", sentence);
    return std::move(table).text();
}

Json benchJson(const ModelInfo &model, const BenchReport &report) {
    Json reads = Json::array(), writes = Json::array();
    for (const PassFigures &each : report.reads) {
        reads.push_back(passJson(each));
        reads.back()["first_token_ms"] = 1000 * each.seconds;
    }
    for (const BenchReport::Write &each : report.writes) {
        writes.push_back(passJson(each.figures));
        const double limit = writeLimit(report.limits, each.figures);
        writes.back()["depth"] = each.depth;
        writes.back()["bytes_per_token"] = each.figures.tokens > 0 ? each.figures.bytes / each.figures.tokens : 0;
        writes.back()["limit_tokens_per_second"] = limit;
        writes.back()["of_limit"] = limit > 0 ? rate(each.figures) / limit : 0;
    }
    return {{"model", model.path},
            {"name", model.name},
            {"weight_type", model.weightType},
            {"context", model.contextLength},
            {"kv", kvTypeName(model.kv)},
            {"threads", model.threads},
            {"write_threads", model.writeThreads},
            {"tuned", model.tuned},
            {"processor", report.processor},
            {"cores", report.cores},
            {"streaming_gb_s", report.limits.streaming()},
            {"integers_gop_s", report.limits.integers()},
            {"load_ms", 1000 * report.loadSeconds},
            {"read", std::move(reads)},
            {"write", std::move(writes)},
            {"picture", report.picture ? passJson(*report.picture) : Json()},
            {"sound", report.sound ? passJson(*report.sound) : Json()},
            {"memory",
             {{"peak_bytes", report.memory.peakResident},
              {"own_bytes", report.memory.anonymous},
              {"mapped_bytes", report.memory.mapped}}},
            {"skipped", report.skipped},
            {"notes", model.notes}};
}

std::string tuningText(const Tuning &tuning) {
    Table table;
    for (const TuningFigures::Threads &each : tuning.figures.threads) {
        table.line(threadsText(each.threads), "reads " + perSecond(each.readRate) + ", writes " + perSecond(each.writeRate));
    }
    for (const TuningFigures::Cache &each : tuning.figures.caches) {
        char loss[32];
        std::snprintf(loss, sizeof loss, "%.1e", each.divergence);
        std::string text = "same best token at " + number(100 * each.sameBest, 1) + " % of " +
                           std::to_string(tuning.figures.positions) + " positions, divergence " + loss;
        if (tuning.figures.depth > 0) {
            text += "; behind " + std::to_string(tuning.figures.depth) + " tokens writes " + perSecond(each.writeRate) +
                    " and takes " + size(static_cast<double>(each.bytes));
        }
        table.line(std::string("Context ") + kvTypeName(each.type), text);
    }
    table.line("Chosen", threadsText(tuning.readThreads) + " to read, " + std::to_string(tuning.writeThreads) +
                             " to write, context as " + kvTypeName(tuning.kv) + ": used from the next start on");
    for (const TuningReason &reason : tuning.reasons) table.line("Because", reason.sentence);
    return std::move(table).text();
}

Json tuningJson(const Tuning &tuning) {
    Json threads = Json::array(), caches = Json::array(), reasons = Json::array();
    for (const TuningFigures::Threads &each : tuning.figures.threads) {
        threads.push_back({{"threads", each.threads},
                           {"read_tokens_per_second", each.readRate},
                           {"write_tokens_per_second", each.writeRate}});
    }
    for (const TuningFigures::Cache &each : tuning.figures.caches) {
        caches.push_back({{"kv", kvTypeName(each.type)},
                          {"same_best", each.sameBest},
                          {"divergence", each.divergence},
                          {"write_tokens_per_second", each.writeRate},
                          {"bytes", each.bytes}});
    }
    for (const TuningReason &reason : tuning.reasons) reasons.push_back(reason.sentence);
    return {{"threads", tuning.readThreads},
            {"write_threads", tuning.writeThreads},
            {"kv", kvTypeName(tuning.kv)},
            {"reasons", std::move(reasons)},
            {"measured",
             {{"threads", std::move(threads)},
              {"caches", std::move(caches)},
              {"positions", tuning.figures.positions},
              {"depth", tuning.figures.depth}}}};
}

} // namespace facet::cli
