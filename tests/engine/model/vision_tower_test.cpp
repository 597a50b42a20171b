#include "engine/model/vision_audio_support.h"

#include "kernels/tables.h"

#include <algorithm>
#include <cmath>
#include <thread>

using namespace facet;

namespace {

ImageInput noisePicture(int columns, int rows) {
    ImageInput image;
    image.columns = columns;
    image.rows = rows;
    std::uint32_t state = 99;
    image.patches.resize(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows) * 768);
    for (std::uint8_t &byte : image.patches) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<std::uint8_t>(state >> 24);
    }
    return image;
}

const std::string kLayer = "model.vision_tower.encoder.layers.1.";

}  // namespace

TEST_CASE("pictures that do not fit the model are refused") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine;
    const Result<VisionTower> tower = VisionTower::load(checkpoint, machine.exec);
    REQUIRE(tower);
    CHECK(tower->residentBytes() > 100'000);
    const auto refused = [&](const ImageInput &image) {
        const Result<std::vector<float>> soft = tower->encode(machine.exec, image);
        return !soft && soft.error().code == ErrorCode::InvalidArgument && !soft.error().detail.empty();
    };
    CHECK(tower->encode(machine.exec, noisePicture(3, 3)));
    CHECK(refused(noisePicture(0, 0)));
    CHECK(refused(noisePicture(4, 3)));
    CHECK(refused(noisePicture(3, 5)));
    ImageInput image = noisePicture(6, 3);
    image.patches.pop_back();
    CHECK(refused(image));
    image = noisePicture(6, 3);
    image.patchSize = 14;
    CHECK(refused(image));
    image = noisePicture(6, 3);
    image.columns = -6;
    image.rows = -3;
    CHECK(refused(image));
    image.columns = 2147483646;
    image.rows = 2147483646;
    CHECK(refused(image));
    CHECK(refused(noisePicture(1026, 3)));  // the position table has 1024 columns
}

TEST_CASE("the result depends neither on the threads nor on how a picture falls into blocks") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-26b-a4b");
    test::Machine one(InstructionSet::Auto, 1), three(InstructionSet::Auto, 3);
    const Result<VisionTower> tower = VisionTower::load(checkpoint, one.exec);
    REQUIRE(tower);
    const ImageInput image = noisePicture(39, 27);  // three blocks of patches, the last not full
    const Result<std::vector<float>> a = tower->encode(one.exec, image), b = tower->encode(three.exec, image);
    REQUIRE(a);
    REQUIRE(b);
    CHECK(*a == *b);
    CHECK(a->size() == 13U * 9U * 128U);
}

TEST_CASE("int8 products keep the directions of the soft tokens, whoever comes first") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine one(InstructionSet::Auto, 1), two(InstructionSet::Auto, 2);
    const Result<VisionTower> exact = VisionTower::load(checkpoint, one.exec);
    const Result<VisionTower> tower = VisionTower::load(checkpoint, one.exec, TowerArithmetic::Int8);
    REQUIRE(exact);
    REQUIRE(tower);
    const ImageInput image = noisePicture(36, 24);
    Result<std::vector<float>> a = Error{}, b = Error{};
    std::thread other([&] { b = tower->encode(two.exec, image); });
    a = tower->encode(one.exec, image);
    other.join();
    const Result<std::vector<float>> wanted = exact->encode(one.exec, image);
    REQUIRE(a);
    REQUIRE(b);
    REQUIRE(wanted);
    CHECK(*a == *b);
    CHECK(*a != *wanted);
    CHECK(test::lowestCosine(*a, *wanted, 96) > 0.999);
}

TEST_CASE("products of bfloat16 are taken where the processor has them, and nowhere else") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-26b-a4b");
    test::Machine machine(InstructionSet::Scalar, 2);
    const Result<VisionTower> exact = VisionTower::load(checkpoint, machine.exec);
    const Result<VisionTower> tower = VisionTower::load(checkpoint, machine.exec, TowerArithmetic::Bfloat);
    REQUIRE(exact);
    REQUIRE(tower);
    machine.exec.reference = false;
    Kernels having = *machine.exec.kernels;
    having.bfloat = &kScalarBfloatKernels;
    Kernels lacking = having;
    lacking.bfloat = nullptr;
    const auto encoded = [&](const VisionTower &some, const Kernels &kernels) {
        Exec exec = machine.exec;
        exec.kernels = &kernels;
        return some.encode(exec, noisePicture(12, 9));
    };
    const auto wanted = encoded(*exact, having), unrounded = encoded(*tower, lacking), rounded = encoded(*tower, having);
    REQUIRE(wanted);
    REQUIRE(unrounded);
    REQUIRE(rounded);
    CHECK(*unrounded == *wanted);
    CHECK(*rounded != *wanted);
    CHECK(test::lowestCosine(*rounded, *wanted, 12) > 0.999);
}

