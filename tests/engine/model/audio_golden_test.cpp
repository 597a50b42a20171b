#include "engine/model/vision_audio_support.h"

#include "facet/media/prepare.h"

#include <filesystem>
#include <utility>

using namespace facet;

namespace {

AudioInput goldenSound(const test::GoldenCase &golden) {
    const std::string clip = std::filesystem::path(golden.json["audio"].get<std::string>()).stem().string();
    const std::vector<float> samples = test::goldenSamples(test::readGolden("audio_" + clip));
    Result<AudioInput> input = media::prepareAudio(samples, AudioInfo{});
    if (!input) FAIL(input.error().describe());
    return std::move(input).value();
}

void checkCase(const std::string &name, InstructionSet isa) {
    const test::GoldenCase golden = test::readGolden(name);
    const Checkpoint checkpoint = test::fixtureCheckpoint(golden.json["checkpoint"]);
    test::Machine machine(isa, 1);
    const Result<AudioTower> tower = AudioTower::load(checkpoint, machine.exec);
    REQUIRE_MESSAGE(tower, tower.error().describe());
    const AudioInput sound = goldenSound(golden);
    CHECK(AudioTower::softTokenCount(sound) == golden.json["soft_tokens"].get<int>());

    test::Stages stages;
    const Result<std::vector<float>> soft = tower->encode(machine.exec, sound, test::keepIn(stages));
    REQUIRE(soft);
    CHECK(*soft == stages["soft_tokens"].data);
    std::size_t layers = 0;
    for (const auto &[tensor, reference] : golden.tensors) {
        if (tensor == "frame_index" || tensor == "frame_mask") continue;
        CAPTURE(tensor);
        const bool convolution = tensor == "conv1_rows0_8";
        const std::string stageName = convolution ? "conv1" : tensor;
        REQUIRE(stages.count(stageName) == 1);
        const test::Stage &stage = stages[stageName];
        if (convolution) {
            REQUIRE(reference.values.size() <= stage.data.size());
            CHECK(test::judge(golden, tensor, stage.data.data(), reference.values.size()) == "");
            continue;
        }
        CHECK(test::judgeRows(golden, tensor, stage.data, stage.rows, stage.width,
                              golden.has("frame_index") ? &golden["frame_index"] : nullptr) == "");
        layers += tensor.rfind("layer_", 0) == 0 && tensor.find('.') == std::string::npos;
    }
    CHECK(layers == static_cast<std::size_t>(checkpoint.config.audio->layerCount));
}

}  // namespace

TEST_CASE("golden: every stage of the sound encoder, scalar and on the best instruction set") {
    for (const std::string &name : test::goldenCases("audiotower_")) {
        for (const InstructionSet isa : test::instructionSets()) {
            CAPTURE(name);
            CAPTURE(kernelsFor(isa).name);
            checkCase(name, isa);
        }
    }
}

TEST_CASE("golden: soft tokens with other attention windows than the released models have") {
    const test::GoldenCase golden = test::readGolden("audio_windows_hf");
    AudioInput sound;
    sound.frames = static_cast<int>(golden["mel"].rows());
    sound.melBins = static_cast<int>(golden["mel"].width());
    const auto &mel = golden["mel"].values;
    sound.mel.assign(mel.begin(), mel.end());
    for (const auto &[chunk, left] : {std::pair{12, 13}, {8, 13}, {12, 9}, {5, 4}}) {
        const std::string name = "soft_" + std::to_string(chunk) + "_" + std::to_string(left);
        CAPTURE(name);
        Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
        checkpoint.config.audio->chunkSize = chunk;
        checkpoint.config.audio->contextLeft = left;
        test::Machine machine;
        const Result<AudioTower> tower = AudioTower::load(checkpoint, machine.exec);
        REQUIRE_MESSAGE(tower, tower.error().describe());
        const Result<std::vector<float>> soft = tower->encode(machine.exec, sound);
        REQUIRE(soft);
        const std::int64_t rows = golden[name].rows();
        const std::int64_t width = golden[name].width();
        const auto textWidth = static_cast<std::int64_t>(soft->size()) / rows;
        std::vector<float> part;
        for (std::int64_t row = 0; row < rows; ++row) part.insert(part.end(), soft->begin() + row * textWidth, soft->begin() + row * textWidth + width);
        CHECK(test::judge(golden, name, part.data(), part.size()) == "");
    }
}
