// Adapters on the encoders: every linear layer of both towers takes its pair, off means untouched.
#include "adapter_support.h"

#include "model/audio_weights.h"
#include "model/towers.h"
#include "model/vision_weights.h"

#include <doctest/doctest.h>

using namespace facet;
using namespace facet::test;

namespace {

ImageInput somePicture(const VisionConfig &config) {
    ImageInput image;
    image.patchSize = config.patchSize;
    image.columns = 2 * config.poolingKernel;
    image.rows = config.poolingKernel;
    image.patches.resize(static_cast<std::size_t>(image.columns * image.rows * image.patchSize * image.patchSize * 3));
    for (std::size_t i = 0; i < image.patches.size(); ++i) image.patches[i] = static_cast<std::uint8_t>(i * 37 % 251);
    return image;
}

AudioInput someSound(const AudioConfig &config) {
    AudioInput audio;
    audio.frames = 40;
    audio.melBins = config.melBins;
    for (int i = 0; i < audio.frames * audio.melBins; ++i)
        audio.mel.push_back(static_cast<float>(i * 31 % 97) * 0.05F - 3.0F);
    return audio;
}

// The first layer's modules and those outside the layers.
std::vector<LoraModule> chosen(const std::vector<LoraModule> &all) {
    std::vector<LoraModule> out;
    for (const LoraModule &module : all)
        if (module.name.find("layers.") == std::string::npos || module.name.find("layers.0.") != std::string::npos)
            out.push_back(module);
    return out;
}

template <typename Tower, typename Input>
void checkModules(Tower &tower, const Exec &exec, const Input &input, const std::vector<LoraModule> &modules) {
    const auto plain = tower.encode(exec, input);
    REQUIRE(plain);
    for (const LoraModule &module : chosen(modules)) {
        INFO(module.name);
        AdapterFolder folder("tower");
        folder.addPair(module.name, module.matrix->rows, module.matrix->cols, 2, 7);
        folder.write({{"lora_alpha", 4}});
        const std::vector<AdapterOption> options = {{folder.path(), 1.0F}};
        auto set = LoraSet::open(options);
        REQUIRE(set);
        REQUIRE(tower.attach(*set));
        CHECK(set->checkAllUsed(TextConfig{}));
        const std::vector<float> off = {0.0F}, on = {1.0F};
        CHECK(*tower.encode(exec, input, {}, off) == *plain);
        const auto adapted = tower.encode(exec, input, {}, on);
        REQUIRE(adapted);
        CHECK(*adapted != *plain);
    }
    LoraSet none;
    REQUIRE(tower.attach(none));
    CHECK(*tower.encode(exec, input) == *plain);
}

} // namespace

TEST_CASE("pictures: every linear layer takes an adapter") {
    for (const char *name : {"tiny-e2b", "tiny-31b"}) {
        const TextRig rig = TextRig::open(name);
        auto tower = VisionTower::load(rig.checkpoint, rig.exec);
        auto weights = VisionWeights::load(rig.checkpoint);
        REQUIRE(tower);
        REQUIRE(weights);
        checkModules(*tower, rig.exec, somePicture(weights->config), weights->loraModules());
    }
}

TEST_CASE("sounds: every linear layer takes an adapter") {
    const TextRig rig = TextRig::open("tiny-e2b");
    auto tower = AudioTower::load(rig.checkpoint, rig.exec);
    auto weights = AudioWeights::load(rig.checkpoint, rig.exec);
    REQUIRE(tower);
    REQUIRE(weights);
    checkModules(*tower, rig.exec, someSound(weights->config), weights->loraModules());
}
