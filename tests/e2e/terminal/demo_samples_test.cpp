// The demo model's held-out samples: prompts byte for byte, answers as the reference's wherever the smallest gap
// between the best and the second-best logit is not a rounding matter, and the reference's accuracy.
#include "demo_support.h"

#include <map>

using namespace facet;
using namespace facet::demo;

namespace {

// How many of the true boxes are found with their label at IoU 0.5.
int found(const std::string &answer, const std::string &truth) {
    const std::vector<Detection> ours = parseDetections(answer, 1000, 1000),
                                 theirs = parseDetections(truth, 1000, 1000);
    return static_cast<int>(std::count_if(theirs.begin(), theirs.end(), [&ours](const Detection &t) {
        return std::any_of(ours.begin(), ours.end(),
                           [&t](const Detection &o) { return o.label == t.label && overlap(o, t) >= 0.5; });
    }));
}

struct Tally {
    int samples = 0, reference = 0, ours = 0;
};

} // namespace

TEST_CASE("demo_samples") {
    const std::unique_ptr<Engine> engine = loadDemoModel();
    const std::string folder = environment("FACET_FIXTURES") + "/demo-model";
    std::map<std::string, Tally> exact, boxes;
    int compared = 0;
    for (const Json &sample : readSamples(folder + "/expected.jsonl")) {
        const std::string id = sample.at("id").get<std::string>(), task = sample.at("task").get<std::string>();
        CAPTURE(id);
        Request request = requestOf(sample, folder, *engine, static_cast<int>(sample.at("expected_ids").size()) + 64);
        const Result<PromptInfo> prompt = engine->prompt(request);
        REQUIRE_MESSAGE(prompt, (prompt ? std::string() : prompt.error().describe()));
        CHECK(prompt->text == sample.at("prompt").get<std::string>());
        CHECK(prompt->ids == sample.at("prompt_ids").get<std::vector<std::int32_t>>());

        const Result<Answer> answer = engine->generate(std::move(request));
        REQUIRE_MESSAGE(answer, (answer ? std::string() : answer.error().describe()));
        const Json expected = Json::parse(
            probeParse(sample.at("prompt").get<std::string>(), {sample.at("expected_raw").get<std::string>()}));
        const bool same = answer->content == expected.at("content").get<std::string>() &&
                          answer->thinking == expected.at("thinking").get<std::string>() &&
                          callsOf(*answer) == callsOf(expected);
        if (sample.at("smallest_margin").get<double>() >= kDecidedMargin) {
            ++compared;
            CHECK(answer->content == expected.at("content").get<std::string>());
            CHECK(answer->thinking == expected.at("thinking").get<std::string>());
            CHECK(callsOf(*answer) == callsOf(expected));
        }
        const std::string truth = sample.at("truth").is_string() ? sample.at("truth").get<std::string>() : "";
        Tally &words = exact[task];
        ++words.samples;
        words.reference += sample.at("correct").get<bool>() ? 1 : 0;
        words.ours += (same ? sample.at("correct").get<bool>() : answer->content == truth) ? 1 : 0;
        if (task != "detect" && task != "find") continue;
        Tally &places = boxes[task];
        places.samples += static_cast<int>(parseDetections(truth, 1000, 1000).size());
        places.reference += found(sample.at("expected").get<std::string>(), truth);
        places.ours += found(answer->content, truth);
        CHECK_FALSE(parseDetections(answer->content, 1000, 1000).empty());
    }
    CHECK(compared >= 25);
    // The accuracy of the reference, task by task; one sample more or less is rounding.
    for (const auto &[task, tally] : exact) {
        MESSAGE(task << ": " << tally.ours << " of " << tally.samples << " exact, the reference " << tally.reference);
        CHECK(std::abs(tally.ours - tally.reference) <= 1);
    }
    for (const auto &[task, tally] : boxes) {
        MESSAGE(task << ": " << tally.ours << " of " << tally.samples << " boxes at IoU 0.5, the reference "
                     << tally.reference);
        CHECK(tally.ours >= tally.reference - 1);
    }
}
