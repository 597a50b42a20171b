#include "facet/media/prepare.h"
#include "media/prepare/golden_file.h"
#include "media/prepare/png_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace facet;
using namespace facet::media;

TEST_CASE("the size rule gives the reference's answer for every size and budget") {
    const nlohmann::json table = test::readJson(test::fixturePath("golden/media/image_sizes.json"));
    const VisionInfo vision;
    REQUIRE(table["rows"].size() == 400);
    for (const auto &row : table["rows"]) {
        CAPTURE(row.dump());
        const Result<PictureSize> size = targetSize(row[1], row[0], row[2], vision);
        if (!row[3].is_number()) {
            REQUIRE_FALSE(size);
            CHECK(size.error().code == ErrorCode::InvalidArgument);
            continue;
        }
        REQUIRE(size);
        CHECK(size->height == row[3].get<int>());
        CHECK(size->width == row[4].get<int>());
        CHECK(size->softTokens(vision) == row[5].get<int>());
    }
}

TEST_CASE("sizes that cannot be meant so are refused in a sentence") {
    VisionInfo vision;
    for (const auto &[width, height, budget] : {std::array{0, 5, 70}, std::array{5, -1, 70}, std::array{5, 5, 0}, std::array{5, 5, -7}}) {
        const Result<PictureSize> size = targetSize(width, height, budget, vision);
        REQUIRE_FALSE(size);
        CHECK(size.error().code == ErrorCode::InvalidArgument);
        CHECK(size.error().message.size() > 10);
    }
    CHECK(targetSize(2147483647, 2147483647, 1120, vision));
    CHECK(targetSize(2147483647, 1, 1120, vision));
    vision.positionTableSize = 1024;  // a sliver at the largest budget is longer than that
    CHECK_FALSE(targetSize(6, 900, 1120, vision));
    CHECK(targetSize(6, 900, 280, vision));
    vision.patchSize = 0;
    CHECK_FALSE(targetSize(100, 100, 70, vision));
    vision.patchSize = 2147483647;
    CHECK_FALSE(targetSize(100, 100, 70, vision));
}

TEST_CASE("patches are rows of raster blocks, channel fastest") {
    Picture picture{96, 48, {}, "hash"};
    for (int y = 0; y < 48; ++y) {
        for (int x = 0; x < 96; ++x) {
            picture.rgb.insert(picture.rgb.end(), {static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y), 7});
        }
    }
    VisionInfo vision;
    const Result<ImageInput> input = prepareImage(picture, 2, vision);
    REQUIRE(input);
    CHECK(input->columns == 6);
    CHECK(input->rows == 3);
    CHECK(input->contentHash == "hash");
    CHECK(input->sourceWidth == 96);
    CHECK(input->sourceHeight == 48);
    REQUIRE(input->patches.size() == 6 * 3 * 768);
    const std::uint8_t *patch = input->patches.data() + (1 * 6 + 2) * 768;  // row 1, column 2
    CHECK(patch[(3 * 16 + 5) * 3 + 0] == 2 * 16 + 5);
    CHECK(patch[(3 * 16 + 5) * 3 + 1] == 1 * 16 + 3);
    CHECK(patch[(3 * 16 + 5) * 3 + 2] == 7);
    picture.rgb.pop_back();
    CHECK_FALSE(prepareImage(picture, 2, vision));
}

TEST_CASE("threads of pixels are refused before they cost minutes") {
    for (const auto &[width, height] : {std::array{20000, 1}, std::array{1, 50000}}) {
        const Picture picture{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height) * 3, 9), {}};
        const Result<ImageInput> input = prepareImage(picture, 70, VisionInfo{});
        REQUIRE_FALSE(input);
        CHECK(input.error().code == ErrorCode::InvalidArgument);
    }
    const Picture panorama{19999, 1, std::vector<std::uint8_t>(19999 * 3, 9), {}};
    CHECK(prepareImage(panorama, 70, VisionInfo{}));
}

