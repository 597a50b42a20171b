// What the engine thread does between two looks at its queue: lets requests in, has one of them read, all of them
// write, and hands back those that are done. Engine thread only.
#pragma once

#include "run/conversation_store.h"
#include "run/job.h"
#include "run/media_encoder.h"
#include "run/session_pool.h"

#include <deque>
#include <functional>
#include <vector>

namespace facet {

class Rounds {
public:
    // `look` is called once a round: a chance to take in new jobs and cancellations.
    Rounds(const LoadedModel &model, std::function<void()> look);

    // Jobs that wait, oldest first; the owner adds to it and takes cancelled ones out.
    std::deque<JobPtr> waiting;
    bool busy() const { return !m_active.empty(); }
    std::size_t activeCount() const { return m_active.size(); }

    // One round; false: there was nothing to do.
    bool run() { return round(true); }
    // Encodes the next medium of a job that was not asked about yet, everything else going first. True: the job was
    // answered.
    bool encodeAhead(Job &job);

    // Conversations that are not on disk yet; `stop` puts the saving off.
    bool unsaved() { return m_store.unsaved(m_pool); }
    void saveNext(const std::function<bool()> &stop) { m_store.saveNext(m_pool, stop); }
    MemoryUse memoryUse() const;

private:
    bool round(bool mayEncode);
    void admit();
    bool start(const JobPtr &job);  // false: not yet
    // Of the requests that are being answered, one that is not in the background; `reading`: and has not begun to write.
    bool foreground(bool reading) const;
    void admitThose(bool background, std::size_t most);
    bool worthWaiting(const Job &job) const;
    bool readOne(bool mayEncode);
    bool writeAll();
    void pass(const std::vector<Job *> &jobs);
    bool passTogether(const std::vector<Job *> &jobs, std::vector<Segment> &segments);
    void passAlone(Job &job, Segment &segment);
    bool reap();
    void endSession(SessionState &session);
    Exec execFor(const Job &job, const Exec &base) const;  // with the job's cancel flag
    template <typename Function>
    void guarded(Job &job, Function function);

    const LoadedModel &m_model;
    std::function<void()> m_look;
    MemoryBudget m_budget;
    SessionPool m_pool;
    MediaEncoder m_encoder;
    ConversationStore m_store;
    std::vector<JobPtr> m_active;
    std::size_t m_nextReader = 0;
    std::size_t m_parallel;
};

}  // namespace facet
