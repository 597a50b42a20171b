// Several requests at once: each gets what it would get alone.
#include "run_support.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

// Submits all at once and waits; answers in the order of the requests.
std::vector<Result<Answer>> together(Engine &engine, const std::vector<Request> &requests) {
    std::mutex mutex;
    std::condition_variable wake;
    std::map<std::size_t, Result<Answer>> answers;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        engine.submit(requests[i], [&, i](const Event &e) {
            if (e.kind != Event::Kind::Done && e.kind != Event::Kind::Failed) return;
            const std::lock_guard lock(mutex);
            answers.emplace(i, e.kind == Event::Kind::Done ? Result<Answer>(e.answer) : Result<Answer>(*e.error));
            wake.notify_all();
        });
    }
    std::unique_lock lock(mutex);
    REQUIRE(wake.wait_for(lock, std::chrono::minutes(5), [&] { return answers.size() == requests.size(); }));
    std::vector<Result<Answer>> out;
    for (auto &[i, answer] : answers) out.push_back(std::move(answer));
    return out;
}

std::vector<Request> mixed() {
    std::vector<Request> requests;
    for (int i = 0; i < 5; ++i) {
        Request request = ask("Question number " + std::to_string(i * 37) + ": " +
                              std::string(static_cast<std::size_t>(i) * 40, static_cast<char>('a' + i)));
        request.maxTokens = 5 + 4 * i;
        request.sampling.temperature = i % 2 == 0 ? 0.0F : 1.3F;
        request.sampling.seed = 100 + i;
        request.topLogprobs = 0;
        if (i == 3) request.messages[0].parts.push_back({PartKind::Image, {}, noisePicture(18, 18, 3), nullptr, nullptr});
        requests.push_back(std::move(request));
    }
    return requests;
}

}  // namespace

TEST_CASE("a batch of conversations equals each alone, bit for bit") {
    for (const char *name : {"tiny-e2b", "tiny-26b-a4b"}) {
        for (const bool reference : {true, false}) {
            INFO(std::string(name), " reference ", reference);
            LoadOptions options;
            options.path = checkpointPath(name);
            options.threads = 2;
            options.referencePrecision = reference;
            auto crowd = Engine::load(options), single = Engine::load(options);
            REQUIRE(crowd);
            REQUIRE(single);
            const std::vector<Request> requests = mixed();
            const auto answers = together(**crowd, requests);
            for (std::size_t i = 0; i < requests.size(); ++i) {
                const auto alone = (*single)->generate(requests[i]);
                REQUIRE(alone);
                REQUIRE(answers[i]);
                CHECK(answers[i]->content == alone->content);
                CHECK(answers[i]->usage.completionTokens == alone->usage.completionTokens);
                REQUIRE(answers[i]->logprobs.size() == alone->logprobs.size());
                for (std::size_t t = 0; t < alone->logprobs.size(); ++t)
                    CHECK(answers[i]->logprobs[t].logprob == alone->logprobs[t].logprob);
            }
        }
    }
}

TEST_CASE("answers to the same prompt read it once") {
    const auto engine = loadEngine(demoModelPath());
    std::vector<Request> requests;
    for (int i = 0; i < 4; ++i) {
        requests.push_back(ask("What can you do? " + std::string(600, 'x')));
        requests.back().sampling.temperature = 1.0F;
        requests.back().sampling.seed = i;
        requests.back().maxTokens = 12;
    }
    int computed = 0;
    for (const auto &answer : together(*engine, requests)) {
        REQUIRE(answer);
        computed += answer->usage.promptTokens - answer->usage.cachedTokens;
    }
    const auto prompt = engine->prompt(requests[0]);
    REQUIRE(prompt);
    CHECK(computed == static_cast<int>(prompt->ids.size()) + 3);
}

TEST_CASE("a long prompt does not keep others from being answered, and one may be cancelled alone") {
    const auto engine = loadEngine(demoModelPath(), 4096);
    Request longOne = ask(std::string(3000, 'q'));
    longOne.maxTokens = 200;
    std::atomic<bool> reading{false}, longDone{false}, longCancelled{false};
    const RequestId id = engine->submit(longOne, [&](const Event &e) {
        if (e.kind == Event::Kind::Progress && e.phase == Phase::ReadingPrompt) reading = true;
        if (e.kind == Event::Kind::Failed) longDone = true;
        if (e.kind == Event::Kind::Done) {
            longCancelled = e.answer.finish == FinishReason::Cancelled;
            longDone = true;
        }
    });
    while (!reading && !longDone) std::this_thread::yield();
    const auto answer = engine->generate(ask("Hello"));
    REQUIRE(answer);
    CHECK_FALSE(answer->content.empty());
    const bool before = longDone;
    engine->cancel(id);
    while (!longDone) std::this_thread::yield();
    if (!before) CHECK(longCancelled);
    CHECK(engine->generate(ask("Hello again")));
}
