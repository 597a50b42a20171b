// What is read again and what is not: the counts that usage tells are exact.
#include "run_support.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

// The tiny checkpoints have windows of 16 to 24 positions: their rings lose old turns as long conversations of the
// released models do. Their answers are noise, cut after a few tokens.
std::unique_ptr<Engine> loadTiny(const std::string &name = "tiny-e2b", std::uint64_t memory = 0, int context = 4096) {
    LoadOptions options;
    options.path = checkpointPath(name);
    options.threads = 2;
    options.contextLength = context;
    options.memoryLimitBytes = memory;
    auto engine = Engine::load(options);
    REQUIRE(engine);
    return std::move(*engine);
}

Message said(Role role, const std::string &text) {
    Message message;
    message.role = role;
    message.parts.push_back({PartKind::Text, text, nullptr, nullptr, nullptr});
    return message;
}

std::string words(int seed, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "word" + std::to_string((seed * 7919 + i * 104729) % 1000) + " ";
    return text;
}

// Turns of user and assistant, ending with a question.
Request chat(std::initializer_list<std::string> texts, int maxTokens = 8) {
    Request request;
    bool user = true;
    for (const std::string &text : texts) {
        request.messages.push_back(said(user ? Role::User : Role::Assistant, text));
        user = !user;
    }
    request.sampling.temperature = 0;
    request.maxTokens = maxTokens;
    return request;
}

std::vector<std::int32_t> idsOf(const Engine &engine, const Request &request) {
    const auto prompt = engine.prompt(request);
    REQUIRE(prompt);
    return prompt->ids;
}

int common(const std::vector<std::int32_t> &a, const std::vector<std::int32_t> &b) {
    return static_cast<int>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

// Tokens behind the last end of a turn before position `at`: what going back to a turn's end reads once more.
int sinceTurn(const Engine &engine, const std::vector<std::int32_t> &ids, int at) {
    const std::int32_t end = engine.tokenize("<turn|>", true).front();
    int n = at;
    while (n > 0 && ids[static_cast<std::size_t>(n) - 1] != end) --n;
    return at - n;
}

Answer answered(Engine &engine, const Request &request) {
    auto answer = engine.generate(request);
    INFO((answer ? std::string() : answer.error().describe()));
    REQUIRE(answer);
    return std::move(*answer);
}

// What a new engine says to it: the judge of everything that came from a cache.
Answer anew(const Request &request, const std::string &name = "tiny-e2b") { return answered(*loadTiny(name), request); }

const std::string kFirst = words(1, 40), kAnswer1 = words(2, 60), kSecond = words(3, 50), kAnswer2 = words(4, 70),
                  kThird = words(5, 30);

}  // namespace

TEST_CASE("going on reads only what is new") {
    for (const char *name : {"tiny-e2b", "tiny-31b", "tiny-26b-a4b"}) {
        const auto engine = loadTiny(name);
        const Request first = chat({kFirst});
        CHECK(answered(*engine, first).usage.cachedTokens == 0);
        const Request second = chat({kFirst, kAnswer1, kSecond});
        const auto ids1 = idsOf(*engine, first), ids2 = idsOf(*engine, second);
        const Answer answer = answered(*engine, second);
        CHECK(answer.usage.promptTokens == static_cast<int>(ids2.size()));
        CHECK(answer.usage.cachedTokens >= common(ids1, ids2) - sinceTurn(*engine, ids2, common(ids1, ids2)));
        CHECK(answer.content == anew(second, name).content);
    }
}

TEST_CASE("asking once more reads one token, however long ago the turn was") {
    const auto engine = loadTiny();
    const Request request = chat({kFirst, kAnswer1, kSecond}, 280);  // an answer that goes round the rings
    const Answer first = answered(*engine, request);
    const Answer again = answered(*engine, request);
    CHECK(again.usage.cachedTokens == again.usage.promptTokens - 1);
    CHECK(again.content == first.content);
}

TEST_CASE("editing in the middle goes back to the turn before it, and the other branch stays") {
    for (const char *name : {"tiny-e2b", "tiny-31b", "tiny-26b-a4b"}) {
        INFO(std::string(name));
        const auto engine = loadTiny(name);
        const Request whole = chat({kFirst, kAnswer1, kSecond, kAnswer2, kThird}, 60);
        const auto ids = idsOf(*engine, whole);
        answered(*engine, whole);

        const Request edited = chat({kFirst, kAnswer1, words(6, 45), kAnswer2, kThird}, 12);
        const auto editedIds = idsOf(*engine, edited);
        const int shared = common(ids, editedIds);
        const Answer answer = answered(*engine, edited);
        // Exactly the turn's end where the rings have gone on, up to the edit itself where they have not.
        CHECK(answer.usage.cachedTokens >= shared - sinceTurn(*engine, ids, shared));
        CHECK(answer.usage.cachedTokens <= shared);
        if (std::string(name) == "tiny-e2b") CHECK(answer.usage.cachedTokens == shared - sinceTurn(*engine, ids, shared));
        CHECK(answer.content == anew(edited, name).content);

        // Back to the first branch: nothing of it was lost.
        Request back = whole;
        back.maxTokens = 12;
        const Answer old = answered(*engine, back);
        CHECK(old.usage.cachedTokens == old.usage.promptTokens - 1);
        CHECK(old.content == anew(back, name).content);
    }
}

