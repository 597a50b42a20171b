#include "engine/model/vision_audio_support.h"

#include "kernels/tables.h"

#include <cmath>

using namespace facet;

namespace {

AudioInput hum(int frames, int melBins = 128) {
    AudioInput audio;
    audio.frames = frames;
    audio.melBins = melBins;
    audio.mel.resize(static_cast<std::size_t>(std::max(frames, 0)) * static_cast<std::size_t>(melBins));
    for (std::size_t i = 0; i < audio.mel.size(); ++i) audio.mel[i] = -3.0F + 2.5F * std::sin(0.37F * static_cast<float>(i % 4099));
    return audio;
}

const std::string kLayer = "model.audio_tower.layers.1.";

}  // namespace

TEST_CASE("soft tokens for every length of the table") {
    const nlohmann::json table = test::readJson(test::fixturePath("golden/media/audio_lengths.json"));
    for (const auto &row : table["rows"]) {
        AudioInput audio;
        audio.frames = row[2];
        CHECK(AudioTower::softTokenCount(audio) == row[3].get<int>());
    }
    AudioInput wrong;
    wrong.frames = -7;
    CHECK(AudioTower::softTokenCount(wrong) == 0);
}

TEST_CASE("sounds of every short length are encoded, others are refused") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine;
    const Result<AudioTower> tower = AudioTower::load(checkpoint, machine.exec);
    REQUIRE_MESSAGE(tower, tower.error().describe());
    CHECK(tower->residentBytes() > 100'000);
    for (int frames = 1; frames <= 18; ++frames) {
        const AudioInput audio = hum(frames);
        const Result<std::vector<float>> soft = tower->encode(machine.exec, audio);
        REQUIRE(soft);
        CHECK(soft->size() == static_cast<std::size_t>(AudioTower::softTokenCount(audio)) * 256U);
    }
    AudioInput cut = hum(10);
    cut.mel.pop_back();
    AudioInput negative = hum(10);
    negative.frames = -10;
    AudioInput endless = hum(10);
    endless.frames = 2147483647;
    for (const AudioInput &audio : {hum(0), hum(10, 80), cut, negative, endless}) {
        const Result<std::vector<float>> soft = tower->encode(machine.exec, audio);
        REQUIRE_FALSE(soft);
        CHECK(soft.error().code == ErrorCode::InvalidArgument);
    }
}

TEST_CASE("the encoder is causal but for 30 ms: later sound does not change earlier tokens") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine one(InstructionSet::Auto, 1), three(InstructionSet::Auto, 3);
    const Result<AudioTower> tower = AudioTower::load(checkpoint, one.exec);
    REQUIRE(tower);
    const AudioInput whole = hum(600);  // several blocks of the subsampling
    AudioInput part = whole;
    part.frames = 403;
    part.mel.resize(403U * 128U);
    const std::vector<float> all = tower->encode(three.exec, whole).value();
    const std::vector<float> begin = tower->encode(one.exec, part).value();
    CHECK(all == tower->encode(one.exec, whole).value());
    // Token m reads frames up to 4 m + 3: those of the part see nothing of what follows.
    const std::size_t same = (403 - 3) / 4 * 256U;
    CHECK(std::equal(begin.begin(), begin.begin() + static_cast<std::ptrdiff_t>(same), all.begin()));
}

TEST_CASE("sound is multiplied in bfloat16 where the processor has such products") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine(InstructionSet::Scalar, 2);
    const Result<AudioTower> exact = AudioTower::load(checkpoint, machine.exec);
    const Result<AudioTower> tower = AudioTower::load(checkpoint, machine.exec, TowerArithmetic::Bfloat);
    REQUIRE(exact);
    REQUIRE(tower);
    machine.exec.reference = false;
    Kernels having = *machine.exec.kernels;
    having.bfloat = &kScalarBfloatKernels;
    Exec rounding = machine.exec;
    rounding.kernels = &having;
    const AudioInput sound = hum(150);
    const auto wanted = exact->encode(rounding, sound), unrounded = tower->encode(machine.exec, sound), rounded = tower->encode(rounding, sound);
    REQUIRE(wanted);
    REQUIRE(unrounded);
    REQUIRE(rounded);
    CHECK(*unrounded == *wanted);
    CHECK(*rounded != *wanted);
    CHECK(test::lowestCosine(*rounded, *wanted, AudioTower::softTokenCount(sound)) > 0.999);
}

TEST_CASE("cancelling stops between the parts of a layer") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine;
    const Result<AudioTower> tower = AudioTower::load(checkpoint, machine.exec);
    REQUIRE(tower);
    std::atomic<bool> cancel = false;
    machine.exec.cancel = &cancel;
    int parts = 0;
    const auto tap = [&](const std::string &name, const float *, std::int64_t, std::int64_t) {
        if (name == "layer_00.ffn1") cancel = true;
        if (name.rfind("layer_", 0) == 0) ++parts;
    };
    const Result<std::vector<float>> soft = tower->encode(machine.exec, hum(100), tap);
    REQUIRE_FALSE(soft);
    CHECK(soft.error().code == ErrorCode::Cancelled);
    CHECK(parts == 1);
    const Result<std::vector<float>> never = tower->encode(machine.exec, hum(100));
    REQUIRE_FALSE(never);
    CHECK(never.error().code == ErrorCode::Cancelled);
}

TEST_CASE("missing and misshapen tensors are named") {
    Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine;
    const auto base = checkpoint.weights;
    for (const std::string &name :
         {std::string("model.audio_tower.subsample_conv_projection.layer1.conv.weight"), kLayer + "self_attn.per_dim_scale",
          std::string("model.audio_tower.subsample_conv_projection.input_proj_linear.weight"),
          kLayer + "lconv1d.depthwise_conv1d.weight", kLayer + "self_attn.relative_k_proj.weight",
          kLayer + "feed_forward2.ffw_layer_2.linear.weight", std::string("model.audio_tower.output_proj.bias"),
          std::string("model.embed_audio.embedding_projection.weight")}) {
        CAPTURE(name);
        auto altered = std::make_shared<test::AlteredWeights>(base);
        altered->hide(name);
        checkpoint.weights = altered;
        const Result<AudioTower> missing = AudioTower::load(checkpoint, machine.exec);
        REQUIRE_FALSE(missing);
        CHECK(missing.error().code == ErrorCode::ModelFileCorrupt);
        CHECK(missing.error().detail.find(name) != std::string::npos);
        altered->replace(name, {2, 3}, std::vector<float>(6, 0.0F));
        const Result<AudioTower> misshapen = AudioTower::load(checkpoint, machine.exec);
        REQUIRE_FALSE(misshapen);
        CHECK(misshapen.error().detail.find(name) != std::string::npos);
    }
    checkpoint.weights = base;
    checkpoint.config.audio.reset();
    const Result<AudioTower> deaf = AudioTower::load(checkpoint, machine.exec);
    REQUIRE_FALSE(deaf);
    CHECK(deaf.error().code == ErrorCode::MediaUnsupported);
}
