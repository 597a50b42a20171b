#include "run/scheduler.h"

#include "run/generation.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

namespace facet {

namespace {

struct Job {
    RequestId id = 0;
    Request request;
    EventSink sink;
    CancelToken cancel;
    std::uint64_t seq = 0;       // engine thread only
    std::uint64_t toldAhead = 0; // last "waiting behind n" that was told; engine thread only
};
using JobPtr = std::shared_ptr<Job>;

void emit(Job &job, Event event) {
    event.request = job.id;
    event.seq = job.seq++;
    if (job.sink) job.sink(event);
}

void finish(Job &job, Result<Answer> result) {
    Event event;
    if (result) {
        event.kind = Event::Kind::Done;
        event.answer = std::move(result).value();
    } else {
        event.kind = Event::Kind::Failed;
        event.error = std::move(result).error();
    }
    emit(job, std::move(event));
}

Answer cancelled() {
    Answer answer;
    answer.finish = FinishReason::Cancelled;
    return answer;
}

}  // namespace

struct Scheduler::Impl {
    std::shared_ptr<const LoadedModel> model;
    SessionState session;
    MediaEncoder encoder;

    std::mutex mutex;
    std::condition_variable wake;
    std::deque<JobPtr> queue;  // guarded
    JobPtr running;            // guarded
    RequestId lastId = 0;      // guarded
    bool stopping = false;     // guarded
    std::thread thread;

    // Takes waiting requests that were cancelled out of the queue and answers them; tells the others their place.
    void serviceQueue() {
        std::vector<JobPtr> gone;
        std::vector<std::pair<JobPtr, std::uint64_t>> moved;
        {
            const std::lock_guard lock(mutex);
            std::erase_if(queue, [&gone](const JobPtr &job) {
                if (!job->cancel.cancelled()) return false;
                gone.push_back(job);
                return true;
            });
            std::uint64_t ahead = running ? 1 : 0;
            for (const JobPtr &job : queue) {
                if (ahead > 0 && job->toldAhead != ahead) moved.emplace_back(job, ahead);
                ++ahead;
            }
        }
        for (const JobPtr &job : gone) finish(*job, cancelled());
        for (auto &[job, ahead] : moved) {
            job->toldAhead = ahead;
            Event event;
            event.kind = Event::Kind::Progress;
            event.phase = Phase::Waiting;
            event.done = ahead;
            emit(*job, std::move(event));
        }
    }

    Result<Answer> run(Job &job) {
        GenerationHooks hooks;
        hooks.emit = [&job](Event event) { emit(job, std::move(event)); };
        hooks.breathe = [this] { serviceQueue(); };
        hooks.cancel = job.cancel.flag();
        // Foreign code may throw: this is the seam where it becomes a value again.
        try {
            return runGeneration(*model, session, encoder, job.request, hooks);
        } catch (const std::bad_alloc &) {
            session = {};
            return Error{ErrorCode::OutOfMemory, "There was not enough memory for this request: shorten the "
                                                 "conversation or use fewer or smaller pictures."};
        } catch (const std::exception &e) {
            session = {};
            return Error{ErrorCode::Internal, "The engine met an unexpected problem with this request.", e.what()};
        }
    }

    void loop() {
        while (true) {
            JobPtr job;
            {
                std::unique_lock lock(mutex);
                wake.wait(lock, [this] { return stopping || !queue.empty(); });
                if (queue.empty()) return;
                job = queue.front();
                queue.pop_front();
                running = job;
                if (stopping) job->cancel.cancel();
            }
            finish(*job, job->cancel.cancelled() ? Result<Answer>(cancelled()) : run(*job));
            const std::lock_guard lock(mutex);
            running = nullptr;
        }
    }
};

Scheduler::Scheduler(std::shared_ptr<const LoadedModel> model) : m_impl(std::make_unique<Impl>()) {
    m_impl->model = std::move(model);
    m_impl->thread = std::thread([impl = m_impl.get()] { impl->loop(); });
}

Scheduler::~Scheduler() {
    {
        const std::lock_guard lock(m_impl->mutex);
        m_impl->stopping = true;
        for (const JobPtr &job : m_impl->queue) job->cancel.cancel();
        if (m_impl->running) m_impl->running->cancel.cancel();
    }
    m_impl->wake.notify_all();
    m_impl->thread.join();
}

RequestId Scheduler::submit(Request request, EventSink sink) {
    auto job = std::make_shared<Job>();
    job->request = std::move(request);
    job->sink = std::move(sink);
    const std::lock_guard lock(m_impl->mutex);
    job->id = ++m_impl->lastId;
    if (m_impl->stopping) job->cancel.cancel();
    m_impl->queue.push_back(job);
    m_impl->wake.notify_all();
    return job->id;
}

void Scheduler::cancel(RequestId id) {
    const std::lock_guard lock(m_impl->mutex);
    if (m_impl->running && m_impl->running->id == id) m_impl->running->cancel.cancel();
    for (const JobPtr &job : m_impl->queue)
        if (job->id == id) job->cancel.cancel();
}

}  // namespace facet
