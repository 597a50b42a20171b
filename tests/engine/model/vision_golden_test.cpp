#include "engine/model/vision_audio_support.h"
#include "media/prepare/png_reader.h"

#include <filesystem>

using namespace facet;

namespace {

// A picture of a case as probe.md says: decoded/NAME.png where that exists, else the file itself.
ImageInput goldenPicture(const test::GoldenCase &golden, const VisionConfig &config) {
    const std::filesystem::path file = golden.json["image"].get<std::string>();
    std::string path = test::fixturePath("media/decoded/" + file.stem().string() + ".png");
    if (!std::filesystem::exists(path)) path = test::fixturePath(file.string());
    VisionInfo info;
    info.patchSize = config.patchSize;
    info.poolingKernel = config.poolingKernel;
    info.positionTableSize = config.positionTableSize;
    Result<ImageInput> input = media::prepareImage(test::readPng(path), golden.json["budget"], info);
    if (!input) FAIL(input.error().describe());
    return std::move(input).value();
}

void checkCase(const std::string &name, InstructionSet isa) {
    const test::GoldenCase golden = test::readGolden(name);
    const Checkpoint checkpoint = test::fixtureCheckpoint(golden.json["checkpoint"]);
    test::Machine machine(isa, 1);
    const Result<VisionTower> tower = VisionTower::load(checkpoint, machine.exec);
    REQUIRE_MESSAGE(tower, tower.error().describe());
    const ImageInput image = goldenPicture(golden, *checkpoint.config.vision);
    CHECK(tower->softTokenCount(image) == golden.json["soft_tokens"].get<int>());
    CHECK(image.columns * image.rows == golden.json["patches"].get<int>());

    test::Stages stages;
    const Result<std::vector<float>> soft = tower->encode(machine.exec, image, test::keepIn(stages));
    REQUIRE(soft);
    CHECK(*soft == stages["soft_tokens"].data);
    const bool chosen = golden.has("patch_index");
    std::size_t judged = 0;
    for (const auto &[tensor, reference] : golden.tensors) {
        if (tensor == "patch_index") continue;
        CAPTURE(tensor);
        REQUIRE(stages.count(tensor) == 1);
        const test::Stage &stage = stages[tensor];
        const bool perPatch = stage.rows == image.columns * image.rows;
        CHECK(test::judgeRows(golden, tensor, stage.data, stage.rows, stage.width,
                              chosen && perPatch ? &golden["patch_index"] : nullptr) == "");
        ++judged;
    }
    CHECK(judged == stages.size());
}

}  // namespace

TEST_CASE("golden: every stage of the picture encoder, scalar and on the best instruction set") {
    for (const std::string &name : test::goldenCases("vision_")) {
        for (const InstructionSet isa : test::instructionSets()) {
            CAPTURE(name);
            CAPTURE(kernelsFor(isa).name);
            checkCase(name, isa);
        }
    }
}
