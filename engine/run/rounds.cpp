#include "run/rounds.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace facet {

namespace {

constexpr int kDefaultParallel = 4;
constexpr int kMostParallel = 64;
// A prefix that another request is just reading is waited for if it is longer than this.
constexpr std::int64_t kWorthWaiting = 32;

Error outOfMemory() {
    return {ErrorCode::OutOfMemory, "There was not enough memory for this request: shorten the conversation or use "
                                    "fewer or smaller pictures."};
}

}  // namespace

Rounds::Rounds(const LoadedModel &model, std::function<void()> look)
    : m_model(model), m_look(std::move(look)), m_budget(model.cacheBudget), m_pool(model, m_budget),
      m_encoder(&m_budget, model.cacheFolder, model.stateKey), m_store(model, model.cacheFolder),
      m_parallel(static_cast<std::size_t>(
          std::clamp(model.options.parallel > 0 ? model.options.parallel : kDefaultParallel, 1, kMostParallel))) {
    m_budget.add(m_pool);
    m_budget.add(m_encoder);
}

Exec Rounds::execFor(const Job &job, const Exec &base) const {
    Exec exec = base;
    exec.cancel = job.cancel.flag();
    return exec;
}

// Foreign code may throw: this is the seam where it becomes a value again.
template <typename Function>
void Rounds::guarded(Job &job, Function function) {
    std::optional<Error> error;
    try {
        function();
        return;
    } catch (const std::bad_alloc &) {
        error = outOfMemory();
    } catch (const std::exception &e) {
        error = Error{ErrorCode::Internal, "The engine met an unexpected problem with this request.", e.what()};
    }
    // Nobody knows how far its cache was changed.
    if (job.session) m_pool.drop(*std::exchange(job.session, nullptr));
    job.run->fail(std::move(*error));
}

bool Rounds::round(bool mayEncode) {
    m_look();
    admit();
    bool worked = readOne(mayEncode);
    worked = writeAll() || worked;
    return reap() || worked;
}

bool Rounds::worthWaiting(const Job &job) const {
    const std::int64_t now = m_pool.reusable(job.run->prompt());
    return std::any_of(m_active.begin(), m_active.end(), [&](const JobPtr &other) {
        const auto stage = other->run->stage();
        if (stage != RunningRequest::Stage::Encoding && stage != RunningRequest::Stage::Reading) return false;
        const std::int64_t common = commonPrefix(other->run->prompt(), job.run->prompt());
        return common > now + kWorthWaiting && other->session && other->session->cache->length() < common;
    });
}

bool Rounds::start(const JobPtr &job) {
    if (!job->run) {
        Job &raw = *job;
        std::optional<Error> error;
        try {
            auto run = RunningRequest::create(m_model, std::move(job->request),
                                              [&raw](Event event) { raw.emit(std::move(event)); });
            if (run) job->run = std::move(*run);
            else error = run.error();
        } catch (const std::bad_alloc &) {
            error = outOfMemory();
        } catch (const std::exception &e) {
            error = Error{ErrorCode::Internal, "The engine met an unexpected problem with this request.", e.what()};
        }
        if (error) {
            job->finish(std::move(*error));
            return true;
        }
    }
    if (!m_active.empty() && (worthWaiting(*job) || !m_pool.admits(job->run->prompt(), job->run->maxTokens())))
        return false;
    m_active.push_back(job);
    guarded(*job, [&] {
        if (auto saved = m_store.find(job->run->prompt(), m_pool.reusable(job->run->prompt())))
            m_pool.adopt(std::move(*saved));
        auto lease = m_pool.acquire(job->run->prompt(), job->run->maxTokens());
        if (!lease) return job->run->fail(lease.error());
        job->session = lease->session;
        job->run->start(*lease->session, lease->kept, m_encoder);
    });
    return true;
}

bool Rounds::foreground(bool reading) const {
    return std::any_of(m_active.begin(), m_active.end(), [reading](const JobPtr &job) {
        const auto stage = job->run->stage();
        const bool writes = stage == RunningRequest::Stage::Writing;
        return !job->background && stage != RunningRequest::Stage::Ended && !(reading && writes);
    });
}