TEST_CASE("golden patches: values, grid and positions of every picture") {
    for (const std::string &name : test::goldenCases("image_")) {
        if (name == "image_sizes") continue;
        CAPTURE(name);
        const test::GoldenCase golden = test::readGolden(name);
        const Picture picture = test::readPng(test::fixturePath(golden.json["decoded_rgb"]));
        const Result<ImageInput> input = prepareImage(picture, 70, VisionInfo{});
        REQUIRE(input);
        CHECK(input->rows == golden.json["budgets"]["70"]["patch_grid_rows_cols"][0].get<int>());
        CHECK(input->columns == golden.json["budgets"]["70"]["patch_grid_rows_cols"][1].get<int>());
        const auto &index = golden["pixel_rows_70.index"].values;
        const auto &values = golden["pixel_rows_70.value"].values;
        for (std::size_t i = 0; i < index.size(); ++i) {
            double worst = 0;
            const std::size_t patch = static_cast<std::size_t>(index[i]);
            if (patch >= input->patches.size() / 768) continue;  // padding of the reference
            for (std::size_t j = 0; j < 768; ++j) {
                const double ours = static_cast<double>(static_cast<float>(input->patches[patch * 768 + j]) * (1.0F / 255.0F));
                worst = std::max(worst, std::fabs(ours - values[i * 768 + j]));
            }
            CHECK(worst <= 1e-7);
        }
        const auto &positions = golden["position_ids_70"].values;
        for (std::size_t n = 0; n < positions.size() / 2; ++n) {
            const bool real = n < static_cast<std::size_t>(input->rows) * static_cast<std::size_t>(input->columns);
            const int column = static_cast<int>(n) % input->columns, row = static_cast<int>(n) / input->columns;
            REQUIRE(positions[2 * n] == (real ? column : -1));
            REQUIRE(positions[2 * n + 1] == (real ? row : -1));
        }
    }
}

TEST_CASE("the built-in model's pictures become as many soft tokens as its prompts hold") {
    const nlohmann::json config = test::readJson(test::resourcePath("demo-model/config.json"));
    const nlohmann::json processor = test::readJson(test::resourcePath("demo-model/processor_config.json"));
    VisionInfo vision;
    vision.patchSize = config["vision_config"]["patch_size"];
    vision.poolingKernel = config["vision_config"]["pooling_kernel_size"];
    vision.positionTableSize = config["vision_config"]["position_embedding_size"];
    vision.defaultBudget = processor["image_processor"]["max_soft_tokens"];
    std::istringstream lines(test::readText(test::fixturePath("demo-model/expected.jsonl")));
    int seen = 0;
    for (std::string line; std::getline(lines, line);) {
        const nlohmann::json sample = nlohmann::json::parse(line);
        if (!sample.contains("image") || sample["image"].is_null()) continue;
        CAPTURE(sample["id"].dump());
        const Picture picture = test::readPng(test::fixturePath("demo-model/" + sample["image"].get<std::string>()));
        const Result<ImageInput> input = prepareImage(picture, vision.defaultBudget, vision);
        REQUIRE(input);
        const std::vector<int> ids = sample["prompt_ids"];
        const auto wanted = std::count(ids.begin(), ids.end(), config["image_token_id"].get<int>());
        const int k = vision.poolingKernel;
        CHECK((input->rows / k) * (input->columns / k) == wanted);
        ++seen;
    }
    CHECK(seen > 20);
}

TEST_CASE("transparent colours are composited over white") {
    CHECK(overWhite(0, 0) == 255);
    CHECK(overWhite(0, 255) == 0);
    CHECK(overWhite(200, 255) == 200);
    CHECK(overWhite(0, 128) == 127);
    const Picture ours = test::readPng(test::fixturePath("media/rgba.png"));
    const Picture reference = test::readPng(test::fixturePath("media/decoded/rgba.png"));
    CHECK(ours.rgb == reference.rgb);
}
