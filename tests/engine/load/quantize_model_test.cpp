// Folders and GGUF files made into quantised GGUF files, read back with the loader.
#include "load_support.h"

#include "facet/quantize.h"
#include "kernels/quant_blocks.h"
#include "load/gguf.h"
#include "load/gguf_names.h"
#include "load/gguf_writer.h"
#include "load/quantize_plan.h"
#include "load/weights.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

using namespace facet;
using namespace facet::test;
namespace fs = std::filesystem;

namespace {

std::string modelPath(const char *name) { return (fixtures() / "checkpoints" / name).string(); }

template <typename T>
void requireGood(const Result<T> &result) {
    INFO((result ? std::string() : result.error().describe()));
    REQUIRE(result.hasValue());
}

std::map<std::string, TensorType> typesOf(const GgufFile &file) {
    std::map<std::string, TensorType> types;
    for (const GgufTensor &tensor : file.tensors()) types[tensor.info.name] = tensor.info.type;
    return types;
}

std::vector<float> valuesOf(const Matrix &w) {
    std::vector<float> values(static_cast<std::size_t>(w.rows * w.cols));
    for (std::int64_t r = 0; r < w.rows; ++r)
        kernelsFor(InstructionSet::Scalar).dequantise(w.type, w.row(r), w.cols, values.data() + r * w.cols);
    return values;
}

Matrix wholeMatrix(const WeightSource &source, const TensorInfo &info) {
    std::int64_t rows = 1;
    for (std::size_t i = 0; i + 1 < info.shape.size(); ++i) rows *= info.shape[i];
    auto matrix = source.matrix(info.name, rows, info.shape.back());
    INFO(info.name);
    REQUIRE(matrix.hasValue());
    return *matrix;
}

double errorShare(const std::vector<float> &a, const std::vector<float> &b) {
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double off = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        error += off * off;
        size += static_cast<double>(b[i]) * static_cast<double>(b[i]);
    }
    return size > 0 ? std::sqrt(error / size) : std::sqrt(error);
}

} // namespace

TEST_CASE("a folder as Q8_0: the loader sees the same model, matrices are the folder's rounded once") {
    for (const char *name : {"tiny-e2b", "tiny-26b-a4b", "tiny-31b"}) {
        CAPTURE(name);
        const TemporaryFolder folder;
        QuantizeOptions options{.input = modelPath(name), .output = folder.path("out.gguf"), .type = QuantizeType::Q8_0};
        auto original = openCheckpoint(options.input);
        requireGood(original);
        if (original->config.vision) options.mmproj = folder.path("mmproj-out.gguf");
        std::uint64_t last = 0;
        std::uint64_t whole = 0;
        const auto report = quantizeModel(options, [&](std::uint64_t done, std::uint64_t total) {
            CHECK(done >= last);
            last = done;
            whole = total;
        });
        requireGood(report);
        CHECK(last == whole);
        CHECK(report->outputBytes == fs::file_size(options.output));
        CHECK_FALSE(fs::exists(options.output + ".partial"));
        auto written = openCheckpoint(options.output, options.mmproj);
        requireGood(written);

        const ModelConfig &a = original->config;
        const ModelConfig &b = written->config;
        CHECK(b.architecture == a.architecture);
        CHECK(b.text.vocabularySize == a.text.vocabularySize);
        CHECK(b.text.doubleWideMlp == a.text.doubleWideMlp);
        CHECK(b.text.perLayerInputSize == a.text.perLayerInputSize);
        CHECK(b.text.sharedKvLayers == a.text.sharedKvLayers);
        CHECK(b.text.logitSoftcap == a.text.logitSoftcap);
        CHECK(b.text.experts == a.text.experts);
        CHECK(b.stopIds == a.stopIds);
        CHECK(written->chatTemplate == original->chatTemplate);
        REQUIRE(b.text.layers.size() == a.text.layers.size());
        for (std::size_t i = 0; i < a.text.layers.size(); ++i) {
            CHECK(b.text.layers[i].sliding == a.text.layers[i].sliding);
            CHECK(b.text.layers[i].headDim == a.text.layers[i].headDim);
            CHECK(b.text.layers[i].kvHeads == a.text.layers[i].kvHeads);
            CHECK(b.text.layers[i].keyIsValue == a.text.layers[i].keyIsValue);
        }
        REQUIRE(b.text.fullFrequencies.size() == a.text.fullFrequencies.size());
        for (std::size_t j = 0; j < a.text.fullFrequencies.size(); ++j)
            CHECK(b.text.fullFrequencies[j] == doctest::Approx(a.text.fullFrequencies[j]).epsilon(1e-6));
        CHECK(b.vision.has_value() == a.vision.has_value());
        CHECK(b.audio.has_value() == a.audio.has_value());
        if (a.vision) {
            CHECK(b.vision->clippedLinears == a.vision->clippedLinears);
            CHECK(b.vision->standardize == a.vision->standardize);
        }

        // Every tensor of the new file against the one it comes from.
        int compared = 0;
        for (const TensorInfo &info : written->weights->tensors()) {
            CAPTURE(info.name);
            if (info.name == "rope_freqs.weight") continue; // made of the configuration
            const TensorInfo *from = original->weights->find(info.name);
            REQUIRE(from != nullptr);
            if (from->shape.empty()) continue;
            if (info.name.ends_with("per_dim_scale")) continue; // stored as softplus: another test
            const Matrix stored = wholeMatrix(*original->weights, *from);
            const Matrix now = wholeMatrix(*written->weights, info);
            std::vector<float> wanted = valuesOf(stored);
            if (now.type == TensorType::Q8_0) {
                std::vector<std::byte> row(static_cast<std::size_t>(rowBytes(now.type, now.cols)));
                int wrong = 0;
                for (std::int64_t r = 0; r < now.rows; ++r) {
                    quantiseRowToBlocks(now.type, wanted.data() + r * now.cols, now.cols, row.data());
                    wrong += std::equal(row.begin(), row.end(), now.row(r)) ? 0 : 1;
                }
                CHECK(wrong == 0);
            } else {
                CHECK(valuesOf(now) == wanted);
            }
            ++compared;
        }
        CHECK(compared > 50);
    }
}

