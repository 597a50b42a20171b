// Types chosen by measurement: the plan keeps to its target, more memory never loses more, and the file is better than one
// of the same size whose matrices all have one type.
#include "run_support.h"

#include "facet/probe.h"
#include "facet/quantize.h"
#include "load/gguf.h"
#include "run/calibration.h"
#include "run/type_choice.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

using namespace facet;
using namespace facet::test;
namespace fs = std::filesystem;

namespace {

class Folder {
public:
    Folder() : m_path(fs::temp_directory_path() / ("facet-auto-" + std::to_string(std::random_device()()))) {
        fs::create_directories(m_path);
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    std::string path(const char *name) const { return (m_path / name).string(); }

private:
    fs::path m_path;
};

AutoQuantizeOptions planFor(const std::string &input, std::uint64_t bytes) {
    AutoQuantizeOptions options;
    options.files.input = input;
    options.files.threads = 2;
    options.targetBytes = bytes;
    options.planOnly = true;
    return options;
}

AutoQuantizeReport planned(const AutoQuantizeOptions &options) {
    auto report = autoQuantizeModel(options);
    INFO((report ? std::string() : report.error().describe()));
    REQUIRE(report);
    return std::move(*report);
}

// A talk of the demo model's that no calibration text holds.
const char *const kTalk = "<bos><|turn>user\nHow are you?<turn|>\n<|turn>model\nI am fine, thank you! What shall I read or "
                          "listen to?<turn|>\n<|turn>user\nWho are you?<turn|>\n<|turn>model\nI am the **demo model** of "
                          "this app.<turn|>\n";

std::vector<float> logits(const std::string &path, const std::string &text) {
    LoadOptions options;
    options.path = path;
    options.threads = 2;
    options.referencePrecision = true;
    const auto model = ProbeModel::load(options);
    REQUIRE(model);
    const auto ids = (*model)->tokenize(text, true);
    std::vector<std::int32_t> rows;
    for (std::size_t i = 0; i < ids.size(); ++i) rows.push_back(static_cast<std::int32_t>(i));
    const auto out = (*model)->text(ids, rows, 0);
    REQUIRE(out);
    return out->at("logits").floats;
}

// Kullback-Leibler divergence, mean over the positions.
double divergence(const std::vector<float> &exact, const std::vector<float> &other, std::size_t width) {
    REQUIRE(exact.size() == other.size());
    double sum = 0;
    for (std::size_t row = 0; row < exact.size(); row += width) {
        const auto logSum = [&](const std::vector<float> &x) {
            double total = 0;
            for (std::size_t i = row; i < row + width; ++i) total += std::exp(static_cast<double>(x[i]));
            return std::log(total);
        };
        const double p = logSum(exact), q = logSum(other);
        for (std::size_t i = row; i < row + width; ++i)
            sum += std::exp(exact[i] - p) * ((exact[i] - p) - (other[i] - q));
    }
    return sum / static_cast<double>(exact.size() / width);
}

} // namespace

TEST_CASE("the choice fits its bytes, never loses more with more of them, and is near the best there is") {
    std::mt19937 random(1);
    for (int round = 0; round < 30; ++round) {
        std::vector<std::vector<TypeOption>> options(std::uniform_int_distribution<std::size_t>(1, 7)(random));
        for (auto &each : options) {
            const auto size = std::uniform_int_distribution<std::uint64_t>(10, 4000)(random);
            double loss = std::exp(std::normal_distribution<double>(0, 3)(random));
            for (std::uint64_t bits = 2; bits <= 6; ++bits) {
                each.push_back({size * bits, loss});
                loss *= std::uniform_real_distribution<double>(0.05, 1.02)(random); // now and then a useless type
            }
            std::shuffle(each.begin(), each.end(), random);
        }
        const std::uint64_t least = leastBytes(options);
        CHECK_FALSE(chooseTypes(options, least - 1));
        double last = INFINITY;
        for (std::uint64_t bytes = least; bytes <= 3 * least + 10; bytes += least / 40 + 1) {
            const auto choice = chooseTypes(options, bytes);
            REQUIRE(choice);
            std::uint64_t sum = 0;
            double loss = 0;
            for (std::size_t i = 0; i < options.size(); ++i) {
                sum += options[i][choice->option[i]].bytes;
                loss += options[i][choice->option[i]].loss;
            }
            CHECK(sum == choice->bytes);
            CHECK(sum <= bytes);
            CHECK(loss == doctest::Approx(choice->loss));
            CHECK(choice->loss <= last);
            last = choice->loss;
        }
        const auto everything = chooseTypes(options, 3 * least);
        REQUIRE(everything);
        CHECK(everything->loss <= last);
        double best = 0;
        for (const auto &each : options) {
            best += std::min_element(each.begin(), each.end(), [](const auto &a, const auto &b) { return a.loss < b.loss; })->loss;
        }
        CHECK(everything->loss == doctest::Approx(best));
    }
}

TEST_CASE("columns that carry much count more") {
    auto checkpoint = openCheckpoint(demoModelPath());
    REQUIRE(checkpoint);
    auto calibration = Calibration::open(std::move(*checkpoint), builtinCalibrationText(), 2, {});
    REQUIRE(calibration);
    CHECK((*calibration)->tokens() > 200);
    const auto importance = (*calibration)->importance({});
    REQUIRE(importance);
    const auto &down = importance->at("model.language_model.layers.1.mlp.down_proj.weight");
    REQUIRE(down->parts.size() == 1);
    REQUIRE(down->parts[0].size() == 384);
    double sum = 0;
    for (const float x : down->parts[0]) {
        CHECK(x > 0);
        sum += x;
    }
    CHECK(sum / 384 == doctest::Approx(1.001).epsilon(1e-3)); // means of one, with a floor
    CHECK(importance->contains("model.language_model.embed_tokens.weight")); // as the head
    // Nothing exchanged, nothing lost.
    REQUIRE((*calibration)->keepAnswers(64));
    CHECK(*(*calibration)->divergence({}) == 0);
    CHECK_FALSE(Calibration::open(*openCheckpoint(demoModelPath()), "", 2, {}));
}

TEST_CASE("experts are told apart") {
    auto calibration = Calibration::open(*openCheckpoint(checkpointPath("tiny-26b-a4b")), builtinCalibrationText(), 2, {});
    REQUIRE(calibration);
    const auto importance = (*calibration)->importance({});
    REQUIRE(importance);
    const auto found = std::find_if(importance->begin(), importance->end(),
                                    [](const auto &each) { return each.first.ends_with("experts.down_proj"); });
    REQUIRE(found != importance->end());
    REQUIRE(found->second->parts.size() > 1);
    CHECK(found->second->parts[0] != found->second->parts[1]);
}

TEST_CASE("a demo file of about five bits a weight loses less than one type for all of the same size") {
    const Folder folder;
    const std::vector<float> exact = logits(demoModelPath(), kTalk);
    const std::size_t vocabulary = 640;
    for (const QuantizeType type : {QuantizeType::Q4_0, QuantizeType::Q4_K}) {
        const std::string name = quantizeTypeName(type);
        CAPTURE(name);
        const QuantizeOptions uniform{.input = demoModelPath(), .output = folder.path((name + ".gguf").c_str()), .type = type};
        REQUIRE(quantizeModel(uniform));
        AutoQuantizeOptions options = planFor(demoModelPath(), fs::file_size(uniform.output));
        options.planOnly = false;
        options.files.output = folder.path((name + "-auto.gguf").c_str());
        const AutoQuantizeReport report = planned(options);
        CHECK(fs::file_size(options.files.output) == report.bytes);
        CHECK(report.bytes <= options.targetBytes);
        CHECK(report.bytes > options.targetBytes * 98 / 100);
        REQUIRE(report.measuredLoss);
        CHECK(*report.measuredLoss < 0.1);
        const double one = divergence(exact, logits(uniform.output, kTalk), vocabulary);
        const double chosen = divergence(exact, logits(options.files.output, kTalk), vocabulary);
        MESSAGE(name, ": one type ", one, ", chosen types ", chosen, ", expected ", report.loss, ", measured ",
                *report.measuredLoss, ", ", report.bitsPerWeight, " bits a weight");
        CHECK(chosen < 0.6 * one);
        CHECK(loadEngine(options.files.output)->generate(ask("How are you?"))->content.find("fine") != std::string::npos);
    }
}

TEST_CASE("more memory never loses more, and what cannot be met is refused with the smallest size") {
    const std::string path = demoModelPath();
    const auto tooSmall = autoQuantizeModel(planFor(path, 1000));
    REQUIRE_FALSE(tooSmall);
    CHECK(tooSmall.error().code == ErrorCode::InvalidArgument);
    CHECK(tooSmall.error().message.find("smallest file of it has") != std::string::npos);
    AutoQuantizeOptions options = planFor(path, 1'000'000'000);
    options.text = "One line of text is enough to compare plans with each other.";
    const AutoQuantizeReport all = planned(options);
    CHECK(all.loss == 0);
    CHECK(all.bytes <= all.largestBytes);
    double last = INFINITY;
    for (const std::uint64_t bytes : {all.smallestBytes, (all.smallestBytes + all.largestBytes) / 2}) {
        options.targetBytes = bytes;
        const AutoQuantizeReport report = planned(options);
        CHECK(report.bytes <= bytes);
        CHECK(report.loss < last);
        CHECK(report.loss > 0);
        last = report.loss;
    }
    CHECK_FALSE(autoQuantizeModel(planFor(path, all.smallestBytes - 1)));
}

TEST_CASE("every kind of model can be planned, written and opened again; a GGUF file gets only smaller") {
    const Folder folder;
    for (const char *name : {"tiny-e2b", "tiny-26b-a4b", "tiny-31b"}) {
        CAPTURE(std::string(name));
        AutoQuantizeOptions options = planFor(checkpointPath(name), 1'000'000'000);
        options.text = "A few words are enough here."; // their vocabulary is large
        const AutoQuantizeReport largest = planned(options);
        options.targetBytes = (largest.smallestBytes + largest.largestBytes) / 2;
        options.planOnly = false;
        options.files.output = folder.path((std::string(name) + ".gguf").c_str());
        const AutoQuantizeReport report = planned(options);
        CHECK(fs::file_size(options.files.output) <= options.targetBytes);
        CHECK(loadEngine(options.files.output)->generate(ask("Hello"))->usage.promptTokens > 0);
        auto file = GgufFile::open(options.files.output);
        REQUIRE(file);
        for (const TensorChoice &choice : report.tensors) {
            const auto tensor = std::find_if(file->tensors().begin(), file->tensors().end(),
                                             [&](const GgufTensor &each) { return each.info.name == choice.name; });
            REQUIRE(tensor != file->tensors().end());
            CHECK(std::string(tensorTypeName(tensor->info.type)) == choice.type);
            CHECK(tensor->info.bytes == choice.bytes);
        }
        if (std::string(name) != "tiny-e2b") continue;
        // The file as the input: no tensor grows.
        AutoQuantizeOptions again = planFor(options.files.output, 1'000'000'000);
        again.text = options.text;
        const AutoQuantizeReport kept = planned(again);
        CHECK(kept.loss == 0);
        REQUIRE(kept.tensors.size() == report.tensors.size());
        for (std::size_t i = 0; i < report.tensors.size(); ++i) CHECK(kept.tensors[i].bytes == report.tensors[i].bytes);
    }
}

TEST_CASE("what cannot be chosen for is refused, and a stopped run leaves nothing") {
    const Folder folder;
    const auto refused = [](const AutoQuantizeOptions &options, const CancelToken &cancel = {}) {
        const auto report = autoQuantizeModel(options, {}, cancel);
        REQUIRE_FALSE(report);
        CHECK_FALSE(report.error().message.empty());
        return report.error().code;
    };
    CHECK(refused(planFor("/nowhere", 1'000'000)) == ErrorCode::FileNotFound);
    CHECK(refused(planFor(checkpointPath("tiny-e2b-assistant"), 1'000'000'000)) == ErrorCode::InvalidArgument);
    AutoQuantizeOptions options = planFor(demoModelPath(), 4'000'000);
    options.planOnly = false;
    CHECK(refused(options) == ErrorCode::InvalidArgument); // no name
    options.files.output = folder.path("there.gguf");
    std::ofstream(options.files.output) << "kept";
    CHECK(refused(options) == ErrorCode::InvalidArgument);
    options.files.output = folder.path("new.gguf");
    const CancelToken cancel;
    cancel.cancel();
    CHECK(refused(options, cancel) == ErrorCode::Cancelled);
    CHECK_FALSE(fs::exists(options.files.output));
    CHECK_FALSE(fs::exists(options.files.output + ".partial"));
}
