#include "facet/media/prepare.h"
#include "media/prepare/golden_file.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace facet::media;
namespace test = facet::test;

TEST_CASE("the table of frame indices") {
    const nlohmann::json table = test::readJson(test::fixturePath("golden/media/video_sampling.json"));
    for (const auto &row : table["rows"]) {
        CAPTURE(row.dump());
        const std::int64_t total = row[0];
        const int wanted = row[2].is_number() ? row[2].get<int>()
                                              : std::max(1, static_cast<int>(static_cast<double>(total) / row[1].get<double>() *
                                                                             row[3].get<double>()));
        const std::vector<std::int64_t> indices = sampleFrames(total, wanted);
        if (row[4].is_array()) {
            CHECK(indices == row[4].get<std::vector<std::int64_t>>());
        } else {
            CHECK(static_cast<std::int64_t>(indices.size()) == total);  // the reference refuses; here: all frames
        }
    }
}

TEST_CASE("golden films: indices and stamps") {
    for (const std::string &name : test::goldenCases("video_")) {
        const test::GoldenCase golden = test::readGolden(name);
        if (!golden.json.contains("frame_indices")) continue;
        CAPTURE(name);
        const std::vector<std::int64_t> indices = sampleFrames(golden.json["total_num_frames"], golden.json["num_frames"]);
        CHECK(indices == golden.json["frame_indices"].get<std::vector<std::int64_t>>());
        for (std::size_t i = 0; i < indices.size(); ++i) {
            const double seconds = static_cast<double>(indices[i]) / golden.json["fps"].get<double>();
            CHECK(std::fabs(seconds - golden.json["timestamps_s"][i].get<double>()) < 1e-3);
            CHECK(timeStamp(seconds) == golden.json["timestamp_text"][i].get<std::string>());
        }
    }
}

TEST_CASE("numbers from hostile headers") {
    CHECK(sampleFrames(0, 5).empty());
    CHECK(sampleFrames(-1, 5).empty());
    CHECK(sampleFrames(5, 0).empty());
    const std::vector<std::int64_t> huge = sampleFrames(std::numeric_limits<std::int64_t>::max(), 32);
    REQUIRE(huge.size() == 32);
    for (std::size_t i = 1; i < huge.size(); ++i) CHECK(huge[i] > huge[i - 1]);
    CHECK(timeStamp(-3) == "00:00");
    CHECK(timeStamp(std::nan("")) == "00:00");
    CHECK(timeStamp(59.99) == "00:59");
    CHECK(timeStamp(3661) == "61:01");
    CHECK(timeStamp(6000) == "100:00");
    CHECK(defaultFrameCount(std::nan("")) == 8);
    CHECK(defaultFrameCount(3) == 8);
    CHECK(defaultFrameCount(12.4) == 12);
    CHECK(defaultFrameCount(12.5) == 13);
    CHECK(defaultFrameCount(1e300) == 32);
}