TEST_CASE("what the format of projectors has no key for comes back all the same") {
    const TemporaryFolder folder;
    fs::copy(modelPath("tiny-e2b"), folder.path("model"), fs::copy_options::recursive);
    auto config = nlohmann::json::parse(readAll(folder.path("model/config.json")));
    config["audio_config"].update({{"attention_context_left", 4}, {"attention_chunk_size", 8}, {"attention_logit_cap", 30.0},
                                   {"residual_weight", 0.25}, {"rms_norm_eps", 1e-5}});
    config["vision_config"]["rope_parameters"]["rope_theta"] = 200.0;
    config["vision_config"]["default_output_length"] = 140;
    folder.write("model/config.json", config.dump());
    const QuantizeOptions options{.input = folder.path("model"), .output = folder.path("out.gguf"),
                                  .mmproj = folder.path("mmproj-out.gguf"), .type = QuantizeType::Q8_0};
    requireGood(quantizeModel(options));
    const auto written = openCheckpoint(options.output, options.mmproj);
    requireGood(written);
    REQUIRE(written->config.audio);
    CHECK(written->config.audio->contextLeft == 4);
    CHECK(written->config.audio->chunkSize == 8);
    CHECK(written->config.audio->logitCap == 30.0F);
    CHECK(written->config.audio->residualWeight == 0.25F);
    CHECK(written->config.audio->rmsNormEps == 1e-5F);
    REQUIRE(written->config.vision);
    CHECK(written->config.vision->ropeTheta == 200.0);
    CHECK(written->config.vision->defaultBudget == 140);
}

