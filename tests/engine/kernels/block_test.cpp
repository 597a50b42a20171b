// Stored formats against the reference data of tests/fixtures/gguf/blocks and against themselves.
#include "kernel_support.h"

#include "kernels/float_formats.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <utility>

using namespace facet;
using namespace facet::test;

namespace {

// Just enough of safetensors for a file that the tests own.
class BlockFile {
public:
    BlockFile() {
        const char *root = std::getenv("FACET_FIXTURES");
        REQUIRE(root != nullptr);
        std::ifstream in(std::string(root) + "/gguf/blocks/blocks.safetensors", std::ios::binary);
        m_bytes.assign(std::istreambuf_iterator<char>(in), {});
        REQUIRE(m_bytes.size() > 8);
        std::uint64_t length = 0;
        std::memcpy(&length, m_bytes.data(), sizeof length);
        REQUIRE(8 + length <= m_bytes.size());
        m_header = nlohmann::json::parse(m_bytes.begin() + 8, m_bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
        m_base = 8 + length;
    }
    bool has(const std::string &name) const { return m_header.contains(name); }
    std::vector<std::byte> bytes(const std::string &name) const {
        const auto &range = m_header.at(name).at("data_offsets");
        const auto *first = reinterpret_cast<const std::byte *>(m_bytes.data()) + m_base;
        return {first + range[0].get<std::ptrdiff_t>(), first + range[1].get<std::ptrdiff_t>()};
    }
    std::vector<float> floats(const std::string &name) const {
        const std::vector<std::byte> raw = bytes(name);
        std::vector<float> values(raw.size() / sizeof(float));
        std::memcpy(values.data(), raw.data(), raw.size());
        return values;
    }

private:
    std::vector<char> m_bytes;
    nlohmann::json m_header;
    std::size_t m_base = 0;
};

}  // namespace

TEST_CASE("stored blocks widen to the reference values") {
    const BlockFile file;
    std::vector<TensorType> types = blockTypes();
    types.insert(types.end(), {TensorType::F16, TensorType::BF16});
    for (const TensorType type : types) {
        const std::string name = tensorTypeName(type);
        CAPTURE(name);
        if (type == TensorType::IQ1_M) continue;  // not in the file, see below
        const std::vector<std::byte> blocks = file.bytes(name + ".blocks");
        const std::vector<float> values = file.floats(name + ".values");
        for (const Kernels *k : productKernels()) {
            CAPTURE(k->name);
            std::vector<float> got(values.size());
            k->dequantise(type, blocks.data(), static_cast<std::int64_t>(values.size()), got.data());
            int wrong = 0;
            for (std::size_t i = 0; i < got.size(); ++i) {
                if (!(got[i] == values[i] || (std::isnan(got[i]) && std::isnan(values[i])))) ++wrong;
            }
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("IQ1_M blocks, whose scale is spread over four words") {
    // Bytes without meaning but for the scale's bits; the values are those of another implementation.
    std::vector<std::byte> block(56);
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>((i * 37 + 11) % 256);
    const unsigned nibbles[4] = {5, 5, 5, 3};  // 0x3555
    for (std::size_t k = 0; k < 4; ++k) {
        block[49 + 2 * k] = (block[49 + 2 * k] & std::byte{0x0F}) | static_cast<std::byte>(nibbles[k] << 4);
    }
    const std::pair<std::size_t, float> wanted[] = {
        {0, -0.291595458984375F},  {1, 2.041168212890625F},   {7, -0.291595458984375F},  {8, -2.624359130859375F},
        {15, -2.624359130859375F}, {16, 0.624847412109375F},  {31, -0.624847412109375F}, {32, -2.041168212890625F},
        {100, -1.124725341796875F}, {128, 0.624847412109375F}, {200, 0.124969482421875F}, {255, -0.624847412109375F}};
    for (const Kernels *k : productKernels()) {
        CAPTURE(k->name);
        std::vector<float> got(256);
        k->dequantise(TensorType::IQ1_M, block.data(), 256, got.data());
        for (const auto &[index, value] : wanted) CHECK(got[index] == value);
        double sum = 0;
        for (const float x : got) sum += std::fabs(static_cast<double>(x));
        CHECK(sum == doctest::Approx(385.90576171875).epsilon(1e-6));
    }
}

TEST_CASE("rows times x as the reference has them") {
    const BlockFile file;
    const std::vector<float> x = file.floats("matvec.x");
    const std::int64_t tokens = 3;
    const std::int64_t cols = static_cast<std::int64_t>(x.size()) / tokens;
    for (const TensorType type : blockTypes()) {
        const std::string name = std::string("matvec.") + tensorTypeName(type);
        if (!file.has(name + ".rows")) continue;
        CAPTURE(name);
        const std::vector<std::byte> rows = file.bytes(name + ".rows");
        const std::vector<float> wanted = file.floats(name + ".y");
        const std::vector<float> norm = file.floats(name + ".norm");
        Matrix w;
        w.type = type;
        w.cols = cols;
        w.rows = static_cast<std::int64_t>(rows.size()) / rowBytes(type, cols);
        w.data = rows.data();
        for (const Kernels *k : productKernels()) {
            CAPTURE(k->name);
            std::vector<float> exact(wanted.size());
            std::vector<float> product(wanted.size());
            k->matmul(w, 0, w.rows, x.data(), tokens, cols, exact.data(), w.rows);
            const QuantisedRows q(*k, x, tokens, cols);
            k->matmulQ8(w, 0, w.rows, q.rows(0, cols), tokens, product.data(), w.rows);
            for (std::size_t i = 0; i < wanted.size(); ++i) {
                // Limits as blocks.json has them; row 1 of x has outliers.
                const bool outliers = i / static_cast<std::size_t>(w.rows) == 1;
                CHECK(std::fabs(exact[i] - wanted[i]) <= 1e-5F * norm[i] * std::sqrt(static_cast<float>(cols)));
                CHECK(std::fabs(product[i] - wanted[i]) <= (outliers ? 0.06F : 0.03F) * norm[i]);
            }
        }
    }
}

TEST_CASE("rows quantise to the reference blocks") {
    const BlockFile file;
    for (const TensorType type : {TensorType::Q8_0, TensorType::Q4_0, TensorType::Q4_1, TensorType::Q5_0, TensorType::Q5_1}) {
        const std::string name = std::string("quantise.") + tensorTypeName(type);
        CAPTURE(name);
        const std::vector<float> input = file.floats(name + ".input");
        const std::vector<std::byte> wanted = file.bytes(name + ".blocks");
        std::vector<std::byte> got(wanted.size());
        quantiseRowToBlocks(type, input.data(), static_cast<std::int64_t>(input.size()), got.data());
        CHECK(got == wanted);
    }
}

TEST_CASE("quantised rows of damaged values are defined") {
    for (const TensorType type : blockTypes()) {
        if (!canQuantise(type)) continue;
        CAPTURE(tensorTypeName(type));
        for (const float damage : {NAN, INFINITY, -INFINITY, 3e38F, 1e-40F}) {
            std::vector<float> x(256, 1.0F);
            x[3] = damage;
            x[40] = -damage;
            std::vector<std::byte> out(static_cast<std::size_t>(rowBytes(type, 256)));
            quantiseRowToBlocks(type, x.data(), 256, out.data());
            scalar().dequantise(type, out.data(), 256, x.data());
        }
        const std::vector<float> zeros(256, 0.0F);
        std::vector<float> x(256, 1.0F);
        std::vector<std::byte> out(static_cast<std::size_t>(rowBytes(type, 256)));
        quantiseRowToBlocks(type, zeros.data(), 256, out.data());
        scalar().dequantise(type, out.data(), 256, x.data());
        for (const float value : x) CHECK(value == 0.0F);
    }
}

TEST_CASE("Q8_0 rows are what the plain formula says: halves, zeros and damaged values too") {
    std::mt19937 random(11);
    std::uniform_int_distribution<int> kind(0, 40), level(-254, 254);
    std::normal_distribution<float> normal;
    for (int round = 0; round < 2000; ++round) {
        float x[32];
        for (float &v : x) v = round % 2 == 0 ? normal(random) : static_cast<float>(level(random)) * 0.5F;  // every other one: halves
        if (round % 2 != 0) x[3] = 127.0F;
        if (kind(random) == 0) x[5] = std::numeric_limits<float>::quiet_NaN();
        if (kind(random) == 0) x[6] = -std::numeric_limits<float>::infinity();
        if (kind(random) == 0) std::fill_n(x, 32, 0.0F);
        float largest = 0.0F;
        for (const float v : x) largest = std::fmax(largest, std::fabs(v));
        const float scale = largest / 127.0F, inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
        std::byte got[34];
        quantiseRowToBlocks(TensorType::Q8_0, x, 32, got);
        std::uint16_t half = 0;
        std::memcpy(&half, got, 2);
        CHECK(half == halfFromFloat(scale));
        for (int i = 0; i < 32; ++i) {
            const float v = x[i] * inverse;
            const int want = !(v > -127.0F) ? -127 : v > 127.0F ? 127 : static_cast<int>(std::round(v));
            CHECK(static_cast<int>(static_cast<std::int8_t>(got[2 + i])) == want);
        }
    }
}

TEST_CASE("quantised rows lie near the values") {
    // Share of the error in the size of normal values; a type that stores more bits must be better.
    const std::pair<TensorType, double> types[] = {
        {TensorType::Q4_0, 0.095}, {TensorType::Q4_1, 0.080}, {TensorType::IQ4_NL, 0.078}, {TensorType::Q4_K, 0.073},
        {TensorType::Q5_0, 0.047}, {TensorType::Q5_1, 0.039}, {TensorType::Q5_K, 0.036},   {TensorType::Q6_K, 0.0205},
        {TensorType::Q8_0, 0.006}, {TensorType::Q3_K, 0.155},  {TensorType::Q2_K, 0.285}};
    Random random(21);
    const std::int64_t n = 64 * 256;
    const std::vector<float> x = random.values(n, 0.03F);
    for (const auto &[type, limit] : types) {
        CAPTURE(tensorTypeName(type));
        REQUIRE(canQuantise(type));
        std::vector<std::byte> out(static_cast<std::size_t>(rowBytes(type, n)));
        std::vector<std::byte> again(out.size());
        std::vector<float> back(x.size());
        quantiseRowToBlocks(type, x.data(), n, out.data());
        quantiseRowToBlocks(type, x.data(), n, again.data());
        CHECK(out == again);
        scalar().dequantise(type, out.data(), n, back.data());
        double error = 0;
        double size = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double off = static_cast<double>(back[i]) - static_cast<double>(x[i]);
            error += off * off;
            size += static_cast<double>(x[i]) * static_cast<double>(x[i]);
        }
        const double share = std::sqrt(error / size);
        CHECK(share < limit);
    }
    CHECK_FALSE(canQuantise(TensorType::IQ3_S));
}

TEST_CASE("the values that matter are kept better when it is told which those are") {
    Random random(22);
    const std::int64_t n = 32 * 256;
    const std::vector<float> x = random.values(n, 0.03F);
    std::vector<float> importance(x.size());
    for (std::size_t i = 0; i < importance.size(); ++i) importance[i] = i % 7 == 0 ? 40.0F : 0.5F;
    for (const TensorType type : blockTypes()) {
        if (!canQuantise(type) || type == TensorType::Q8_0) continue; // eight bits: nothing to choose
        CAPTURE(tensorTypeName(type));
        const auto loss = [&](const float *told) {
            std::vector<std::byte> out(static_cast<std::size_t>(rowBytes(type, n)));
            std::vector<float> back(x.size());
            quantiseRowToBlocks(type, x.data(), n, out.data(), told);
            scalar().dequantise(type, out.data(), n, back.data());
            double sum = 0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                const double off = static_cast<double>(back[i]) - static_cast<double>(x[i]);
                sum += static_cast<double>(importance[i]) * off * off;
            }
            return sum;
        };
        CHECK(loss(importance.data()) < 0.97 * loss(nullptr));
        const std::vector<float> none(x.size(), 0.0F); // nothing matters: still some defined block
        std::vector<std::byte> out(static_cast<std::size_t>(rowBytes(type, n)));
        std::vector<float> back(x.size());
        quantiseRowToBlocks(type, x.data(), n, out.data(), none.data());
        scalar().dequantise(type, out.data(), n, back.data());
        for (const float value : back) REQUIRE(std::isfinite(value));
    }
}

TEST_CASE("searched scales of four bits lose less than the reference rule") {
    Random random(23);
    const std::int64_t n = 64 * 256;
    const std::vector<float> x = random.values(n);
    const auto loss = [&](bool searched) {
        std::vector<std::byte> out(static_cast<std::size_t>(rowBytes(TensorType::Q4_0, n)));
        std::vector<float> back(x.size());
        if (searched) quantiseRowToQ4Searched(x.data(), n, out.data());
        else quantiseRowToBlocks(TensorType::Q4_0, x.data(), n, out.data());
        scalar().dequantise(TensorType::Q4_0, out.data(), n, back.data());
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(static_cast<double>(back[i]) - static_cast<double>(x[i]), 2);
        return sum;
    };
    CHECK(loss(true) < 0.9 * loss(false));
}

TEST_CASE("rows of one sign and rows of one value keep their values") {
    for (const TensorType type : {TensorType::Q4_K, TensorType::Q5_K, TensorType::Q6_K, TensorType::IQ4_NL, TensorType::Q5_1}) {
        CAPTURE(tensorTypeName(type));
        for (const float sign : {1.0F, -1.0F}) {
            for (const bool constant : {true, false}) {
                std::vector<float> x(256);
                for (std::size_t i = 0; i < x.size(); ++i) x[i] = sign * (constant ? 0.7F : 1.0F + static_cast<float>(i % 37) / 37.0F);
                std::vector<std::byte> out(static_cast<std::size_t>(rowBytes(type, 256)));
                std::vector<float> back(256);
                quantiseRowToBlocks(type, x.data(), 256, out.data());
                scalar().dequantise(type, out.data(), 256, back.data());
                float worst = 0;
                for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::fabs(back[i] - x[i]));
                CHECK(worst < 0.17F);
            }
        }
    }
}

TEST_CASE("float16: every value survives, rounding is to nearest even") {
    int wrong = 0;
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const float wide = floatFromHalf(half);
        if (std::isnan(wide)) {
            if (!std::isnan(floatFromHalf(halfFromFloat(wide)))) ++wrong;
        } else if (halfFromFloat(wide) != half) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(floatFromHalf(0x0001) == 0x1p-24F);
    CHECK(floatFromHalf(0x03FF) == 1023 * 0x1p-24F);
    CHECK(floatFromHalf(0xFC00) == -INFINITY);
    CHECK(halfFromFloat(65504.0F) == 0x7BFF);
    CHECK(halfFromFloat(65519.996F) == 0x7BFF);
    CHECK(halfFromFloat(65520.0F) == 0x7C00);
    CHECK(halfFromFloat(-INFINITY) == 0xFC00);
    CHECK(halfFromFloat(1.0F + 0x1p-11F) == 0x3C00);              // tie to even
    CHECK(halfFromFloat(1.0F + 3 * 0x1p-11F) == 0x3C02);          // tie to even
    CHECK(halfFromFloat(0x1p-25F) == 0x0000);                     // half of the least subnormal
    CHECK(halfFromFloat(0x1.8p-25F) == 0x0001);
    CHECK(halfFromFloat(0x1p-14F - 0x1p-26F) == 0x0400);          // rounds up into the normal numbers
    CHECK(halfFromFloat(-0.0F) == 0x8000);
}

TEST_CASE("bfloat16: rounding is to nearest even") {
    CHECK(floatFromBfloat(0x3F80) == 1.0F);
    CHECK(bfloatFromFloat(std::bit_cast<float>(0x3F808000U)) == 0x3F80);
    CHECK(bfloatFromFloat(std::bit_cast<float>(0x3F818000U)) == 0x3F82);
    CHECK(bfloatFromFloat(std::bit_cast<float>(0x3F808001U)) == 0x3F81);
    CHECK(std::isnan(floatFromBfloat(bfloatFromFloat(std::bit_cast<float>(0x7F800001U)))));
    CHECK(bfloatFromFloat(INFINITY) == 0x7F80);
}

TEST_CASE("block shapes, row sizes and slices") {
    CHECK(rowBytes(TensorType::Q8_0, 64) == 68);
    CHECK(rowBytes(TensorType::Q4_0, 64) == 36);
    CHECK(rowBytes(TensorType::Q4_0, 48) == 0);
    CHECK(rowBytes(TensorType::BF16, 7) == 14);
    CHECK(rowBytes(TensorType::Q4_K, 512) == 288);
    CHECK(rowBytes(TensorType::Q4_K, 704) == 0);
    for (const TensorType type : blockTypes()) {
        CAPTURE(tensorTypeName(type));
        CHECK(isTensorType(static_cast<std::uint32_t>(type)));
        CHECK_FALSE(isFloatType(type));
        CHECK((blockShape(type).values == 32 || blockShape(type).values == 256));
    }
    CHECK(isFloatType(TensorType::BF16));
    for (const std::uint32_t number : {4U, 5U, 9U, 15U, 24U, 34U, 255U, 256U, 0x80000000U}) CHECK_FALSE(isTensorType(number));
    Random random(20);
    const Stored w(TensorType::Q4_0, 6, 32, random);
    const Matrix part = w.matrix.slice(2, 3);
    CHECK(part.rows == 3);
    CHECK(part.row(1) == w.matrix.row(3));
}
