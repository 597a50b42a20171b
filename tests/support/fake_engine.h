// An engine that plays a script: for tests of everything above the engine. One thread runs the requests in order, as
// the real one does.
//
//     auto control = std::make_shared<FakeControl>();
//     control->script = [](const Request &, FakeEngine::Run &run) { run.text("Hello"); run.done(); };
//     FakeLoader loader(control);
#pragma once

#include "host/engine_port.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace facet::host {

class FakeRun {
public:
    FakeRun(RequestId id, EventSink sink, std::function<bool()> cancelled)
        : m_id(id), m_sink(std::move(sink)), m_cancelled(std::move(cancelled)) {}

    void progress(Phase phase, std::uint64_t done, std::uint64_t total) {
        Event event = make(Event::Kind::Progress);
        event.phase = phase;
        event.done = done;
        event.total = total;
        m_sink(event);
    }
    void thought(const std::string &piece) { piecewise(Event::Kind::Thought, piece, m_answer.thinking); }
    void text(const std::string &piece) { piecewise(Event::Kind::Text, piece, m_answer.content); }
    void toolCall(ToolCall call) {
        m_answer.toolCalls.push_back(call);
        m_answer.finish = FinishReason::ToolCalls;
        Event event = make(Event::Kind::ToolCall);
        event.call = std::move(call);
        m_sink(event);
    }
    void malformed(const std::string &raw) {
        m_answer.malformed.push_back(raw);
        Event event = make(Event::Kind::Malformed);
        event.text = raw;
        m_sink(event);
    }
    void finish(FinishReason reason) { m_answer.finish = reason; }
    void usage(Usage usage) { m_answer.usage = usage; }
    void done() {
        if (cancelled()) m_answer.finish = FinishReason::Cancelled;
        Event event = make(Event::Kind::Done);
        event.answer = m_answer;
        m_ended = true;
        m_sink(event);
    }
    void fail(Error error) {
        Event event = make(Event::Kind::Failed);
        event.error = std::move(error);
        m_ended = true;
        m_sink(event);
    }
    bool cancelled() const { return m_cancelled(); }
    // Computes for ever, until somebody cancels.
    void untilCancelled() const {
        while (!cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    bool ended() const { return m_ended; }

private:
    Event make(Event::Kind kind) {
        Event event;
        event.request = m_id;
        event.seq = m_seq++;
        event.kind = kind;
        return event;
    }
    void piecewise(Event::Kind kind, const std::string &piece, std::string &whole) {
        whole += piece;
        Event event = make(kind);
        event.text = piece;
        m_sink(event);
    }

    RequestId m_id;
    EventSink m_sink;
    std::function<bool()> m_cancelled;
    std::uint64_t m_seq = 0;
    Answer m_answer;
    bool m_ended = false;
};

struct FakeControl {
    FakeControl() {
        info.path = "/models/fake";
        info.name = "fake-model";
        info.architecture = "gemma4";
        info.weightType = "BF16";
        info.parameterCount = 1234;
        info.fileBytes = 5678;
        info.maxContext = 131072;
        info.contextLength = 8192;
        info.hasVision = info.hasAudio = true;
        info.memory = {{.contextLength = 4096, .weightBytes = 1000, .kvBytes = 10, .workBytes = 1},
                       {.contextLength = 8192, .weightBytes = 1000, .kvBytes = 20, .workBytes = 1}};
    }
    ModelInfo info;
    std::function<void(const Request &, FakeRun &)> script = [](const Request &, FakeRun &run) {
        run.text("Hello");
        run.text(" there");
        run.done();
    };
    std::function<Status(const Request &)> check = [](const Request &) -> Status { return ok(); };

    std::mutex mutex;
    std::vector<Request> seen; // in the order they were run
    std::atomic<int> submitted{0}, running{0}, cancels{0}, ended{0}, loads{0}, alive{0}, encodedAhead{0};
};

class FakeEngine final : public EnginePort {
public:
    explicit FakeEngine(std::shared_ptr<FakeControl> control) : m_control(std::move(control)) {
        ++m_control->alive;
        m_thread = std::thread([this] { run(); });
    }
    ~FakeEngine() override {
        {
            const std::lock_guard lock(m_mutex);
            m_stop = true;
        }
        m_wake.notify_all();
        m_thread.join();
        --m_control->alive;
    }
    const ModelInfo &info() const override { return m_control->info; }
    RequestId submit(Request request, EventSink sink) override {
        const std::lock_guard lock(m_mutex);
        m_queue.push_back({++m_lastId, std::move(request), std::move(sink)});
        ++m_control->submitted;
        m_wake.notify_all();
        return m_lastId;
    }
    void cancel(RequestId id) override {
        const std::lock_guard lock(m_mutex);
        m_cancelled.insert(id);
        ++m_control->cancels;
    }
    RequestId encodeAhead(std::vector<Part> media, EventSink sink) override {
        m_control->encodedAhead += static_cast<int>(media.size());
        const std::lock_guard lock(m_mutex);
        Event event;
        event.request = ++m_lastId;
        event.kind = Event::Kind::Done;
        sink(event);
        return m_lastId;
    }
    MemoryUse memoryUse() const override {
        MemoryUse use;
        use.limit = 1000;
        use.weights = 600;
        return use;
    }
    Status check(const Request &request) const override { return m_control->check(request); }

private:
    struct Queued {
        RequestId id;
        Request request;
        EventSink sink;
    };
    void run() {
        for (;;) {
            std::unique_lock lock(m_mutex);
            m_wake.wait(lock, [this] { return m_stop || !m_queue.empty(); });
            if (m_queue.empty()) return;
            Queued next = std::move(m_queue.front());
            m_queue.pop_front();
            lock.unlock();
            FakeRun fake(next.id, next.sink, [this, id = next.id] {
                const std::lock_guard inner(m_mutex);
                return m_stop || m_cancelled.count(id) > 0;
            });
            {
                const std::lock_guard inner(m_control->mutex);
                m_control->seen.push_back(next.request);
            }
            ++m_control->running;
            if (fake.cancelled()) {
                fake.done();
            } else {
                m_control->script(next.request, fake);
            }
            if (!fake.ended()) fake.done();
            --m_control->running;
            ++m_control->ended;
        }
    }

    std::shared_ptr<FakeControl> m_control;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Queued> m_queue;
    std::set<RequestId> m_cancelled;
    RequestId m_lastId = 0;
    bool m_stop = false;
    std::thread m_thread;
};

// Paths that hold "missing" are not there, "corrupt" fail to load, "slow" load until cancelled; all others load at
// once.
class FakeLoader final : public EngineLoader {
public:
    explicit FakeLoader(std::shared_ptr<FakeControl> control) : m_control(std::move(control)) {}
    Result<std::unique_ptr<EnginePort>> load(const LoadOptions &options, const ProgressFn &progress,
                                             const CancelToken &cancel) override {
        ++m_control->loads;
        lastOptions = options;
        if (progress) progress(Phase::Loading, 1, 10);
        if (options.path.find("corrupt") != std::string::npos) {
            return Error{.code = ErrorCode::ModelFileCorrupt,
                         .message = "The model file is cut short.",
                         .file = options.path,
                         .offset = 42};
        }
        while (options.path.find("slow") != std::string::npos) {
            if (cancel.cancelled()) return Error{ErrorCode::Cancelled, "Loading was cancelled."};
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        if (progress) progress(Phase::Loading, 10, 10);
        return std::unique_ptr<EnginePort>(std::make_unique<FakeEngine>(m_control));
    }
    Result<ModelInfo> inspect(const LoadOptions &options) override {
        lastInspected = options;
        if (options.path.find("missing") != std::string::npos) {
            return Error{.code = ErrorCode::FileNotFound, .message = "There is no model.", .file = options.path};
        }
        ModelInfo info = m_control->info;
        info.contextLength = 0;
        return info;
    }
    LoadOptions lastOptions, lastInspected;

private:
    std::shared_ptr<FakeControl> m_control;
};

} // namespace facet::host
