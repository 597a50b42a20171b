// facet-cli serve: the host's only call.
#include "host/serve.h"

#include "flags.h"
#include "resources.h"
#include "verbs.h"

#include <CLI/CLI.hpp>

namespace facet::cli {

void addServe(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<host::ServeOptions>();
    auto weights = std::make_shared<std::string>("as_stored");
    CLI::App *verb = app.add_subcommand("serve", "Be an OpenAI-compatible server on this computer");
    verb->add_option("--model", a->modelPath, "Model folder; without it none is loaded until a client asks");
    verb->add_option("--weights", *weights, "as_stored, q8_0 or q4_0")
        ->check(CLI::IsMember({"as_stored", "q8_0", "q4_0"}));
    verb->add_option("--ctx", a->contextLength, "Context length in tokens; 0: the model's own, at most 8192")
        ->check(CLI::Range(0, 1 << 20));
    verb->add_option("--threads", a->threads, "Worker threads; 0: as measured here, or all cores")->check(CLI::Range(0, 1024));
    auto kv = std::make_shared<std::string>("auto");
    auto packed = std::make_shared<std::string>("auto");
    addPackFlag(*verb, *packed);
    addMemoryFlags(*verb, *kv, a->memoryLimitBytes);
    auto tune = std::make_shared<std::string>(defaultTune());
    addTuneFlag(*verb, *tune);
    verb->add_option("--drafter", a->drafter, "A drafter (\"assistant\") of this model: the same text, faster");
    auto adapters = std::make_shared<std::vector<std::string>>();
    verb->add_option("--lora", *adapters, "An adapter's folder, or FOLDER=SCALE (repeatable)")->allow_extra_args(false);
    verb->add_option("--cache-folder", a->cacheFolder,
                     "Where read pictures and conversations are kept over restarts; without it they are not");
    verb->add_option("--host", a->host, "127.0.0.1, localhost or ::1");
    verb->add_option("--port", a->port, "0: any free port")->check(CLI::Range(0, 65535))->capture_default_str();
    verb->add_option("--key", a->key, "Key that clients must send; without it a random one is printed");
    verb->add_flag("--private", a->privateLink,
                   "Key on standard input, port on standard output, ends with its input (for the window)");
    verb->footer("Examples:\n"
                 "  facet-cli serve --model gemma-4-E2B-it\n"
                 "  facet-cli serve --port 0 --key secret\n"
                 "  curl -H \"Authorization: Bearer secret\" http://127.0.0.1:8090/v1/models");
    verb->callback([a, weights, kv, packed, tune, adapters, &chosen] {
        chosen = [a, weights, kv, packed, tune, adapters](Terminal &) {
            a->weights = weightType(*weights);
            a->kv = kvType(*kv);
            a->packing = packing(*packed);
            a->tune = tuneMode(*tune);
            a->tuningFolder = tuningFolder();
            for (const std::string &adapter : *adapters) a->adapters.push_back(adapterOption(adapter));
            return host::runServe(*a);
        };
    });
}

} // namespace facet::cli
