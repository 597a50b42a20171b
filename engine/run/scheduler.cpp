#include "run/scheduler.h"

#include "run/rounds.h"
#include "run/tuner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace facet {

namespace {

// Conversations are written to disk when nothing happened for so long, and at the end for at most that long.
constexpr std::chrono::milliseconds kQuiet{2000}, kLastSaves{3000};

}  // namespace

struct Scheduler::Impl {
    explicit Impl(std::shared_ptr<const LoadedModel> loaded)
        : model(std::move(loaded)), rounds(*model, [this] { look(); }) {
        if (model->wantsTuning) tuner.emplace(*model);
    }

    std::shared_ptr<const LoadedModel> model;

    mutable std::mutex mutex;
    std::condition_variable wake;
    std::deque<JobPtr> arrived;  // guarded
    std::vector<JobPtr> open;    // guarded: everything that was not answered yet
    RequestId lastId = 0;        // guarded
    bool stopping = false;       // guarded
    MemoryUse use;               // guarded
    std::atomic<bool> wanted{false};  // by requests or by the end: stops what is only measured

    Rounds rounds;               // engine thread
    std::optional<Tuner> tuner;  // engine thread; nothing: there is nothing to measure (any more)
    std::deque<JobPtr> ahead;    // engine thread: media that nobody asked about yet
    std::thread thread;

    RequestId add(JobPtr job) {
        const std::lock_guard lock(mutex);
        job->id = ++lastId;
        if (stopping) job->cancel.cancel();
        open.push_back(job);
        arrived.push_back(job);
        wanted.store(true, std::memory_order_relaxed);
        wake.notify_all();
        return lastId;
    }

    // Between two rounds: what came in, what was cancelled, what others may want to know.
    void look() {
        {
            const std::lock_guard lock(mutex);
            for (; !arrived.empty(); arrived.pop_front())
                (arrived.front()->isAhead ? ahead : rounds.waiting).push_back(std::move(arrived.front()));
        }
        std::vector<JobPtr> gone;
        std::erase_if(rounds.waiting, [&gone](const JobPtr &job) {
            if (!job->cancel.cancelled()) return false;
            gone.push_back(job);
            return true;
        });
        for (const JobPtr &job : gone) job->finishCancelled();
        const MemoryUse now = rounds.memoryUse();
        const std::lock_guard lock(mutex);
        use = now;
        std::erase_if(open, [](const JobPtr &job) { return job->answered; });
    }

    bool idle() {
        const std::lock_guard lock(mutex);
        return arrived.empty() && rounds.waiting.empty() && !rounds.busy() && ahead.empty();
    }

    void loop() {
        while (true) {
            const bool unsaved = rounds.unsaved();
            bool quiet = false;
            {
                std::unique_lock lock(mutex);
                const auto work = [this] {
                    return stopping || !arrived.empty() || !rounds.waiting.empty() || rounds.busy() || !ahead.empty();
                };
                if (unsaved) quiet = !wake.wait_for(lock, kQuiet, work);
                else if (tuner) quiet = !wake.wait_for(lock, std::chrono::milliseconds(model->options.tuneAfterMs), work);
                else wake.wait(lock, work);
                if (quiet) wanted.store(false, std::memory_order_relaxed);
            }
            if (quiet && !unsaved) {
                tune();
                continue;
            }
            if (quiet) {
                rounds.saveNext([this] {
                    const std::lock_guard lock(mutex);
                    return stopping || !arrived.empty();
                });
                continue;
            }
            while (rounds.run()) {}
            if (!rounds.busy() && !ahead.empty()) {
                const JobPtr job = ahead.front();
                if (rounds.encodeAhead(*job)) ahead.pop_front();
            }
            if (!idle()) continue;
            {
                const std::lock_guard lock(mutex);
                if (!stopping || !arrived.empty()) continue;
            }
            saveBeforeEnd();
            return;
        }
    }

    // Interrupted, it is gone on with when it is quiet again; any other end is the last one. Nobody waits for it, so that
    // an error has nobody to tell: the next load measures again.
    void tune() {
        const MemoryUse now = rounds.memoryUse();
        const std::uint64_t held = now.weights + now.working + now.conversations + now.snapshots + now.softTokens;
        Exec exec = model->exec;
        exec.cancel = &wanted;
        try {
            const Status done = tuner->run(exec, now.limit > held ? now.limit - held : 0, {});
            if (!done && done.error().code == ErrorCode::Cancelled) return;
        } catch (const std::exception &) {  // no memory left: not the time for it
        }
        tuner.reset();
    }

    // What was not saved yet, as far as nobody has to wait long for the program's end.
    void saveBeforeEnd() {
        const auto deadline = std::chrono::steady_clock::now() + kLastSaves;
        const auto late = [deadline] { return std::chrono::steady_clock::now() > deadline; };
        while (!late() && rounds.unsaved()) rounds.saveNext(late);
    }
};

Scheduler::Scheduler(std::shared_ptr<const LoadedModel> model) : m_impl(std::make_unique<Impl>(std::move(model))) {
    m_impl->look();
    m_impl->thread = std::thread([impl = m_impl.get()] { impl->loop(); });
}

Scheduler::~Scheduler() {
    {
        const std::lock_guard lock(m_impl->mutex);
        m_impl->stopping = true;
        m_impl->wanted.store(true, std::memory_order_relaxed);
        for (const JobPtr &job : m_impl->open) job->cancel.cancel();
    }
    m_impl->wake.notify_all();
    m_impl->thread.join();
}

RequestId Scheduler::submit(Request request, EventSink sink) {
    auto job = std::make_shared<Job>();
    job->background = request.background;
    job->request = std::move(request);
    job->sink = std::move(sink);
    return m_impl->add(std::move(job));
}

RequestId Scheduler::encodeAhead(std::vector<Part> media, EventSink sink) {
    auto job = std::make_shared<Job>();
    job->isAhead = true;
    job->ahead = std::move(media);
    job->sink = std::move(sink);
    return m_impl->add(std::move(job));
}

void Scheduler::cancel(RequestId id) {
    const std::lock_guard lock(m_impl->mutex);
    for (const JobPtr &job : m_impl->open)
        if (job->id == id) job->cancel.cancel();
    m_impl->wake.notify_all();
}

MemoryUse Scheduler::memoryUse() const {
    const std::lock_guard lock(m_impl->mutex);
    return m_impl->use;
}

}  // namespace facet