TEST_CASE("the scales of audio heads come back through softplus and its inverse") {
    const TemporaryFolder folder;
    const QuantizeOptions options{.input = modelPath("tiny-e2b"), .output = folder.path("out.gguf"),
                                  .mmproj = folder.path("mmproj-out.gguf"), .type = QuantizeType::Q4_0};
    requireGood(quantizeModel(options));
    auto original = openCheckpoint(options.input);
    auto written = openCheckpoint(options.output, options.mmproj);
    requireGood(written);
    auto towers = GgufFile::open(options.mmproj);
    requireGood(towers);
    for (const auto &[name, type] : typesOf(*towers)) {
        CAPTURE(name);
        const bool bound = name.ends_with("_min") || name.ends_with("_max");
        CHECK((bound ? type == TensorType::F32 : type == TensorType::F32 || type == TensorType::Q8_0));
        if (name.ends_with("conv_pw1.weight") || name.ends_with("attn_q.weight")) CHECK(type == TensorType::Q8_0);
    }
    int compared = 0;
    for (const TensorInfo &info : original->weights->tensors()) {
        if (!info.name.ends_with("per_dim_scale")) continue;
        const auto wanted = original->weights->vector(info.name, info.shape.front());
        const auto got = written->weights->vector(info.name, info.shape.front());
        requireGood(got);
        for (std::size_t i = 0; i < wanted->size(); ++i) CHECK((*got)[i] == doctest::Approx((*wanted)[i]).epsilon(1e-4));
        ++compared;
    }
    CHECK(compared > 0);
}

TEST_CASE("mixes: types as they are customary, with fallbacks for short rows") {
    const TemporaryFolder folder;
    const QuantizeOptions options{.input = modelPath("tiny-e2b"), .output = folder.path("out.gguf"),
                                  .type = QuantizeType::Q4_K_M};
    const auto report = quantizeModel(options);
    requireGood(report);
    REQUIRE(report->notes.size() == 1);
    CHECK(report->notes[0].find("256") != std::string::npos);
    auto file = GgufFile::open(options.output);
    requireGood(file);
    CHECK(file->find("general.file_type")->integer() == 15);
    auto types = typesOf(*file);
    CHECK(types["token_embd.weight"] == TensorType::Q6_K);
    CHECK(types["per_layer_token_embd.weight"] == TensorType::Q8_0);
    CHECK(types["per_layer_model_proj.weight"] == TensorType::BF16);
    CHECK(types["blk.0.attn_q.weight"] == TensorType::Q4_K);
    CHECK(types["blk.0.attn_output.weight"] == TensorType::Q5_0); // rows of 128
    CHECK(types["blk.0.ffn_down.weight"] == TensorType::Q8_0);
    CHECK(types["blk.1.ffn_down.weight"] == TensorType::Q5_0);
    CHECK(types["blk.6.ffn_down.weight"] == TensorType::Q6_K);
    CHECK(types["blk.2.attn_v.weight"] == TensorType::Q6_K);
    CHECK(types["blk.1.attn_v.weight"] == TensorType::Q4_K);
    CHECK(types["blk.0.attn_norm.weight"] == TensorType::F32);
    CHECK(types.count("blk.9.attn_k.weight") == 0); // shares the keys of an earlier layer
    CHECK(types["rope_freqs.weight"] == TensorType::F32);

    auto original = openCheckpoint(options.input);
    auto written = openCheckpoint(options.output);
    requireGood(written);
    for (const TensorInfo &info : written->weights->tensors()) {
        if (isFloatType(info.type)) continue;
        CAPTURE(info.name);
        const std::vector<float> wanted = valuesOf(wholeMatrix(*original->weights, *original->weights->find(info.name)));
        CHECK(errorShare(valuesOf(wholeMatrix(*written->weights, info)), wanted) < 0.09);
    }
}

TEST_CASE("every type, and a drafter") {
    const TemporaryFolder folder;
    for (const char *type : {"q8_0", "q4_0", "q4_k", "q5_k", "q6_k", "q4_k_m", "q5_k_m"}) {
        CAPTURE(type);
        const auto kind = quantizeTypeOf(type);
        REQUIRE(kind.has_value());
        CHECK(std::string(quantizeTypeName(*kind)) == type);
        const QuantizeOptions options{.input = modelPath("tiny-e2b-assistant"), .output = folder.path(std::string(type) + ".gguf"),
                                      .type = *kind, .threads = 2};
        requireGood(quantizeModel(options));
        auto written = openCheckpoint(options.output);
        requireGood(written);
        CHECK(written->config.architecture == "gemma4_assistant");
        REQUIRE(written->config.drafter.has_value());
        CHECK(written->config.drafter->backboneSize == openCheckpoint(options.input)->config.drafter->backboneSize);
    }
    CHECK_FALSE(quantizeTypeOf("q3_k").has_value());
}

