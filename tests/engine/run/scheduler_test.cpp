#include "run_support.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

// Collects how requests ended; waits with a generous limit so that a hang fails instead of blocking the suite.
class Endings {
public:
    EventSink sink(int who) {
        return [this, who](const Event &e) {
            if (e.kind != Event::Kind::Done && e.kind != Event::Kind::Failed) return;
            const std::lock_guard lock(m_mutex);
            m_order.push_back(who);
            m_reasons.push_back(e.kind == Event::Kind::Done ? finishReasonName(e.answer.finish) : "failed");
            m_wake.notify_all();
        };
    }
    bool waitFor(std::size_t n) {
        std::unique_lock lock(m_mutex);
        return m_wake.wait_for(lock, std::chrono::seconds(60), [&] { return m_order.size() >= n; });
    }
    std::vector<int> order() {
        const std::lock_guard lock(m_mutex);
        return m_order;
    }
    std::vector<std::string> reasons() {
        const std::lock_guard lock(m_mutex);
        return m_reasons;
    }

private:
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::vector<int> m_order;
    std::vector<std::string> m_reasons;
};

// Goes on until it is cancelled or the context is full.
Request endless() {
    Request request = ask("Write");
    request.sampling.temperature = 2.0F;  // noise
    request.sampling.topK = 0;
    request.sampling.topP = 1.0F;
    for (const std::int32_t end : {1, 106, 50}) request.logitBias.emplace_back(end, -100.0F);  // eos_token_id of the demo model
    return request;
}

}  // namespace

TEST_CASE("cancelling the running request ends it with what it has") {
    const auto engine = loadEngine(demoModelPath());
    Endings endings;
    std::atomic<bool> running{false};
    const auto done = endings.sink(1);
    const RequestId id = engine->submit(endless(), [&](const Event &e) {
        if (e.kind == Event::Kind::Progress && e.phase == Phase::Writing) running = true;
        done(e);
    });
    while (!running && endings.order().empty()) std::this_thread::yield();
    engine->cancel(id);
    REQUIRE(endings.waitFor(1));
    CHECK(endings.reasons()[0] != "failed");
    // The conversation left behind does not disturb the next one.
    CHECK(engine->generate(ask("Hello")));
}

TEST_CASE("waiting requests run in order, and one that is cancelled while it waits is answered at once") {
    LoadOptions options;
    options.path = demoModelPath();
    options.threads = 2;
    options.parallel = 1;
    auto loaded = Engine::load(options);
    REQUIRE(loaded);
    const auto engine = std::move(*loaded);
    Endings endings;
    std::atomic<std::uint64_t> ahead{0};
    const RequestId first = engine->submit(endless(), endings.sink(1));
    const auto third = endings.sink(3);
    const RequestId second = engine->submit(endless(), endings.sink(2));
    engine->submit(ask("Hello"), [&](const Event &e) {
        if (e.kind == Event::Kind::Progress && e.phase == Phase::Waiting) ahead = std::max<std::uint64_t>(ahead, e.done);
        third(e);
    });
    engine->cancel(second);
    REQUIRE(endings.waitFor(1));
    engine->cancel(first);
    REQUIRE(endings.waitFor(3));
    CHECK(endings.order().back() == 3);
}

TEST_CASE("destroying the engine answers everything that is open") {
    Endings endings;
    {
        const auto engine = loadEngine(demoModelPath());
        for (int i = 0; i < 4; ++i) engine->submit(endless(), endings.sink(i));
    }
    CHECK(endings.order().size() == 4);
}

TEST_CASE("generate can be stopped from outside by its token") {
    const auto engine = loadEngine(demoModelPath());
    const CancelToken cancel;
    const auto answer = engine->generate(endless(), [&](const Event &e) {
        if (e.kind == Event::Kind::Progress && e.phase == Phase::Writing) cancel.cancel();
    }, cancel);
    REQUIRE(answer);
    CHECK((answer->finish == FinishReason::Cancelled || answer->finish == FinishReason::Stop));
}

TEST_CASE("requests may be submitted and cancelled from many threads") {
    const auto engine = loadEngine(demoModelPath());
    Endings endings;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 3; ++i) {
                Request request = ask("Hello");
                request.maxTokens = 5;
                const RequestId id = engine->submit(std::move(request), endings.sink(t));
                if (i == 1) engine->cancel(id);
            }
        });
    }
    for (auto &thread : threads) thread.join();
    CHECK(endings.waitFor(12));
}

TEST_CASE("a request in the background gives way at its next chunk") {
    LoadOptions options;
    options.path = demoModelPath();
    options.threads = 2;
    options.parallel = 1; // the one in the background takes nobody's place
    auto loaded = Engine::load(options);
    REQUIRE(loaded);
    Engine &engine = **loaded;
    std::mutex mutex;
    std::condition_variable wake;
    std::string order; // b, f: a piece of either's text; r: the second reads; B, F: their ends
    const auto sink = [&](char token, char end) {
        return [&, token, end](const Event &e) {
            const std::lock_guard lock(mutex);
            if (e.kind == Event::Kind::Progress && e.phase == Phase::ReadingPrompt && token == 'f') order += 'r';
            if (e.kind == Event::Kind::Text || e.kind == Event::Kind::Thought) order += token;
            if (e.kind == Event::Kind::Done || e.kind == Event::Kind::Failed) order += end;
            wake.notify_all();
        };
    };
    const auto waitFor = [&](auto condition) {
        std::unique_lock lock(mutex);
        return wake.wait_for(lock, std::chrono::seconds(60), condition);
    };
    Request slow = endless();
    slow.background = true;
    const RequestId first = engine.submit(slow, sink('b', 'B'));
    REQUIRE(waitFor([&] { return order.find('b') != std::string::npos; }));
    Request second = ask(std::string(900, 'x')); // several chunks to read
    second.maxTokens = 3;
    engine.submit(second, sink('f', 'F'));
    REQUIRE(waitFor([&] { return order.find('F') != std::string::npos; }));
    engine.cancel(first);
    REQUIRE(waitFor([&] { return order.find('B') != std::string::npos; }));
    CHECK(order.find('F') < order.find('B'));
    // From the second's first chunk to its last the first wrote nothing.
    const std::size_t begin = order.find('r');
    const std::size_t end = order.rfind('r');
    REQUIRE(begin < end);
    CHECK(order.substr(begin, end - begin).find('b') == std::string::npos);
}

TEST_CASE("requests in the background can be cancelled while others run") {
    const auto engine = loadEngine(demoModelPath());
    Endings endings;
    Request slow = endless();
    slow.background = true;
    const RequestId background = engine->submit(slow, endings.sink(1));
    std::atomic<bool> running{false};
    const auto ended = endings.sink(2);
    const RequestId other = engine->submit(endless(), [&](const Event &e) {
        if (e.kind == Event::Kind::Progress && e.phase == Phase::Writing) running = true;
        ended(e);
    });
    while (!running && endings.order().empty()) std::this_thread::yield();
    engine->cancel(background);
    REQUIRE(endings.waitFor(1));
    CHECK(endings.order().front() == 1);
    engine->cancel(other);
    REQUIRE(endings.waitFor(2));
}
