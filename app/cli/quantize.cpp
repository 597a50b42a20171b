// facet-cli quantize: a model folder or GGUF file to a smaller GGUF file.
#include "facet/quantize.h"

#include "chat_messages.h"
#include "flags.h"
#include "verbs.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <map>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

struct QuantizeArguments {
    QuantizeOptions options;
    std::string type; // empty: q4_k_m
    bool automatic = false, planOnly = false, json = false;
    std::uint64_t memory = 0;
    std::string text; // a file
};

std::string megabytes(std::uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
    return text;
}

// Says "stage 37 %" whenever that changes.
class Percent {
public:
    explicit Percent(Terminal &terminal) : m_terminal(terminal) {}
    void operator()(const char *stage, std::uint64_t done, std::uint64_t total) {
        const std::string line = std::string(stage) + " " + std::to_string(total == 0 ? 100 : done * 100 / total) + " %";
        if (line == m_shown) return;
        m_shown = line;
        m_terminal.progress(line);
    }

private:
    Terminal &m_terminal;
    std::string m_shown;
};

std::string filesText(const QuantizeOptions &options, const QuantizeReport &report) {
    std::string line;
    if (report.outputBytes > 0) line += options.output + ": " + megabytes(report.outputBytes) + "\n";
    if (report.mmprojBytes > 0) line += options.mmproj + ": " + megabytes(report.mmprojBytes) + "\n";
    return line;
}

Json planJson(const AutoQuantizeReport &report) {
    Json tensors = Json::array();
    for (const TensorChoice &choice : report.tensors) {
        tensors.push_back({{"name", choice.name},
                           {"type", choice.type},
                           {"values", choice.values},
                           {"bytes", choice.bytes},
                           {"error", choice.error},
                           {"loss", choice.loss}});
    }
    Json json = {{"bytes", report.bytes},
                 {"smallest_bytes", report.smallestBytes},
                 {"largest_bytes", report.largestBytes},
                 {"bits_per_weight", report.bitsPerWeight},
                 {"loss", report.loss},
                 {"measured_loss", nullptr},
                 {"tokens", report.tokens},
                 {"output_bytes", report.files.outputBytes},
                 {"mmproj_bytes", report.files.mmprojBytes},
                 {"notes", report.files.notes},
                 {"tensors", std::move(tensors)}};
    if (report.measuredLoss) json["measured_loss"] = *report.measuredLoss;
    return json;
}

// A line for each kind of tensor and type: what lies at the beginning of the file first.
std::string planText(const AutoQuantizeReport &report) {
    struct Line {
        std::string kind, type;
        int count = 0;
        std::uint64_t values = 0, bytes = 0;
        double loss = 0;
    };
    std::vector<Line> lines;
    for (const TensorChoice &choice : report.tensors) {
        auto line = std::find_if(lines.begin(), lines.end(),
                                 [&](const Line &l) { return l.kind == choice.kind && l.type == choice.type; });
        if (line == lines.end()) line = lines.insert(lines.end(), {choice.kind, choice.type});
        ++line->count;
        line->values += choice.values;
        line->bytes += choice.bytes;
        line->loss += choice.loss;
    }
    std::stable_sort(lines.begin(), lines.end(), [](const Line &a, const Line &b) { return a.kind < b.kind; });
    char text[160];
    std::snprintf(text, sizeof text, "%-22s %7s  %-7s %12s %6s %12s\n", "tensors", "count", "type", "size", "bits", "loss");
    std::string out = text;
    for (const Line &line : lines) {
        std::snprintf(text, sizeof text, "%-22s %7d  %-7s %12s %6.2f %12.2e\n", line.kind.c_str(), line.count, line.type.c_str(),
                      megabytes(line.bytes).c_str(), 8.0 * static_cast<double>(line.bytes) / static_cast<double>(line.values),
                      line.loss);
        out += text;
    }
    std::snprintf(text, sizeof text, "together %s, %.2f bits a weight (from %s to %s could be had)\n",
                  megabytes(report.bytes).c_str(), report.bitsPerWeight, megabytes(report.smallestBytes).c_str(),
                  megabytes(report.largestBytes).c_str());
    out += text;
    std::snprintf(text, sizeof text, "expected loss %.2e nats a token, on %lld tokens of text\n", report.loss,
                  static_cast<long long>(report.tokens));
    out += text;
    if (report.measuredLoss) {
        std::snprintf(text, sizeof text, "measured loss %.2e nats a token\n", *report.measuredLoss);
        out += text;
    }
    return out;
}