TEST_CASE("a GGUF file as the input keeps its keys and names") {
    const TemporaryFolder folder;
    const QuantizeOptions first{.input = modelPath("tiny-31b"), .output = folder.path("q8.gguf"), .type = QuantizeType::Q8_0};
    requireGood(quantizeModel(first));
    const QuantizeOptions second{.input = first.output, .output = folder.path("q5.gguf"), .type = QuantizeType::Q5_K_M};
    const auto report = quantizeModel(second);
    requireGood(report);
    CHECK(std::any_of(report->notes.begin(), report->notes.end(),
                      [](const std::string &note) { return note.find("already") != std::string::npos; }));
    auto a = GgufFile::open(first.output);
    auto b = GgufFile::open(second.output);
    requireGood(b);
    CHECK(a->keys().size() == b->keys().size());
    for (const std::string_view key : a->keys()) {
        CAPTURE(std::string(key));
        REQUIRE(b->find(key) != nullptr);
        if (key == "general.file_type") continue;
        CHECK(std::equal(a->find(key)->bytes.begin(), a->find(key)->bytes.end(), b->find(key)->bytes.begin(),
                         b->find(key)->bytes.end()));
    }
    CHECK(typesOf(*a).size() == typesOf(*b).size());
    requireGood(openCheckpoint(second.output));
    CHECK(fs::file_size(second.output) < fs::file_size(first.output));
}

TEST_CASE("what cannot be written leaves nothing behind") {
    const TemporaryFolder folder;
    const auto code = [&](const QuantizeOptions &options, const CancelToken &cancel = {}) {
        const auto report = quantizeModel(options, {}, cancel);
        REQUIRE_FALSE(report.hasValue());
        CHECK_FALSE(report.error().message.empty());
        return report.error().code;
    };
    QuantizeOptions options{.input = modelPath("tiny-31b"), .output = folder.write("there.gguf", "kept")};
    CHECK(code(options) == ErrorCode::InvalidArgument);
    CHECK(readAll(options.output) == "kept");
    CHECK_FALSE(fs::exists(options.output + ".partial"));
    const CancelToken cancel;
    cancel.cancel();
    options.overwrite = true;
    CHECK(code(options, cancel) == ErrorCode::Cancelled);
    CHECK(readAll(options.output) == "kept");
    CHECK_FALSE(fs::exists(options.output + ".partial"));
    requireGood(quantizeModel(options));
    CHECK(fs::file_size(options.output) > 1000);
    CHECK(code({.input = options.output, .output = options.output, .overwrite = true}) == ErrorCode::InvalidArgument);
    CHECK(code({.input = options.input, .output = folder.path("no/such/folder/x.gguf")}) == ErrorCode::FileWriteFailed);
    CHECK(code({.input = folder.path("nothing"), .output = folder.path("x.gguf")}) == ErrorCode::FileNotFound);
    CHECK(code({.input = options.input, .output = {}}) == ErrorCode::InvalidArgument);
    CHECK(code({.input = modelPath("tiny-e2b-assistant"), .output = {}, .mmproj = folder.path("m.gguf")}) ==
          ErrorCode::InvalidArgument);
    // A full disk.
    if (fs::exists("/dev/full")) {
        fs::create_symlink("/dev/full", folder.path("full.gguf.partial"));
        CHECK(code({.input = options.input, .output = folder.path("full.gguf")}) == ErrorCode::DiskFull);
        CHECK_FALSE(fs::exists(folder.path("full.gguf")));
    }
}

TEST_CASE("names of tensors lead to GGUF and back") {
    for (const char *name : {"tiny-e2b", "tiny-26b-a4b", "tiny-31b"}) {
        auto checkpoint = openCheckpoint(modelPath(name));
        requireGood(checkpoint);
        for (const TensorInfo &info : checkpoint->weights->tensors()) {
            CAPTURE(info.name);
            const auto gguf = ggufName(info.name, "model.language_model.");
            REQUIRE(gguf.has_value());
            const auto back = checkpointName(gguf->name, "model.language_model.");
            REQUIRE(back.has_value());
            CHECK(back->name == info.name);
            CHECK(back->rule == gguf->rule);
        }
    }
    CHECK_FALSE(ggufName("model.language_model.layers.0.mlp.something.weight", "model.language_model.").has_value());
    CHECK_FALSE(ggufName("masked_embedding.centroids.weight", "model.").has_value());
}
