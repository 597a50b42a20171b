// Loading the text model: every tensor is checked by name and shape, progress is told, stopping works; bad requests are
// refused.
#include "text_support.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace facet;
using namespace facet::test;

namespace {

struct Bench {
    WorkerPool pool{1};
    Exec exec;
    Bench() {
        exec.kernels = &kernelsFor(InstructionSet::Auto);
        exec.pool = &pool;
        exec.reference = true;
    }
};

Checkpoint open(const std::string &name) {
    auto checkpoint = openCheckpoint((fixtures() / "checkpoints" / name).string());
    REQUIRE(checkpoint);
    return std::move(checkpoint).value();
}

// The checkpoint with `from` replaced in the header's entry of one tensor (same length, so that nothing moves).
Checkpoint altered(const Checkpoint &original, const std::string &tensor, const std::string &from,
                   const std::string &to) {
    auto file = SafetensorsFile::open(original.path + "/model.safetensors");
    REQUIRE(file);
    auto bytes = std::make_shared<std::vector<std::byte>>(file->bytes().begin(), file->bytes().end());
    std::string header(reinterpret_cast<const char *>(bytes->data()) + 8, file->headerBytes() - 8);
    const auto entry = header.find("\"" + tensor + "\"");
    REQUIRE(entry != std::string::npos);
    const auto at = header.find(from, entry);
    REQUIRE(at != std::string::npos);
    REQUIRE(from.size() == to.size());
    header.replace(at, from.size(), to);
    std::memcpy(bytes->data() + 8, header.data(), header.size());
    auto parsed = SafetensorsFile::parse(*bytes, bytes, "altered.safetensors");
    if (!parsed) FAIL(parsed.error().describe());
    Checkpoint out = original;
    out.weights = weightsOf(std::move(parsed).value());
    return out;
}

std::string shapeText(const std::vector<std::int64_t> &shape) {
    std::string text = "[";
    for (const auto size : shape) text += (text.size() > 1 ? "," : "") + std::to_string(size);
    return text + "]";
}

bool isTextTensor(const std::string &name) { return name.starts_with("model.language_model."); }

void expectCorrupt(const Checkpoint &checkpoint, const Bench &bench, const std::string &tensor) {
    INFO(tensor);
    const auto model = TextModel::load(checkpoint, bench.exec, WeightType::AsStored, {});
    REQUIRE_FALSE(model);
    CHECK(model.error().code == ErrorCode::ModelFileCorrupt);
    CHECK(model.error().describe().find(tensor) != std::string::npos);
    CHECK(model.error().describe().find("altered.safetensors") != std::string::npos);
}

} // namespace

TEST_CASE("every tensor of the text model that is missing or misshaped is named") {
    const Bench bench;
    for (const auto &name : textCheckpoints()) {
        const Checkpoint original = open(name);
        for (const auto &tensor : original.weights->tensors()) {
            // Two layers of each kind are enough: the rest goes through the same code.
            if (!isTextTensor(tensor.name)) continue;
            const bool inLayer = tensor.name.find(".layers.") != std::string::npos;
            if (inLayer && tensor.name.find(".layers.0.") == std::string::npos &&
                tensor.name.find(".layers.5.") == std::string::npos)
                continue;
            std::string renamed = tensor.name;
            renamed.back() = '!';
            expectCorrupt(altered(original, tensor.name, "\"" + tensor.name + "\"", "\"" + renamed + "\""), bench,
                          tensor.name);
            if (tensor.shape.size() < 2) continue;
            auto turned = tensor.shape;
            std::swap(turned[turned.size() - 2], turned.back());
            if (turned == tensor.shape) continue;
            const std::string from = shapeText(tensor.shape), to = shapeText(turned);
            const Checkpoint wrong = altered(original, tensor.name, from, to);
            const auto model = TextModel::load(wrong, bench.exec, WeightType::AsStored, {});
            INFO(tensor.name);
            REQUIRE_FALSE(model);
            CHECK(model.error().code == ErrorCode::ModelFileCorrupt);
            // Sizes taken from mlp.gate_proj show up at the tensor that then contradicts them.
            const std::string stem = tensor.name.substr(0, tensor.name.find("gate_proj"));
            CHECK(model.error().describe().find(stem) != std::string::npos);
        }
    }
}

TEST_CASE("tensors stored as integers are refused by name") {
    const Bench bench;
    const Checkpoint original = open(textCheckpoints().front());
    const std::string name = "model.language_model.layers.0.self_attn.q_proj.weight";
    const auto model =
        TextModel::load(altered(original, name, "\"BF16\"", "\"I16\" "), bench.exec, WeightType::AsStored, {});
    REQUIRE_FALSE(model);
    CHECK(model.error().code == ErrorCode::ModelUnsupported);
    CHECK(model.error().describe().find(name) != std::string::npos);
}

TEST_CASE("a drafter is no model to talk to") {
    const Bench bench;
    auto checkpoint = openCheckpoint((fixtures() / "checkpoints" / "tiny-e2b-assistant").string());
    REQUIRE(checkpoint);
    const auto model = TextModel::load(*checkpoint, bench.exec, WeightType::AsStored, {});
    REQUIRE_FALSE(model);
    CHECK(model.error().code == ErrorCode::ModelUnsupported);
}

