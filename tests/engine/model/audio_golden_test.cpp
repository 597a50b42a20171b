#include "engine/model/vision_audio_support.h"

#include "facet/media/prepare.h"

#include <filesystem>

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
    const Result<AudioTower> tower = AudioTower::load(checkpoint, machine.exec, WeightType::AsStored);
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
