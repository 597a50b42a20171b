#include "host/generation.h"

#include "support/fake_engine.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::host;

TEST_CASE("events come in order and the answer at the end") {
    auto control = std::make_shared<FakeControl>();
    control->script = [](const Request &, FakeRun &run) {
        run.progress(Phase::ReadingPrompt, 1, 2);
        run.thought("hm");
        run.text("a");
        run.toolCall({"call_1", "add", "{}"});
        run.text("b");
        run.done();
    };
    FakeEngine engine(control);
    std::string trace;
    const RunHooks hooks{.event = [&](const Event &event) {
        trace += "PTtCM"[static_cast<int>(event.kind)];
        trace += event.text;
        return true;
    }};
    const auto answer = runRequest(engine, {}, hooks, {});
    REQUIRE(answer);
    CHECK(trace == "PThmtaCtb");
    CHECK(answer->content == "ab");
    CHECK(answer->finish == FinishReason::ToolCalls);
}

TEST_CASE("a failure is the result") {
    auto control = std::make_shared<FakeControl>();
    control->script = [](const Request &, FakeRun &run) { run.fail({ErrorCode::ContextExceeded, "Too long."}); };
    FakeEngine engine(control);
    const auto answer = runRequest(engine, {}, {}, {});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == ErrorCode::ContextExceeded);
}

TEST_CASE("cancelled by the token, by an event hook, by the idle hook") {
    auto control = std::make_shared<FakeControl>();
    control->script = [](const Request &, FakeRun &run) {
        run.text("a");
        run.untilCancelled();
        run.done();
    };
    FakeEngine engine(control);
    SUBCASE("token") {
        const CancelToken gone;
        const auto answer = runRequest(engine, {},
                                       {.event =
                                            [&](const Event &) {
                                                gone.cancel();
                                                return true;
                                            }},
                                       gone);
        CHECK(answer->finish == FinishReason::Cancelled);
    }
    SUBCASE("event hook") {
        CHECK(runRequest(engine, {}, {.event = [](const Event &) { return false; }}, {})->finish ==
              FinishReason::Cancelled);
    }
    SUBCASE("idle hook") {
        CHECK(runRequest(engine, {}, {.idle = [] { return false; }}, {})->finish == FinishReason::Cancelled);
    }
    CHECK(control->cancels == 1);
}
