#include "host/generation.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace facet::host {

namespace {

// How soon a hung-up peer is noticed; short against a layer of prefill on a big model.
constexpr std::chrono::milliseconds kLookAround{20};

// Engine thread -> request thread. Never blocks the engine; text that piles up behind a slow peer is joined, so the
// queue holds no more than the answer itself.
class EventQueue {
public:
    struct Item {
        std::size_t request = 0;
        Event event;
    };
    void push(std::size_t request, const Event &event) {
        {
            const std::lock_guard lock(m_mutex);
            if (m_items.empty() || m_items.back().request != request || !join(m_items.back().event, event))
                m_items.push_back({request, event});
        }
        m_wake.notify_one();
    }
    std::deque<Item> take(std::chrono::milliseconds wait) {
        std::unique_lock lock(m_mutex);
        m_wake.wait_for(lock, wait, [this] { return !m_items.empty(); });
        return std::exchange(m_items, {});
    }

private:
    static bool join(Event &last, const Event &next) {
        if (last.kind != next.kind) return false;
        switch (next.kind) {
        case Event::Kind::Thought:
        case Event::Kind::Text:
            last.text += next.text;
            last.logprobs.insert(last.logprobs.end(), next.logprobs.begin(), next.logprobs.end());
            return true;
        case Event::Kind::Progress:
            if (last.phase != next.phase) return false;
            last.done = next.done;
            last.total = next.total;
            return true;
        default: return false;
        }
    }

    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Item> m_items;
};

// Waits until everything that was submitted has ended.
class Run {
public:
    Run(EnginePort &engine, const RunHooks &hooks, const CancelToken &gone)
        : m_engine(engine), m_hooks(hooks), m_gone(gone), m_queue(std::make_shared<EventQueue>()) {}

    EventSink sink(std::size_t request) {
        return [queue = m_queue, request](const Event &event) { queue->push(request, event); };
    }
    void started(RequestId id) { m_ids.push_back(id); }

    Result<std::vector<Answer>> wait() {
        m_answers.resize(m_ids.size());
        for (std::size_t open = m_ids.size(); open > 0;) {
            auto items = m_queue->take(kLookAround);
            if (m_gone.cancelled()) stop();
            for (auto &[request, event] : items) open -= handle(request, event) ? 1 : 0;
            if (!m_stopped && items.empty() && m_hooks.idle && !m_hooks.idle()) stop();
        }
        if (m_error) return std::move(*m_error);
        return std::move(m_answers);
    }

private:
    // True: it was the last event of its request.
    bool handle(std::size_t request, Event &event) {
        if (event.kind == Event::Kind::Done) {
            m_answers[request] = std::move(event.answer);
            return true;
        }
        if (event.kind == Event::Kind::Failed) {
            if (!m_error)
                m_error = event.error ? std::move(*event.error)
                                      : Error{ErrorCode::Internal,
                                              "The engine failed without saying why; please report this."};
            stop();
            return true;
        }
        if (m_stopped) return false;
        const bool goOn = m_hooks.choice ? m_hooks.choice(event, request) : !m_hooks.event || m_hooks.event(event);
        if (!goOn) stop();
        return false;
    }
    void stop() {
        if (std::exchange(m_stopped, true)) return;
        for (const RequestId id : m_ids) m_engine.cancel(id);
    }

    EnginePort &m_engine;
    const RunHooks &m_hooks;
    const CancelToken &m_gone;
    std::shared_ptr<EventQueue> m_queue;
    std::vector<RequestId> m_ids;
    std::vector<Answer> m_answers;
    std::optional<Error> m_error;
    bool m_stopped = false;
};

} // namespace

Result<std::vector<Answer>> runRequests(EnginePort &engine, std::vector<Request> requests, const RunHooks &hooks,
                                        const CancelToken &gone) {
    Run run(engine, hooks, gone);
    for (std::size_t i = 0; i < requests.size(); ++i) run.started(engine.submit(std::move(requests[i]), run.sink(i)));
    FACET_TRY(answers, run.wait());
    for (const Answer &answer : answers) {
        if (answer.finish != FinishReason::Cancelled) continue;
        for (Answer &each : answers) each.finish = FinishReason::Cancelled;
        break;
    }
    return answers;
}

Result<Answer> runRequest(EnginePort &engine, Request request, const RunHooks &hooks, const CancelToken &gone) {
    std::vector<Request> requests;
    requests.push_back(std::move(request));
    FACET_TRY(answers, runRequests(engine, std::move(requests), hooks, gone));
    return std::move(answers.front());
}

Status runEncodeAhead(EnginePort &engine, std::vector<Part> media, const CancelToken &gone) {
    const RunHooks none;
    Run run(engine, none, gone);
    run.started(engine.encodeAhead(std::move(media), run.sink(0)));
    FACET_TRY(answers, run.wait());
    if (answers.front().finish == FinishReason::Cancelled)
        return Error{ErrorCode::Cancelled, "Reading the medium ahead was stopped."};
    return ok();
}

} // namespace facet::host
