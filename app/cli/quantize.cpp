// facet-cli quantize: a model folder or GGUF file to a smaller GGUF file.
#include "facet/quantize.h"

#include "verbs.h"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace facet::cli {

namespace {

struct QuantizeArguments {
    QuantizeOptions options;
    std::string type = "q4_k_m";
};

std::string megabytes(std::uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
    return text;
}

int runQuantize(const QuantizeArguments &a, Terminal &terminal) {
    QuantizeOptions options = a.options;
    options.type = quantizeTypeOf(a.type).value_or(QuantizeType::Q4_K_M);
    if (options.output.empty() && options.mmproj.empty()) {
        terminal.say("facet-cli: name the file to write, or --mmproj.");
        return kUsage;
    }
    const InterruptGuard interrupt;
    int shown = -1;
    const auto progress = [&](std::uint64_t done, std::uint64_t total) {
        const int percent = total == 0 ? 100 : static_cast<int>(done * 100 / total);
        if (percent == shown) return;
        shown = percent;
        terminal.progress("quantising " + std::to_string(percent) + " %");
    };
    const Result<QuantizeReport> report = quantizeModel(options, progress, interrupt.token());
    terminal.clearProgress();
    if (!report) return terminal.fail(report.error(), kModelProblem);
    for (const std::string &note : report->notes) terminal.say(note);
    std::string line;
    if (report->outputBytes > 0) line += options.output + ": " + megabytes(report->outputBytes) + "\n";
    if (report->mmprojBytes > 0) line += options.mmproj + ": " + megabytes(report->mmprojBytes) + "\n";
    terminal.write(line);
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
    verb->add_option("--mmproj", a->options.mmproj, "Also write the parts that see and hear to this .gguf file");
    verb->add_option("--threads", a->options.threads, "Worker threads; 0: all cores")->check(CLI::Range(0, 1024));
    verb->add_flag("--force", a->options.overwrite, "Replace files that exist");
    verb->footer("Examples:\n"
                 "  facet-cli quantize gemma-4-E2B-it e2b-q4.gguf --mmproj mmproj-e2b.gguf\n"
                 "  facet-cli quantize model-bf16.gguf model-q6.gguf --type q6_k");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runQuantize(*a, terminal); }; });
}

} // namespace facet::cli
