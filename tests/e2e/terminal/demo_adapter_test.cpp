// The adapter on the demo model: a skill that the model alone does not have, on numbers that were never trained on.
#include "demo_support.h"

using namespace facet;
using namespace facet::demo;

namespace {

std::string ask(Engine &engine, const std::string &question, float scale = 1) {
    Request request;
    request.messages.push_back({.role = Role::User, .parts = {Part{.text = question}}});
    request.sampling.temperature = 0;
    request.maxTokens = 64;
    request.adapters = {{.name = "vorish", .scale = scale}};
    const Result<Answer> answer = engine.generate(std::move(request));
    REQUIRE_MESSAGE(answer, (answer ? std::string() : answer.error().describe()));
    return answer->content;
}

} // namespace

TEST_CASE("demo_adapter") {
    const std::string model = environment("FACET_RESOURCES") + "/demo-model";
    Result<std::unique_ptr<Engine>> engine =
        Engine::load({.path = model, .adapters = {{.path = model + "/adapters/vorish"}}});
    REQUIRE_MESSAGE(engine, (engine ? std::string() : engine.error().describe()));
    // train_adapter.py held these back.
    const std::pair<const char *, const char *> numbers[] = {
        {"13", "dek li"},   {"26", "kedek pa"}, {"39", "lidek tu"}, {"47", "modek ra"}, {"52", "nudek ke"},
        {"68", "padek so"}, {"74", "radek mo"}, {"85", "sodek nu"}, {"91", "tudek ba"}, {"96", "tudek pa"}};
    int right = 0;
    for (const auto &[number, word] : numbers) {
        const std::string said = ask(**engine, "How do you say " + std::string(number) + " in Vorish?");
        MESSAGE(number << ": " << said);
        right += said == word;
    }
    CHECK(right >= 8);
    // Switched off, the model is what it was.
    CHECK(ask(**engine, "How do you say 47 in Vorish?", 0).find("dek") == std::string::npos);
    CHECK(ask(**engine, "Thanks!") == "You are welcome!");
}