void Rounds::admitThose(bool background, std::size_t most) {
    const auto those = [background](const JobPtr &job) { return job->background == background; };
    for (std::size_t i = 0; i < waiting.size();) {
        if (static_cast<std::size_t>(std::count_if(m_active.begin(), m_active.end(), those)) >= most) return;
        const JobPtr job = waiting[i];
        // m_look answers those that were cancelled.
        if (job->background != background || job->cancel.cancelled() || !start(job)) {
            ++i;
            continue;
        }
        waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

// What is in the background is let in while nobody else is answered, and takes nobody's place.
void Rounds::admit() {
    admitThose(false, m_parallel);
    if (!foreground(false)) admitThose(true, m_parallel);
    for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i]->waitingBehind(m_active.size() + i);
}

// The next of those that encode or read, in turn; one in the background only while nobody else does anything.
bool Rounds::readOne(bool mayEncode) {
    const bool others = foreground(false);
    for (std::size_t i = 0; i < m_active.size(); ++i) {
        const std::size_t at = (m_nextReader + i) % m_active.size();
        const JobPtr job = m_active[at];
        const auto stage = job->run->stage();
        const bool encodes = stage == RunningRequest::Stage::Encoding && mayEncode;
        if (!encodes && stage != RunningRequest::Stage::Reading) continue;
        if (job->background && others && !job->cancel.cancelled()) continue;
        m_nextReader = at + 1;
        guarded(*job, [&] {
            if (job->cancel.cancelled()) return job->run->cancel();
            const Exec exec = execFor(*job, m_model.exec);
            // Between the layers of a tower the others go on: one step, or as far as they can get before the background.
            const auto yield = [this, background = job->background] {
                while (round(false) && background && foreground(false)) {}
            };
            if (encodes) return job->run->encodeNext(m_encoder, exec, yield);
            Segment segment = job->run->nextChunk();
            m_pool.beforePass(*job->session, static_cast<std::int64_t>(segment.ids.size()));
            job->run->tookChunk(m_model.text.forward(exec, std::span(&segment, 1)));
        });
        return true;
    }
    return false;
}

// Those in the background join the passes of others, which read the same weights, but do not come between their chunks.
bool Rounds::writeAll() {
    const bool othersRead = foreground(true);
    std::vector<Job *> jobs;
    for (const JobPtr &job : m_active) {
        if (job->run->stage() != RunningRequest::Stage::Writing) continue;
        if (job->background && othersRead && !job->cancel.cancelled()) continue;
        if (job->cancel.cancelled()) job->run->cancel();
        else jobs.push_back(job.get());
    }
    if (jobs.empty()) return false;
    pass(jobs);
    return true;
}

void Rounds::passAlone(Job &job, Segment &segment) {
    const Exec exec = execFor(job, m_model.writeExec);
    auto output = m_model.text.forward(exec, std::span(&segment, 1));
    if (output) job.run->tookRows(output->logits, output->hidden);
    else if (output.error().code == ErrorCode::Cancelled) job.run->cancel();
    else job.run->fail(output.error());
}

void Rounds::pass(const std::vector<Job *> &jobs) {
    std::vector<Segment> segments;
    std::vector<Job *> sent;
    for (Job *job : jobs) {
        guarded(*job, [&] {
            Segment segment = job->run->nextRows(execFor(*job, m_model.writeExec));
            m_pool.beforePass(*job->session, static_cast<std::int64_t>(segment.ids.size()));
            segments.push_back(std::move(segment));
            sent.push_back(job);
        });
    }
    if (sent.size() > 1 && passTogether(sent, segments)) return;
    // Alone, or together they do not fit: one after the other shows which of them is the one.
    for (std::size_t i = 0; i < sent.size(); ++i) guarded(*sent[i], [&] { passAlone(*sent[i], segments[i]); });
}

bool Rounds::passTogether(const std::vector<Job *> &jobs, std::vector<Segment> &segments) {
    // Nobody's cancelling may stop the others: it is looked at between the passes.
    Result<TextModel::Output> output = Error{ErrorCode::Internal, {}};
    try {
        output = m_model.text.forward(m_model.writeExec, segments);
    } catch (const std::exception &) {
        return false;
    }
    if (!output) return false;
    const auto vocabulary = static_cast<std::size_t>(m_model.checkpoint.config.text.vocabularySize);
    const auto width = static_cast<std::size_t>(m_model.checkpoint.config.text.hiddenSize);
    std::size_t row = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const std::size_t rows = segments[i].logitRows.size();
        guarded(*jobs[i], [&] {
            jobs[i]->run->tookRows(std::span(output->logits).subspan(row * vocabulary, rows * vocabulary),
                                   std::span<const float>(output->hidden).subspan(row * width, rows * width));
        });
        row += rows;
    }
    return true;
}