int runAuto(const QuantizeArguments &a, Terminal &terminal) {
    AutoQuantizeOptions options{.files = a.options, .targetBytes = a.memory, .planOnly = a.planOnly};
    if (!a.text.empty()) {
        auto text = readTextFile(a.text);
        if (!text) return terminal.fail(text.error(), kUsage);
        options.text = std::move(*text);
        if (options.text.empty()) {
            terminal.say("facet-cli: the file given with --text is empty.");
            return kUsage;
        }
    }
    const InterruptGuard interrupt;
    Percent percent(terminal);
    const auto report = autoQuantizeModel(options, std::ref(percent), interrupt.token());
    terminal.clearProgress();
    if (!report) return terminal.fail(report.error(), kModelProblem);
    if (!a.json) {
        for (const std::string &note : report->files.notes) terminal.say(note);
    }
    terminal.write(a.json ? jsonText(planJson(*report)) + "\n" : planText(*report) + filesText(a.options, report->files));
    return terminal.broken() ? kFailed : kDone;
}

// What fits together; a sentence if it does not.
const char *misuse(const QuantizeArguments &a) {
    if (a.automatic && a.memory == 0) return "--auto needs --memory, the size that the file may have, such as 3GB.";
    if (a.automatic && !a.type.empty()) return "--auto chooses the types itself; leave --type out.";
    if (!a.automatic && (a.memory != 0 || !a.text.empty() || a.planOnly || a.json))
        return "--memory, --text, --dry-run and --json belong to --auto.";
    if (a.automatic && a.options.output.empty() && !a.planOnly) return "name the file to write, or --dry-run.";
    if (a.options.output.empty() && a.options.mmproj.empty() && !a.planOnly) return "name the file to write, or --mmproj.";
    return nullptr;
}

int runQuantize(const QuantizeArguments &a, Terminal &terminal) {
    if (const char *sentence = misuse(a)) {
        terminal.say(std::string("facet-cli: ") + sentence);
        return kUsage;
    }
    if (a.automatic) return runAuto(a, terminal);
    QuantizeOptions options = a.options;
    options.type = quantizeTypeOf(a.type).value_or(QuantizeType::Q4_K_M);
    const InterruptGuard interrupt;
    Percent percent(terminal);
    const auto progress = [&](std::uint64_t done, std::uint64_t total) { percent("quantising", done, total); };
    const Result<QuantizeReport> report = quantizeModel(options, progress, interrupt.token());
    terminal.clearProgress();
    if (!report) return terminal.fail(report.error(), kModelProblem);
    for (const std::string &note : report->notes) terminal.say(note);
    terminal.write(filesText(options, *report));
    return terminal.broken() ? kFailed : kDone;
}

} // namespace

void addQuantize(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<QuantizeArguments>();
    CLI::App *verb = app.add_subcommand("quantize", "Make a smaller GGUF file of a model");
    verb->add_option("input", a->options.input, "Model folder or .gguf file")->required();
    verb->add_option("output", a->options.output, "The .gguf file to write");
    verb->add_option("--type", a->type, "q8_0, q6_k, q5_k_m, q5_k, q4_k_m (default), q4_k or q4_0")
        ->check(CLI::IsMember({"q8_0", "q4_0", "q4_k", "q5_k", "q6_k", "q4_k_m", "q5_k_m"}));
    verb->add_flag("--auto", a->automatic, "Choose the type of every tensor by what the model's answers lose on a text");
    verb->add_option_function<std::string>(
            "--memory", [a](const std::string &text) { a->memory = sizeFromText(text).value_or(0); },
            "With --auto: the size that the file may have, such as 3GB")
        ->check([](const std::string &text) { return sizeFromText(text) ? std::string() : "a size such as 3GB or 900M"; });
    verb->add_option("--text", a->text, "With --auto: the text to measure on, a file or -; without it a built-in one");
    verb->add_flag("--dry-run", a->planOnly, "With --auto: say what would be chosen and write nothing");
    verb->add_flag("--json", a->json, "With --auto: one JSON object with every tensor");
    verb->add_option("--mmproj", a->options.mmproj, "Also write the parts that see and hear to this .gguf file");
    verb->add_option("--threads", a->options.threads, "Worker threads; 0: all cores")->check(CLI::Range(0, 1024));
    verb->add_flag("--force", a->options.overwrite, "Replace files that exist");
    verb->footer("Examples:\n"
                 "  facet-cli quantize gemma-4-E2B-it e2b-q4.gguf --mmproj mmproj-e2b.gguf\n"
                 "  facet-cli quantize gemma-4-E2B-it e2b-3gb.gguf --auto --memory 3GB\n"
                 "  facet-cli quantize gemma-4-E2B-it --auto --memory 2.5GB --text letters.txt --dry-run\n"
                 "  facet-cli quantize model-bf16.gguf model-q6.gguf --type q6_k");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runQuantize(*a, terminal); }; });
}

} // namespace facet::cli