TEST_CASE("a branch from an earlier turn re-reads only what follows it") {
    const auto engine = loadTiny();
    answered(*engine, chat({kFirst, kAnswer1, kSecond, kAnswer2, kThird}, 60));
    const Request branch = chat({kFirst, kAnswer1, words(8, 20)}, 12);
    const auto ids = idsOf(*engine, branch);
    const int shared = common(ids, idsOf(*engine, chat({kFirst, kAnswer1, kSecond})));
    const Answer answer = answered(*engine, branch);
    CHECK(answer.usage.cachedTokens == shared - sinceTurn(*engine, ids, shared));
    CHECK(answer.content == anew(branch).content);
}

TEST_CASE("conversations that begin alike share the beginning, and keep apart") {
    const auto engine = loadTiny();
    const auto with = [](const std::string &question) {
        Request request = chat({question}, 12);
        request.messages.insert(request.messages.begin(), said(Role::System, words(9, 80)));
        return request;
    };
    const Request a = with(kFirst), b = with(kSecond);
    const auto idsA = idsOf(*engine, a), idsB = idsOf(*engine, b);
    answered(*engine, a);
    const Answer second = answered(*engine, b);
    CHECK(second.usage.cachedTokens >= common(idsA, idsB) - sinceTurn(*engine, idsB, common(idsA, idsB)));
    CHECK(second.content == anew(b).content);
    CHECK(engine->memoryUse().conversationCount == 2);
    CHECK(answered(*engine, a).usage.cachedTokens == static_cast<int>(idsA.size()) - 1);
}

TEST_CASE("a second question about the same picture reads only the question") {
    for (const char *name : {"tiny-e2b", "tiny-26b-a4b"}) {
        const auto engine = loadTiny(name);
        const auto picture = noisePicture(30, 30, 4);
        const auto about = [&picture](const std::string &question, int maxTokens) {
            Request request = chat({question}, maxTokens);
            request.messages[0].parts.insert(request.messages[0].parts.begin(),
                                             {PartKind::Image, {}, picture, nullptr, nullptr});
            return request;
        };
        const Request first = about(kFirst, 280), second = about(kSecond, 12);
        const auto ids = idsOf(*engine, second);
        const std::int32_t soft = engine->tokenize("<|image|>", true).front();
        const auto last = std::find(ids.rbegin(), ids.rend(), soft);
        const int behindPicture = static_cast<int>(ids.rend() - last) + 1;  // and its end marker
        CHECK(answered(*engine, first).usage.encodeMs > 0);
        const Answer answer = answered(*engine, second);
        CHECK(answer.usage.cachedTokens >= behindPicture);
        CHECK(answer.usage.encodeMs == 0);
        CHECK(answer.content == anew(second, name).content);
    }
}

TEST_CASE("with little memory old conversations make way, and answers stay right") {
    const auto full = loadTiny();
    const std::uint64_t weights = full->memoryUse().weights;
    REQUIRE(weights > 0);
    LoadOptions options;
    options.path = checkpointPath("tiny-e2b");
    options.contextLength = 1024;
    options.threads = 2;
    options.kv = KvType::F16; // auto would become smaller
    // The least that loads, found by asking.
    std::unique_ptr<Engine> engine;
    for (std::uint64_t limit = weights; !engine; limit += 256 << 10U) {
        options.memoryLimitBytes = limit;
        if (auto loaded = Engine::load(options)) engine = std::move(*loaded);
        REQUIRE(limit < weights + (1U << 30U));
    }
    for (int i = 0; i < 12; ++i) {
        const Request request = chat({words(20 + i, 120), kAnswer1, kSecond}, 12);
        const Answer answer = answered(*engine, request);
        const MemoryUse use = engine->memoryUse();
        CHECK(use.weights + use.conversations + use.snapshots + use.softTokens <= use.limit);
        if (i % 4 == 3) CHECK(answer.content == anew(request).content);
    }
    CHECK(engine->memoryUse().conversationCount < 12);
}

TEST_CASE("the end of the context is told, and nothing is dropped") {
    const auto engine = loadTiny("tiny-e2b", 0, 64);
    Request request = ask("Tell me");
    request.sampling.temperature = 100;
    request.sampling.topK = 0;
    request.sampling.topP = 1;
    request.sampling.seed = 3;
    const Answer answer = answered(*engine, request);
    if (answer.finish == FinishReason::Length) {
        CHECK(answer.contextFull);
        CHECK(answer.usage.promptTokens + answer.usage.completionTokens == 65);
    }
    request.maxTokens = 2;
    CHECK_FALSE(answered(*engine, request).contextFull);
}