TEST_CASE("progress grows to its total and loading can be stopped at any time") {
    Bench bench;
    for (const auto &name : textCheckpoints()) {
        const Checkpoint checkpoint = open(name);
        for (const WeightType type : {WeightType::AsStored, WeightType::Q8_0, WeightType::Q4_0}) {
            std::uint64_t last = 0, total = 0;
            int calls = 0;
            const auto model =
                TextModel::load(checkpoint, bench.exec, type, [&](Phase phase, std::uint64_t done, std::uint64_t all) {
                    CHECK(phase == Phase::Loading);
                    CHECK(done >= last);
                    CHECK(done <= all);
                    last = done;
                    total = all;
                    ++calls;
                });
            REQUIRE(model);
            CHECK(last == total);
            CHECK(calls > checkpoint.config.text.layerCount);
            // The estimate counts the towers too, and small vectors as stored instead of as float32.
            std::uint64_t towers = 0;
            for (const auto &tensor : checkpoint.weights->tensors())
                towers += isTextTensor(tensor.name) ? 0 : tensor.bytes;
            const std::uint64_t text = estimateMemory(checkpoint, type, KvType::F16, 64).weightBytes - towers;
            CHECK(model->residentBytes() >= text);
            CHECK(model->residentBytes() < text * 21 / 20);

            std::atomic<bool> stop{false};
            bench.exec.cancel = &stop;
            const auto stopped =
                TextModel::load(checkpoint, bench.exec, type, [&](Phase, std::uint64_t done, std::uint64_t all) {
                    if (done > all / 2) stop = true;
                });
            REQUIRE_FALSE(stopped);
            CHECK(stopped.error().code == ErrorCode::Cancelled);
            bench.exec.cancel = nullptr;
        }
    }
}

TEST_CASE("requests that do not fit are refused and change nothing") {
    const TextRig rig = TextRig::open(textCheckpoints().front());
    const auto refused = [&](Segment segment) {
        auto output = rig.model.forward(rig.exec, std::span(&segment, 1));
        REQUIRE_FALSE(output);
        return output.error().code;
    };
    KvCache cache = rig.cache(32, 16);
    const std::int64_t hidden = rig.model.config().hiddenSize;
    const std::vector<float> soft(static_cast<std::size_t>(4 * hidden), 0.5F);
    CHECK(refused({nullptr, {1}, {}, {}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {}, {}, {}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {-1}, {}, {}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {rig.model.config().vocabularySize}, {}, {}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {1, 2}, {}, {2}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {1, 2}, {}, {1, 0}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {1, 2}, {}, {-1}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {1, 2}, {{1, 2, soft.data(), false}}, {}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {1, 2}, {{-1, 1, soft.data(), false}}, {}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {1, 2}, {{0, 1, nullptr, false}}, {}}) == ErrorCode::InvalidArgument);
    CHECK(refused({&cache, {1, 2}, {{0, 2, soft.data(), false}, {1, 1, soft.data(), false}}, {}}) ==
          ErrorCode::InvalidArgument);
    CHECK(refused({&cache, someIds(17, 100, 1), {}, {}}) ==
          ErrorCode::InvalidArgument); // longer than a pass of this cache
    CHECK(cache.length() == 0);
    rig.feed(cache, someIds(30, 100, 1), 15, {});
    CHECK(refused({&cache, {1, 2, 3}, {}, {}}) == ErrorCode::ContextExceeded);
    CHECK(cache.length() == 30);
    CHECK(rig.feed(cache, {1, 2}, 2, {1}).size() == static_cast<std::size_t>(rig.model.config().vocabularySize));

    Segment twice[2];
    KvCache other = rig.cache(32, 16);
    for (auto &segment : twice) {
        segment.cache = &other;
        segment.ids = {1};
    }
    CHECK_FALSE(rig.model.forward(rig.exec, twice));
    CHECK(rig.model.forward(rig.exec, std::span<Segment>()));
    const auto names = textCheckpoints();
    const TextRig stranger = TextRig::open(names.back());
    KvCache foreign = stranger.cache(32, 16);
    CHECK(refused({&foreign, {1}, {}, {}}) == ErrorCode::InvalidArgument);
}

TEST_CASE("a cache grows with the conversation up to what was estimated") {
    const TextRig rig = TextRig::open(textCheckpoints().front());
    CHECK_FALSE(KvCache::create(rig.model.config(), CacheType::F16, 0, 1));
    CHECK_FALSE(KvCache::create(rig.model.config(), CacheType::F16, 16, 0));
    const TextRig narrow = TextRig::open("tiny-31b"); // heads of 16 values
    for (const CacheType type : {CacheType::Q8_0, CacheType::Q4_0, CacheType::Q4_R}) {
        CHECK(KvCache::create(rig.model.config(), type, 64, 16));
        const auto refused = KvCache::create(narrow.model.config(), type, 64, 16);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::InvalidArgument);
        CHECK(refused.error().message.find("multiple of 32") != std::string::npos);
        CHECK(refused.error().detail == "layer 0 has heads of 16 values");
    }
    KvCache cache = rig.cache(1024, 64, CacheType::F16);
    CHECK(cache.byteCount() == 0);
    CHECK(cache.contextLength() == 1024);
    rig.feed(cache, {1}, 1, {});
    const std::uint64_t little = cache.byteCount();
    CHECK(little > 0);
    rig.feed(cache, someIds(1000, 100, 1), 64, {});
    CHECK(cache.byteCount() > little);
    CHECK(cache.byteCount() <= estimateMemory(rig.checkpoint, WeightType::AsStored, KvType::F16, 1024).kvBytes);
    cache.clear();
    CHECK(cache.length() == 0);
}
