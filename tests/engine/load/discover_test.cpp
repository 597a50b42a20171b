#include "facet/discover.h"

#include "gguf_support.h"
#include "load_support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

using namespace facet;
using namespace facet::test;

namespace {

namespace fs = std::filesystem;

std::string ggufOf(const char *architecture) { return GgufText().text("general.architecture", architecture).finish(); }

void put(const TemporaryFolder &folder, const std::string &name, std::string_view content) {
    fs::create_directories(fs::path(folder.path(name)).parent_path());
    folder.write(name, content);
}

std::vector<std::string> namesOf(const std::vector<FoundModel> &models) {
    std::vector<std::string> out;
    for (const auto &m : models) out.push_back(m.source + ": " + m.name);
    return out;
}

} // namespace

TEST_CASE("models of other programs are found where they lie") {
    const TemporaryFolder home;
    const std::string model = ggufOf("gemma4"), other = ggufOf("llama");
    // Hugging Face: links into blobs, a folder model, a foreign one, an unfinished one
    put(home, "hub/models--google--gemma-4-E2B-it/refs/main", "abc\n");
    put(home, "hub/models--google--gemma-4-E2B-it/snapshots/abc/config.json", R"({"model_type":"gemma4"})");
    put(home, "hub/models--google--gemma-4-E2B-it/snapshots/abc/model.safetensors", "12345678");
    put(home, "hub/models--x--llama/refs/main", "1");
    put(home, "hub/models--x--llama/snapshots/1/config.json", R"({"model_type":"llama"})");
    put(home, "hub/models--x--llama/snapshots/1/model.safetensors", "x");
    put(home, "hub/models--x--empty/snapshots/1/config.json", R"({"model_type":"gemma4"})");
    put(home, "hub/models--u--g-GGUF/blobs/123", model);
    fs::create_directories(home.path("hub/models--u--g-GGUF/snapshots/r1"));
    fs::create_symlink("../../blobs/123", home.path("hub/models--u--g-GGUF/snapshots/r1/g-Q4_K_M.gguf"));
    // LM Studio: projectors by name, parts counted once
    put(home, "lm/pub/g/gemma-4-Q8_0.gguf", model);
    put(home, "lm/pub/g/mmproj-gemma-4-F16.gguf", "GGUF");
    put(home, "lm/pub/split/big-00001-of-00002.gguf", model);
    put(home, "lm/pub/split/big-00002-of-00002.gguf", "1234");
    put(home, "lm/pub/other/llama.gguf", other);
    // Ollama
    const std::string digest(64, 'a'), projector(64, 'b');
    put(home, "ollama/manifests/registry.ollama.ai/library/gemma4/e2b",
        R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:)" + digest +
            R"("},{"mediaType":"application/vnd.ollama.image.projector","digest":"sha256:)" + projector + R"("}]})");
    put(home, "ollama/manifests/registry.ollama.ai/library/evil/1",
        R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../../etc/passwd"}]})");
    put(home, "ollama/manifests/registry.ollama.ai/library/broken/1", "{");
    put(home, "ollama/blobs/sha256-" + digest, ggufOf("gemma3"));
    put(home, "ollama/blobs/sha256-" + projector, "GGUF");
    // llama.cpp: one flat folder
    put(home, "llama/org_repo_gemma-3.gguf", ggufOf("gemma3"));
    put(home, "llama/notes.txt", "GGUF");
    put(home, "llama/damaged.gguf", "GGUF");

    ModelFolders folders;
    folders.huggingFace = home.path("hub");
    folders.lmStudio = {home.path("lm"), home.path("nowhere")};
    folders.ollama = {home.path("ollama")};
    folders.llamaCpp = home.path("llama");
    const auto found = discoverModels(folders);
    CHECK(namesOf(found) == std::vector<std::string>{"Hugging Face: g-Q4_K_M", "Hugging Face: google/gemma-4-E2B-it",
                                                     "LM Studio: big", "LM Studio: gemma-4-Q8_0", "Ollama: gemma4:e2b",
                                                     "llama.cpp: org_repo_gemma-3"});
    CHECK(found[1].bytes == 8);
    CHECK(found[2].bytes == model.size() + 4);
    CHECK(found[3].mmproj == home.path("lm/pub/g/mmproj-gemma-4-F16.gguf"));
    CHECK(found[3].bytes == model.size() + 4);
    CHECK(found[4].path == home.path("ollama/blobs/sha256-" + digest));
    CHECK(found[4].mmproj == home.path("ollama/blobs/sha256-" + projector));
    CHECK(discoverModels({}).empty());
}

TEST_CASE("what cannot be run by itself is told on request, with the reason") {
    using Role = FoundModel::Role;
    using Obstacle = FoundModel::Obstacle;
    const TemporaryFolder home;
    put(home, "hub/models--g--drafter/snapshots/1/config.json", R"({"model_type":"gemma4_assistant"})");
    put(home, "hub/models--g--drafter/snapshots/1/model.safetensors", "123");
    put(home, "hub/models--g--half/snapshots/1/config.json", R"({"model_type":"gemma4"})");
    put(home, "hub/models--g--half/snapshots/1/model.safetensors.index.json", "{}");
    put(home, "hub/models--g--half/snapshots/1/model-00001-of-00002.safetensors", "12");
    put(home, "hub/models--g--pipeline/snapshots/1/config.json", R"({"model_type":"other"})"); // holds no weights
    put(home, "hub/models--g--quants/snapshots/1/config.json", R"({"model_type":"gemma4"})"); // beside a GGUF file
    put(home, "hub/models--g--quants/snapshots/1/quant.gguf", ggufOf("gemma4"));
    put(home, "llama/assistant.gguf", ggufOf("gemma4-assistant"));
    put(home, "llama/damaged.gguf", "GGUF");
    put(home, "llama/llama.gguf", ggufOf("llama"));
    put(home, "llama/mmproj-model.gguf", ggufOf("clip"));
    put(home, "ollama/manifests/registry.ollama.ai/library/gone/1",
        R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:)" + std::string(64, 'c') +
            R"("}]})");
    ModelFolders folders;
    folders.huggingFace = home.path("hub");
    folders.llamaCpp = home.path("llama");
    folders.ollama = {home.path("ollama")};
    CHECK(namesOf(discoverModels(folders)) == std::vector<std::string>{"Hugging Face: quant"});

    const auto all = discoverModels(folders, DiscoverScope::Everything);
    const auto expect = [&](const char *name, Role role, Obstacle obstacle, bool gguf, const char *architecture) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const FoundModel &m) { return m.name == name; });
        INFO(name);
        REQUIRE(found != all.end());
        CHECK(found->role == role);
        CHECK(found->obstacle == obstacle);
        CHECK(found->gguf == gguf);
        CHECK(found->architecture == architecture);
    };
    CHECK(all.size() == 8);
    expect("g/drafter", Role::Drafter, Obstacle::None, false, "gemma4_assistant");
    expect("g/half", Role::Model, Obstacle::Incomplete, false, "gemma4");
    expect("quant", Role::Model, Obstacle::None, true, "gemma4");
    expect("assistant", Role::Drafter, Obstacle::None, true, "gemma4-assistant");
    expect("damaged", Role::Model, Obstacle::Damaged, true, "");
    expect("llama", Role::Model, Obstacle::OtherFamily, true, "llama");
    expect("mmproj-model", Role::Projector, Obstacle::None, true, "clip");
    expect("gone:1", Role::Model, Obstacle::Incomplete, true, "");
}