TEST_CASE("media that are encoded ahead are there when they are asked about") {
    const auto engine = loadTiny();
    const auto picture = noisePicture(30, 30, 4);
    std::atomic<int> ended{0};
    engine->encodeAhead({{PartKind::Image, {}, picture, nullptr, nullptr}}, [&](const Event &e) {
        if (e.kind == Event::Kind::Done || e.kind == Event::Kind::Failed) ++ended;
    });
    while (ended == 0) std::this_thread::yield();
    CHECK(engine->memoryUse().softTokens > 0);
    Request request = chat({kFirst});
    request.messages[0].parts.push_back({PartKind::Image, {}, picture, nullptr, nullptr});
    const Answer answer = answered(*engine, request);
    CHECK(answer.usage.encodeMs == 0);
    CHECK(answer.content == anew(request).content);

    const RequestId stopped = engine->encodeAhead({{PartKind::Image, {}, noisePicture(60, 60, 9), nullptr, nullptr}},
                                                  [&](const Event &e) {
                                                      if (e.kind == Event::Kind::Done) ++ended;
                                                  });
    engine->cancel(stopped);
    while (ended < 2) std::this_thread::yield();
    bool failed = false;
    engine->encodeAhead({{PartKind::Image, {}, noisePicture(7, 5, 9), nullptr, nullptr}},
                        [&](const Event &e) {
                            failed = failed || e.kind == Event::Kind::Failed;
                            if (e.kind == Event::Kind::Done || e.kind == Event::Kind::Failed) ++ended;
                        });
    while (ended < 3) std::this_thread::yield();
    CHECK(failed);
}

TEST_CASE("media are encoded ahead with the adapters of the load, and not found by requests that choose others") {
    LoadOptions options;
    options.path = checkpointPath("tiny-e2b");
    options.threads = 2;
    options.contextLength = 2048;
    options.adapters = {{checkpointPath("tiny-e2b-lora"), 1.0F}};
    const auto load = [&options] {
        auto engine = Engine::load(options);
        INFO((engine ? std::string() : engine.error().describe()));
        REQUIRE(engine);
        return std::move(*engine);
    };
    const auto engine = load();
    const auto picture = noisePicture(30, 30, 4);
    std::atomic<bool> done{false};
    engine->encodeAhead({{PartKind::Image, {}, picture, nullptr, nullptr}}, [&](const Event &e) {
        if (e.kind == Event::Kind::Done || e.kind == Event::Kind::Failed) done = true;
    });
    while (!done) std::this_thread::yield();
    Request request = chat({kFirst});
    request.messages[0].parts.push_back({PartKind::Image, {}, picture, nullptr, nullptr});
    const Answer with = answered(*engine, request);
    CHECK(with.usage.encodeMs == 0);
    CHECK(with.content == answered(*load(), request).content);
    request.adapters = {{"tiny-e2b-lora", 0.0F}};
    const Answer without = answered(*engine, request);
    CHECK(without.usage.encodeMs > 0);
    CHECK(without.usage.cachedTokens == 0);
    CHECK(without.content == anew([&] {
              Request plain = request;
              plain.adapters.clear();
              return plain;
          }()).content);
}

TEST_CASE("whatever was asked before, answers are those of a new engine, bit for bit") {
    LoadOptions options;
    options.threads = 2;
    options.contextLength = 4096;
    options.referencePrecision = true;
    for (const char *name : {"tiny-e2b", "tiny-26b-a4b"}) {
        INFO(std::string(name));
        options.path = checkpointPath(name);
        auto engine = Engine::load(options);
        REQUIRE(engine);
        std::mt19937 random(17);
        std::vector<std::string> texts;  // the conversation as it stands
        for (int step = 0; step < 8; ++step) {
            // Goes on, cuts back to an earlier turn, edits one in the middle, or asks the same again.
            const auto choice = random() % 4;
            if (choice == 1 && texts.size() > 3) texts.resize(1 + 2 * (random() % (texts.size() / 2)));
            else if (choice == 2 && !texts.empty()) texts[random() % texts.size()] = words(static_cast<int>(random() % 50), 25);
            else if (choice != 3 || texts.empty()) {
                if (!texts.empty()) texts.push_back(words(static_cast<int>(random() % 50), 40));
                texts.push_back(words(static_cast<int>(random() % 50), 30));
            }
            Request request = chat({}, 6 + static_cast<int>(random() % 30));
            for (std::size_t i = 0; i < texts.size(); ++i)
                request.messages.push_back(said(i % 2 == 0 ? Role::User : Role::Assistant, texts[i]));
            request.topLogprobs = 0;
            const Answer cached = answered(**engine, request);
            auto fresh = Engine::load(options);
            REQUIRE(fresh);
            const Answer whole = answered(**fresh, request);
            CHECK(cached.content == whole.content);
            REQUIRE(cached.logprobs.size() == whole.logprobs.size());
            for (std::size_t i = 0; i < whole.logprobs.size(); ++i)
                CHECK(cached.logprobs[i].logprob == whole.logprobs[i].logprob);
            if (step > 0) CHECK(cached.usage.cachedTokens > 0);
        }
    }
}