TEST_CASE("a stopped change to int8 goes on at the next picture") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine;
    const Result<VisionTower> tower = VisionTower::load(checkpoint, machine.exec, TowerArithmetic::Int8);
    const Result<VisionTower> whole = VisionTower::load(checkpoint, machine.exec, TowerArithmetic::Int8);
    REQUIRE(tower);
    std::atomic<bool> cancel = true;
    Exec stopped = machine.exec;
    stopped.cancel = &cancel;
    CHECK_FALSE(tower->encode(stopped, noisePicture(6, 6)));
    const Result<std::vector<float>> a = tower->encode(machine.exec, noisePicture(6, 6)), b = whole->encode(machine.exec, noisePicture(6, 6));
    REQUIRE(a);
    REQUIRE(b);
    CHECK(*a == *b);
}

TEST_CASE("cancelling stops between the layers") {
    const Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine;
    const Result<VisionTower> tower = VisionTower::load(checkpoint, machine.exec);
    REQUIRE(tower);
    std::atomic<bool> cancel = false;
    machine.exec.cancel = &cancel;
    int layers = 0;
    const auto tap = [&](const std::string &name, const float *, std::int64_t, std::int64_t) {
        if (name == "layer_00") cancel = true;
        if (name.rfind("layer_", 0) == 0) ++layers;
    };
    const Result<std::vector<float>> soft = tower->encode(machine.exec, noisePicture(12, 12), tap);
    REQUIRE_FALSE(soft);
    CHECK(soft.error().code == ErrorCode::Cancelled);
    CHECK(layers == 1);
}

TEST_CASE("missing and misshapen tensors are named") {
    Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine;
    const auto base = checkpoint.weights;
    for (const std::string &name :
         {std::string("model.vision_tower.patch_embedder.input_proj.weight"), kLayer + "self_attn.q_norm.weight",
          std::string("model.vision_tower.patch_embedder.position_embedding_table"), kLayer + "mlp.down_proj.linear.weight",
          kLayer + "post_attention_layernorm.weight", std::string("model.embed_vision.embedding_projection.weight")}) {
        CAPTURE(name);
        auto altered = std::make_shared<test::AlteredWeights>(base);
        altered->hide(name);
        checkpoint.weights = altered;
        const Result<VisionTower> missing = VisionTower::load(checkpoint, machine.exec);
        REQUIRE_FALSE(missing);
        CHECK(missing.error().code == ErrorCode::ModelFileCorrupt);
        CHECK(missing.error().detail.find(name) != std::string::npos);

        altered->replace(name, {3, 5}, std::vector<float>(15, 0.0F));
        const Result<VisionTower> misshapen = VisionTower::load(checkpoint, machine.exec);
        REQUIRE_FALSE(misshapen);
        CHECK(misshapen.error().code == ErrorCode::ModelFileCorrupt);
        CHECK(misshapen.error().detail.find(name) != std::string::npos);
    }
    checkpoint.weights = base;
    checkpoint.config.vision.reset();
    const Result<VisionTower> blind = VisionTower::load(checkpoint, machine.exec);
    REQUIRE_FALSE(blind);
    CHECK(blind.error().code == ErrorCode::MediaUnsupported);
}

TEST_CASE("bounds of a matrix are data: they apply when present and exclude each other never") {
    Checkpoint checkpoint = test::fixtureCheckpoint("tiny-e2b");
    test::Machine machine;
    const auto altered = std::make_shared<test::AlteredWeights>(checkpoint.weights);
    checkpoint.weights = altered;
    const ImageInput image = noisePicture(6, 6);
    const auto encode = [&] {
        const Result<VisionTower> tower = VisionTower::load(checkpoint, machine.exec);
        REQUIRE_MESSAGE(tower, tower.error().describe());
        return tower->encode(machine.exec, image).value();
    };
    const std::vector<float> clipped = encode();
    for (const char *part : {"input_min", "input_max", "output_min", "output_max"}) {
        altered->hide(kLayer + "mlp.up_proj." + part);
        altered->hide(kLayer + "self_attn.q_proj." + part);
    }
    const std::vector<float> free = encode();
    CHECK(clipped != free);
    CHECK(std::all_of(free.begin(), free.end(), [](float x) { return std::isfinite(x); }));
    altered->replace(kLayer + "mlp.up_proj.output_min", {}, {1.0F});
    altered->replace(kLayer + "mlp.up_proj.output_max", {}, {-1.0F});
    const Result<VisionTower> reversed = VisionTower::load(checkpoint, machine.exec);
    REQUIRE_FALSE(reversed);
    CHECK(reversed.error().detail.find("mlp.up_proj") != std::string::npos);
    altered->replace(kLayer + "mlp.up_proj.output_max", {}, {std::nanf("")});
    CHECK_FALSE(VisionTower::load(checkpoint, machine.exec));
}

TEST_CASE("the built-in model's encoder with pooling 2 runs") {
    Result<Checkpoint> checkpoint = openCheckpoint(test::resourcePath("demo-model"));
    REQUIRE_MESSAGE(checkpoint, checkpoint.error().describe());
    test::Machine machine;
    const Result<VisionTower> tower = VisionTower::load(*checkpoint, machine.exec);
    REQUIRE_MESSAGE(tower, tower.error().describe());
    const ImageInput image = noisePicture(14, 10);
    CHECK(tower->softTokenCount(image) == 35);
    const Result<std::vector<float>> soft = tower->encode(machine.exec, image);
    REQUIRE(soft);
    CHECK(soft->size() == 35U * static_cast<std::size_t>(checkpoint->config.text.hiddenSize));
}
