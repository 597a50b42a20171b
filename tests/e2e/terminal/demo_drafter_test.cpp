// The trained drafter on the demo model: the same text as plain decoding, how much of it was guessed, and what it gains.
#include "demo_support.h"

#include <map>

using namespace facet;
using namespace facet::demo;

namespace {

struct Tally {
    int samples = 0, written = 0, drafted = 0, accepted = 0;
    double plainMs = 0, draftedMs = 0;
};

} // namespace

TEST_CASE("demo_drafter") {
    const std::string model = environment("FACET_RESOURCES") + "/demo-model";
    const auto plain = loadDemoModel();
    Result<std::unique_ptr<Engine>> fast = Engine::load({.path = model, .drafter = model + "/drafter"});
    REQUIRE_MESSAGE(fast, (fast ? std::string() : fast.error().describe()));
    const std::string folder = environment("FACET_FIXTURES") + "/demo-accuracy/known";
    std::map<std::string, Tally> table;
    Tally all;
    for (const Json &sample : readSamples(folder + "/samples.jsonl")) {
        const std::string id = sample.at("id").get<std::string>();
        CAPTURE(id);
        const Result<Answer> slowly = plain->generate(requestOf(sample, folder, *plain, 260));
        const Result<Answer> drafted = (*fast)->generate(requestOf(sample, folder, **fast, 260));
        REQUIRE(slowly);
        REQUIRE(drafted);
        // Greedy: guesses change the speed only. Where rounding decides, several rows at once may round otherwise.
        if (sample.at("smallest_margin").get<double>() >= kDecidedMargin) CHECK(drafted->content == slowly->content);
        for (Tally *t : {&table[sample.at("task").get<std::string>()], &all}) {
            ++t->samples;
            t->written += drafted->usage.completionTokens;
            t->drafted += drafted->usage.draftedTokens;
            t->accepted += drafted->usage.acceptedTokens;
            t->plainMs += slowly->usage.decodeMs;
            t->draftedMs += drafted->usage.decodeMs;
        }
    }
    for (const auto &[task, t] : table)
        MESSAGE(task << " (" << t.samples << "): " << t.accepted << " of " << t.drafted << " guesses stood, "
                     << t.accepted << " of " << t.written << " tokens were guessed; " << t.plainMs << " ms plain, "
                     << t.draftedMs << " ms");
    MESSAGE("all: " << all.accepted << " of " << all.drafted << " guesses stood; " << all.plainMs << " ms plain, "
                    << all.draftedMs << " ms");
    CHECK(all.drafted > 0);
    CHECK(all.accepted * 2 >= all.drafted);
}
