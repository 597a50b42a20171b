// What waits in the engine's queue: a request, or media to be encoded ahead, and whoever listens to it.
#pragma once

#include "facet/engine.h"
#include "run/prompt_builder.h"
#include "run/running_request.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace facet {

struct Job {
    RequestId id = 0;
    Request request;
    EventSink sink;
    CancelToken cancel;
    bool isAhead = false;
    bool background = false;                   // as the request says
    // Engine thread only:
    bool answered = false;
    std::uint64_t seq = 0;
    std::uint64_t toldAhead = 0;               // last "waiting behind n" that was told
    std::unique_ptr<RunningRequest> run;       // once its prompt was built
    SessionState *session = nullptr;           // once it was let in
    std::vector<Part> ahead;                   // encodeAhead: the media ...
    std::optional<std::vector<SoftSpan>> spans;  // ... and what they become
    std::size_t nextSpan = 0;
    std::vector<float> adapterScales;          // that they are encoded with

    void emit(Event event) {
        event.request = id;
        event.seq = seq++;
        if (sink) sink(event);
    }
    void waitingBehind(std::uint64_t others) {
        if (others == 0 || others == toldAhead) return;
        toldAhead = others;
        Event event;
        event.kind = Event::Kind::Progress;
        event.phase = Phase::Waiting;
        event.done = others;
        emit(std::move(event));
    }
    void finish(Result<Answer> result) {
        answered = true;
        Event event;
        if (result) {
            event.kind = Event::Kind::Done;
            event.answer = std::move(result).value();
        } else {
            event.kind = Event::Kind::Failed;
            event.error = std::move(result).error();
        }
        emit(std::move(event));
    }
    void finishCancelled() {
        Answer answer;
        answer.finish = FinishReason::Cancelled;
        finish(std::move(answer));
    }
};
using JobPtr = std::shared_ptr<Job>;

}  // namespace facet
