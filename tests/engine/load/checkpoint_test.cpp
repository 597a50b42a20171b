#include "load_support.h"

#include "facet/model_info.h"
#include "load/memory_plan.h"
#include "load/weights.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

using namespace facet;
using namespace facet::test;

namespace {

namespace fs = std::filesystem;

std::string checkpointPath(const std::string &name) { return (fixtures() / "checkpoints" / name).string(); }

Checkpoint opened(const std::string &path) {
    auto checkpoint = openCheckpoint(path);
    if (!checkpoint) FAIL(checkpoint.error().describe());
    return std::move(checkpoint).value();
}

void copyCheckpoint(const std::string &name, const TemporaryFolder &folder) {
    fs::copy(checkpointPath(name), folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

} // namespace

TEST_CASE("a checkpoint opens by its folder or by a file in it") {
    const Checkpoint c = opened(checkpointPath("tiny-e2b"));
    CHECK(c.name == "tiny-e2b");
    CHECK(c.config.text.layerCount == 10);
    CHECK(fs::exists(c.tokenizerFile));
    CHECK(c.chatTemplate == readAll(fixtures() / "checkpoints/tiny-e2b/chat_template.jinja"));
    CHECK(c.fileBytes == fs::file_size(fixtures() / "checkpoints/tiny-e2b/model.safetensors"));
    CHECK(c.weights->matrix("model.language_model.embed_tokens.weight", 2048, 256));
    for (const char *file : {"/config.json", "/model.safetensors", "/"}) {
        CHECK(opened(checkpointPath("tiny-e2b") + file).name == "tiny-e2b");
    }
}

TEST_CASE("a unified model is its text model, and says that its pictures and sound are not read") {
    const Checkpoint c = opened((fixtures() / "unified/checkpoints/tiny-unified").string());
    CHECK(c.config.architecture == "gemma4_unified");
    CHECK(c.config.text.layers[5].headDim == 32); // per_layer_config, as newer files spell it
    CHECK(c.config.text.layers[5].kvHeads == 1);
    const auto info = inspectModel((fixtures() / "unified/checkpoints/tiny-unified").string());
    REQUIRE(info);
    CHECK_FALSE(info->hasVision);
    CHECK_FALSE(info->hasAudio);
    CHECK(std::any_of(info->unsupported.begin(), info->unsupported.end(),
                      [](const std::string &line) { return line.find("Pictures and sound") != std::string::npos; }));
}

TEST_CASE("the chat template of tokenizer_config.json is the second choice") {
    const TemporaryFolder folder;
    copyCheckpoint("tiny-31b", folder);
    fs::remove(folder.path("chat_template.jinja"));
    CHECK(opened(folder.path()).chatTemplate.empty());
    folder.write("tokenizer_config.json", R"({"chat_template": "hello {{ name }}"})");
    CHECK(opened(folder.path()).chatTemplate == "hello {{ name }}");
    folder.write("tokenizer_config.json",
                 R"({"chat_template": [{"name":"tools","template":"t"},{"name":"default","template":"d"},7]})");
    CHECK(opened(folder.path()).chatTemplate == "d");
    folder.write("tokenizer_config.json", R"({"chat_template": 7})");
    CHECK(opened(folder.path()).chatTemplate.empty());
    folder.write("tokenizer_config.json", "{");
    CHECK(openCheckpoint(folder.path()).error().code == ErrorCode::ModelFileCorrupt);
}

TEST_CASE("what is no checkpoint is refused with what to do") {
    const TemporaryFolder folder;
    const auto refused = [](const std::string &path, ErrorCode code, const std::string &says) {
        const auto checkpoint = openCheckpoint(path);
        REQUIRE_FALSE(checkpoint);
        INFO(checkpoint.error().describe());
        CHECK(checkpoint.error().code == code);
        CHECK(checkpoint.error().describe().find(says) != std::string::npos);
        CHECK_FALSE(inspectModel(path));
    };
    refused("", ErrorCode::FileNotFound, "no such model");
    refused(folder.path("none"), ErrorCode::FileNotFound, "no such model");
    refused(folder.path(), ErrorCode::FileNotFound, "config.json");
    refused(folder.write("notes.txt", "x"), ErrorCode::ModelUnsupported, "notes.txt");
    refused(folder.write("model.gguf", "GGUF"), ErrorCode::ModelFileCorrupt, "model.gguf");
    refused(folder.path(), ErrorCode::ModelFileCorrupt, "model.gguf");
    refused(folder.write("blob", "GGUF"), ErrorCode::ModelFileCorrupt, "blob"); // known by its first bytes
    folder.write("other.gguf", "GGUF");
    refused(folder.path(), ErrorCode::ModelUnsupported, "model.gguf, other.gguf");
    fs::remove(folder.path("model.gguf"));
    fs::remove(folder.path("other.gguf"));
    refused(folder.write("mmproj-a.gguf", "GGUF"), ErrorCode::ModelFileCorrupt, "mmproj-a.gguf");
    refused(folder.path(), ErrorCode::FileNotFound, "only parts");
    fs::remove(folder.path("mmproj-a.gguf"));
    refused(checkpointPath("tiny-e2b-lora"), ErrorCode::ModelUnsupported, "adapter");

    copyCheckpoint("tiny-31b", folder);
    CHECK(openCheckpoint(folder.path()));
    // Without a tokenizer a folder can be looked at; loading it fails in its own words.
    fs::remove(folder.path("tokenizer.json"));
    const auto info = inspectModel(folder.path());
    REQUIRE(info);
    REQUIRE(info->unsupported.size() == 1);
    CHECK(info->unsupported.front().find("tokenizer.json") != std::string::npos);
    folder.write("tokenizer.json", "{}");
    const auto projector = openCheckpoint(folder.path(), "mmproj.gguf");
    REQUIRE_FALSE(projector);
    CHECK(projector.error().code == ErrorCode::InvalidArgument);
    fs::resize_file(folder.path("model.safetensors"), fs::file_size(folder.path("model.safetensors")) - 1);
    refused(folder.path(), ErrorCode::ModelFileCorrupt, "model.safetensors");
    fs::remove(folder.path("model.safetensors"));
    refused(folder.path(), ErrorCode::FileNotFound, "model.safetensors");
    folder.write("config.json", "{}");
    refused(folder.path(), ErrorCode::ModelUnsupported, "model_type");
}

TEST_CASE("inspecting tells what a model is from headers alone") {
    const auto info = inspectModel(checkpointPath("tiny-26b-a4b"));
    REQUIRE(info);
    CHECK(info->name == "tiny-26b-a4b");
    CHECK(info->architecture == "gemma4");
    CHECK(info->weightType == "BF16");
    CHECK(info->experts == 8);
    CHECK(info->activeExperts == 3);
    CHECK(info->hasVision);
    CHECK_FALSE(info->hasAudio);
    CHECK(info->contextLength == 0);
    CHECK_FALSE(info->demoModel);
    CHECK(info->unsupported.empty());
    REQUIRE(info->memory.size() == 1); // 4096 is all it has
    CHECK(info->memory[0].contextLength == 4096);
    CHECK(info->parameterCount * 2 <= info->fileBytes);
    CHECK(info->parameterCount * 2 > info->fileBytes * 9 / 10);
    CHECK(inspectModel(checkpointPath("tiny-26b-a4b"), WeightType::Q4_0)->weightType == "Q4_0");

    const auto drafter = inspectModel(checkpointPath("tiny-e2b-assistant"));
    REQUIRE(drafter);
    CHECK(drafter->unsupported.size() == 1);

    const char *resources = std::getenv("FACET_RESOURCES");
    REQUIRE(resources != nullptr);
    const auto demo = inspectModel(std::string(resources) + "/demo-model");
    REQUIRE(demo);
    CHECK(demo->demoModel);
    CHECK(demo->hasVision);
    CHECK(demo->hasAudio);
    CHECK(demo->vision.poolingKernel == 2);
    CHECK(demo->vision.defaultBudget == 70);
    CHECK(demo->unsupported.empty());
}

TEST_CASE("memory estimates grow with the context and shrink with quantisation") {
    const Checkpoint c = opened(checkpointPath("tiny-e2b"));
    const auto at = [&](WeightType weights, KvType kv, int context) { return estimateMemory(c, weights, kv, context); };
    const auto base = at(WeightType::AsStored, KvType::F16, 1024);
    const std::uint64_t table = c.weights->find("model.language_model.embed_tokens_per_layer.weight")->bytes;
    CHECK(base.weightBytes <= c.fileBytes - table);
    CHECK(base.weightBytes > 0);
    CHECK(base.textBytes() == base.programBytes + base.vocabularyBytes + base.weightBytes - base.towerBytes + base.kvBytes +
                                  base.workBytes);
    CHECK(base.totalBytes() == base.textBytes() + base.towerBytes + base.towerWorkBytes);
    CHECK(base.startBytes() < base.textBytes());
    CHECK(base.mappedBytes <= base.weightBytes);
    CHECK(base.mappedBytes > base.weightBytes * 9 / 10);
    CHECK(at(WeightType::Q8_0, KvType::F16, 1024).mappedBytes < base.mappedBytes);
    CHECK(at(WeightType::AsStored, KvType::Q8_0, 1024).kvBytes == base.kvBytes * 34 / 64);
    CHECK(at(WeightType::AsStored, KvType::Q4_0, 1024).kvBytes == base.kvBytes * 18 / 64);
    CHECK(at(WeightType::AsStored, KvType::Q4_R, 1024).kvBytes == base.kvBytes * 18 / 64);
    CHECK(at(WeightType::AsStored, KvType::F32, 1024).kvBytes == 2 * base.kvBytes);
    CHECK(at(WeightType::AsStored, KvType::Auto, 1024).kvBytes == base.kvBytes);
    CHECK(at(WeightType::AsStored, KvType::F16, 4096).kvBytes > base.kvBytes);
    // The towers stay as they are stored.
    std::uint64_t towers = 0;
    for (const auto &tensor : c.weights->tensors()) {
        if (tensor.name.find("language_model") == std::string::npos) towers += tensor.bytes;
    }
    CHECK(at(WeightType::Q8_0, KvType::F16, 1024).weightBytes - towers < (base.weightBytes - towers) * 3 / 5);
    CHECK(at(WeightType::Q4_0, KvType::F16, 1024).weightBytes < at(WeightType::Q8_0, KvType::F16, 1024).weightBytes);
}

TEST_CASE("the released models need what their figures say") {
    // hyperparameters.md: values of the cache that grow with the context, per token.
    const std::pair<const char *, std::uint64_t> table[] = {
        {"E2B", 3072}, {"E4B", 8192}, {"26B-A4B", 10240}, {"31B", 40960}};
    for (const auto &[name, values] : table) {
        const auto config =
            parseModelConfig(readAll(fixtures() / "real-configs" / name / "config.json"), "", "", "config.json");
        REQUIRE(config);
        const std::uint64_t grown =
            cacheBytes(config->text, CacheType::F16, 40000, 256) - cacheBytes(config->text, CacheType::F16, 30000, 256);
        CHECK(grown == 10000 * values * 2);
    }
}

TEST_CASE("available memory is the least of machine and control groups") {
    const TemporaryFolder root;
    const auto put = [&](const std::string &name, const std::string &text) {
        fs::create_directories(fs::path(root.path(name)).parent_path());
        root.write(name, text);
    };
    CHECK(availableMemoryUnder(root.path()) == 0);
    put("proc/meminfo", "MemTotal:  16000 kB\nMemAvailable:   8000 kB\n");
    CHECK(availableMemoryUnder(root.path()) == 8000 * 1024);
    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/b/memory.max", "max\n");
    put("sys/fs/cgroup/a/memory.max", "5000000\n");
    put("sys/fs/cgroup/a/memory.current", "3000000\n");
    CHECK(availableMemoryUnder(root.path()) == 2000000);
    put("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 1000000\n");
    CHECK(availableMemoryUnder(root.path()) == 3000000);
    put("sys/fs/cgroup/a/memory.current", "9000000\n");
    put("sys/fs/cgroup/a/memory.stat", "inactive_file 1\n");
    CHECK(availableMemoryUnder(root.path()) == 0);
    put("proc/self/cgroup", "5:cpu,memory:/x\n0::/\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "4000000\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000000\n");
    CHECK(availableMemoryUnder(root.path()) == 3000000);
    CHECK(availableMemoryBytes() > 0);
}

TEST_CASE("quantising agrees with the reference blocks") {
    auto file = SafetensorsFile::open((fixtures() / "gguf/blocks/blocks.safetensors").string());
    REQUIRE(file);
    WorkerPool pool(2);
    Exec exec;
    exec.kernels = &kernelsFor(InstructionSet::Auto);
    exec.pool = &pool;
    int compared = 0;
    for (const auto &tensor : file->tensors()) {
        const std::string &name = tensor.info.name; // quantise.TYPE.input and quantise.TYPE.blocks
        const bool q8 = name == "quantise.Q8_0.blocks";
        if (!q8 && name != "quantise.Q4_0.blocks") continue;
        const auto *rows = file->find(q8 ? "quantise.Q8_0.input" : "quantise.Q4_0.input");
        REQUIRE(rows);
        const std::int64_t cols = rows->info.shape.back();
        const Matrix w{TensorType::F32,
                       static_cast<std::int64_t>(rows->info.bytes) / 4 / cols,
                       cols,
                       file->data(*rows).data(),
                       file->owner(),
                       "w"};
        auto quantised = quantiseMatrix(exec, w, q8 ? WeightType::Q8_0 : WeightType::Q4_0);
        REQUIRE(quantised);
        CHECK(quantised->type == (q8 ? TensorType::Q8_0 : TensorType::Q4_0));
        const auto want = file->data(tensor);
        REQUIRE(static_cast<std::uint64_t>(rowBytes(quantised->type, cols) * w.rows) == want.size());
        CHECK(std::memcmp(quantised->data, want.data(), want.size()) == 0);
        ++compared;
    }
    CHECK(compared == 2);
}

TEST_CASE("matrices that cannot be quantised come back as they are") {
    WorkerPool pool(1);
    Exec exec;
    exec.kernels = &kernelsFor(InstructionSet::Auto);
    exec.pool = &pool;
    const std::vector<float> values(96, 1.0F);
    const auto *bytes = reinterpret_cast<const std::byte *>(values.data());
    const Matrix odd{TensorType::F32, 2, 48, bytes, nullptr, "odd"},
        even{TensorType::F32, 3, 32, bytes, nullptr, "even"};
    CHECK(quantiseMatrix(exec, odd, WeightType::Q8_0)->type == TensorType::F32);
    CHECK(quantiseMatrix(exec, even, WeightType::AsStored)->data == even.data);
    auto once = quantiseMatrix(exec, even, WeightType::Q8_0);
    REQUIRE(once);
    CHECK(once->name == "even");
    CHECK(quantiseMatrix(exec, *once, WeightType::Q4_0)->type == TensorType::Q8_0);
    const std::atomic<bool> stop{true};
    exec.cancel = &stop;
    CHECK(quantiseMatrix(exec, even, WeightType::Q8_0).error().code == ErrorCode::Cancelled);
}
