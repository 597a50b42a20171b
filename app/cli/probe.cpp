// facet-cli probe: the engine's numbers for comparison with the reference (probe.md).
#include "probe_case.h"
#include "verbs.h"

#include <CLI/CLI.hpp>

namespace facet::cli {

namespace {

int runProbe(const ProbeArguments &a, Terminal &terminal) {
    const bool lines = !a.jsonlKind.empty();
    if (lines == !a.caseFile.empty()) {
        terminal.say("facet-cli: give either --case or --jsonl.");
        return kUsage;
    }
    if (!a.drafter.empty() && a.model.empty()) {
        terminal.say("facet-cli: a drafter needs its model (--model).");
        return kUsage;
    }
    ModelFlags flags;
    flags.model = a.model;
    flags.mmproj = a.mmproj;
    flags.kv = a.kv;
    const Result<LoadOptions> load = loadOptions(flags); // many cases need no model at all, not even the built-in one
    LoadOptions options = load ? *load : LoadOptions{};
    options.tuningFolder.clear(); // numbers of the engine, not of this machine's choices
    options.isa = instructionSet(a.isa);
    options.referencePrecision = !a.quantised;
    const Status done = lines ? runProbeLines(a, options) : runProbeCase(a, options);
    if (!done) return terminal.fail(done.error(), kFailed);
    return kDone;
}

} // namespace

void addProbe(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<ProbeArguments>();
    auto lines = std::make_shared<std::vector<std::string>>();
    CLI::App *verb = app.add_subcommand("probe", "Write the engine's numbers for a reference case (app/cli/probe.md)");
    verb->add_option("--case", a->caseFile, "CASE.json");
    verb->add_option("--out", a->out, "Where the tensors go: OUT.safetensors (or .json, .jsonl)")->required();
    verb->add_option("--golden", a->golden, "CASE.safetensors: inputs and row selections");
    verb->add_option("--model", a->model, "Model folder or .gguf file");
    verb->add_option("--mmproj", a->mmproj, "Projector file");
    verb->add_option("--drafter", a->drafter, "Drafter folder");
    verb->add_option("--lora", a->lora, "Adapter folder");
    verb->add_option("--media", a->mediaFolder, "Folder of the cases' pictures, sounds and films");
    verb->add_option("--isa", a->isa, "auto, scalar, avx2, avx2_vnni, avx512 or avx512_vnni")
        ->check(CLI::IsMember({"auto", "scalar", "avx2", "avx2_vnni", "avx512", "avx512_vnni"}));
    verb->add_option("--kv", a->kv, "How keys and values are kept; auto: f32, with --quantised f16")
        ->check(CLI::IsMember({"auto", "f32", "f16", "q8_0", "q4_0", "q4_r"}));
    verb->add_flag("--quantised", a->quantised, "The product's arithmetic instead of float32");
    verb->add_option("--jsonl", *lines, "KIND CASES.jsonl with KIND tokenizer, chat, parse or detection")->expected(2);
    verb->footer(
        "Examples:\n"
        "  facet-cli probe --model tiny-e2b --case short.json --golden short.safetensors --out ours.safetensors\n"
        "  facet-cli probe --jsonl tokenizer tokenizer.jsonl --model tiny-e2b --out ours.jsonl");
    verb->callback([a, lines, &chosen] {
        chosen = [a, lines](Terminal &terminal) -> int {
            if (lines->size() == 2) {
                a->jsonlKind = lines->front();
                a->jsonlFile = lines->back();
                const std::string &kind = a->jsonlKind;
                if (kind != "tokenizer" && kind != "chat" && kind != "parse" && kind != "detection") {
                    terminal.say("facet-cli: --jsonl knows tokenizer, chat, parse and detection.");
                    return kUsage;
                }
            }
            return runProbe(*a, terminal);
        };
    });
}

} // namespace facet::cli
