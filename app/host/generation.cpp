#include "host/generation.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace facet::host {

namespace {

// How soon a hung-up peer is noticed; short against a layer of prefill on a big model.
constexpr std::chrono::milliseconds kLookAround{20};

// Engine thread -> request thread. Never blocks the engine; text that piles up behind a slow peer is joined, so the
// queue holds no more than the answer itself.
class EventQueue {
public:
    void push(const Event &event) {
        {
            const std::lock_guard lock(m_mutex);
            if (m_events.empty() || !join(m_events.back(), event)) m_events.push_back(event);
        }
        m_wake.notify_one();
    }
    std::deque<Event> take(std::chrono::milliseconds wait) {
        std::unique_lock lock(m_mutex);
        m_wake.wait_for(lock, wait, [this] { return !m_events.empty(); });
        return std::exchange(m_events, {});
    }

private:
    static bool join(Event &last, const Event &next) {
        if (last.kind != next.kind) return false;
        switch (next.kind) {
        case Event::Kind::Thought:
        case Event::Kind::Text: last.text += next.text; return true;
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
    std::deque<Event> m_events;
};

} // namespace

Result<Answer> runRequest(EnginePort &engine, Request request, const RunHooks &hooks, const CancelToken &gone) {
    const auto queue = std::make_shared<EventQueue>();
    const RequestId id = engine.submit(std::move(request), [queue](const Event &event) { queue->push(event); });
    bool stopped = false;
    const auto stop = [&] {
        if (!std::exchange(stopped, true)) engine.cancel(id);
    };
    for (;;) {
        std::deque<Event> events = queue->take(kLookAround);
        if (gone.cancelled()) stop();
        for (Event &event : events) {
            if (event.kind == Event::Kind::Done) return std::move(event.answer);
            if (event.kind == Event::Kind::Failed) {
                return event.error
                           ? std::move(*event.error)
                           : Error{ErrorCode::Internal, "The engine failed without saying why; please report this."};
            }
            if (!stopped && hooks.event && !hooks.event(event)) stop();
        }
        if (!stopped && events.empty() && hooks.idle && !hooks.idle()) stop();
    }
}

} // namespace facet::host