// However the request ended: what was read from a damaged file must not be gone on with, nor reach the disk.
void Rounds::endSession(SessionState &session) {
    if (m_model.stillIntact()) m_pool.release(session);
    else m_pool.drop(session);
}

bool Rounds::reap() {
    bool any = false;
    for (std::size_t i = 0; i < m_active.size();) {
        const JobPtr job = m_active[i];
        if (job->run->stage() != RunningRequest::Stage::Ended) {
            ++i;
            continue;
        }
        any = true;
        m_active.erase(m_active.begin() + static_cast<std::ptrdiff_t>(i));
        Result<Answer> answer = job->run->finish();
        if (job->session) endSession(*std::exchange(job->session, nullptr));
        job->run.reset();
        m_look();  // the figures that others ask for are right before the answer is out
        job->finish(std::move(answer));
    }
    return any;
}

bool Rounds::encodeAhead(Job &job) {
    std::optional<Error> error;
    const auto yield = [this] {
        while (round(false)) {}
    };
    try {
        if (!job.spans) {
            auto spans = mediaSpans(m_model, job.ahead);
            if (spans) {
                // As requests will ask that choose no adapters of their own.
                job.adapterScales = m_model.adapters.defaultScales();
                const std::string key = m_model.adapters.key(job.adapterScales);
                if (key.empty()) job.adapterScales.clear();
                for (SoftSpan &span : *spans)
                    if (!key.empty() && !span.key.empty()) span.key += "|" + key;
                job.spans = std::move(*spans);
            } else {
                error = spans.error();
            }
        }
        for (bool encoded = false; !error && !encoded && job.nextSpan < job.spans->size();) {
            const SoftSpan &span = (*job.spans)[job.nextSpan++];
            if (span.key.empty() || m_encoder.find(m_model, span)) continue;  // could not be found again, or is there
            const auto soft = m_encoder.encode(m_model, execFor(job, m_model.exec), span, yield, job.adapterScales);
            if (!soft) error = soft.error();
            encoded = true;
        }
    } catch (const std::bad_alloc &) {
        error = outOfMemory();
    } catch (const std::exception &e) {
        error = Error{ErrorCode::Internal, "The engine met an unexpected problem with a picture or sound.", e.what()};
    }
    const bool last = error || job.cancel.cancelled() || job.nextSpan >= job.spans->size();
    if (last) m_look();  // the figures that others ask for are right before the answer is out
    if (job.cancel.cancelled()) job.finishCancelled();
    else if (error) job.finish(std::move(*error));
    else if (last) job.finish(Answer{});
    return last;
}

MemoryUse Rounds::memoryUse() const {
    MemoryUse use;
    use.limit = m_model.fixedBytes + m_model.cacheBudget;
    use.weights = m_model.weightBytes;
    use.working = m_model.fixedBytes - m_model.weightBytes;
    use.conversations = m_pool.cacheBytes();
    use.snapshots = m_pool.snapshotBytes();
    use.softTokens = m_encoder.heldBytes();
    use.conversationCount = m_pool.count();
    use.running = static_cast<int>(m_active.size());
    use.waiting = static_cast<int>(waiting.size());
    return use;
}

}  // namespace facet
