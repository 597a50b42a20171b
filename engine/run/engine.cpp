#include "facet/engine.h"

#include "grammar/constraint.h"
#include "run/loaded_model.h"
#include "run/prompt_builder.h"
#include "run/scheduler.h"
#include "run/token_chooser.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

namespace facet {

const char *phaseName(Phase phase) noexcept {
    switch (phase) {
    case Phase::Loading: return "loading";
    case Phase::Waiting: return "waiting";
    case Phase::ReadingPicture: return "reading_picture";
    case Phase::ReadingSound: return "reading_sound";
    case Phase::ReadingPrompt: return "reading_prompt";
    case Phase::Thinking: return "thinking";
    case Phase::Writing: return "writing";
    }
    return "waiting";
}

const char *finishReasonName(FinishReason reason) noexcept {
    switch (reason) {
    case FinishReason::Stop: return "stop";
    case FinishReason::Length: return "length";
    case FinishReason::ToolCalls: return "tool_calls";
    case FinishReason::Cancelled: return "cancelled";
    }
    return "stop";
}

struct Engine::Impl {
    std::shared_ptr<const LoadedModel> model;
    std::unique_ptr<Scheduler> scheduler;
};

Engine::Engine(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::load(const LoadOptions &options, const ProgressFn &progress,
                                             const CancelToken &cancel) {
    try {
        FACET_TRY(model, LoadedModel::load(options, progress, cancel));
        auto impl = std::make_unique<Impl>();
        impl->model = std::move(model);
        impl->scheduler = std::make_unique<Scheduler>(impl->model);
        return std::unique_ptr<Engine>(new Engine(std::move(impl)));
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory,
                     "There was not enough memory to load this model: close other programs or choose a smaller one.",
                     {}, options.path};
    } catch (const std::exception &e) {
        return Error{ErrorCode::Internal, "Loading the model met an unexpected problem.", e.what(), options.path};
    }
}

const ModelInfo &Engine::info() const { return m_impl->model->info; }

RequestId Engine::submit(Request request, EventSink sink) {
    return m_impl->scheduler->submit(std::move(request), std::move(sink));
}

void Engine::cancel(RequestId id) { m_impl->scheduler->cancel(id); }

RequestId Engine::encodeAhead(std::vector<Part> media, EventSink sink) {
    return m_impl->scheduler->encodeAhead(std::move(media), std::move(sink));
}

MemoryUse Engine::memoryUse() const { return m_impl->scheduler->memoryUse(); }

Result<Answer> Engine::generate(Request request, const EventSink &sink, const CancelToken &cancel) {
    struct Waiting {
        std::mutex mutex;
        std::condition_variable wake;
        std::optional<Result<Answer>> result;
    };
    const auto waiting = std::make_shared<Waiting>();
    const RequestId id = submit(std::move(request), [waiting, &sink](const Event &event) {
        if (sink) sink(event);
        if (event.kind != Event::Kind::Done && event.kind != Event::Kind::Failed) return;
        const std::lock_guard lock(waiting->mutex);
        if (event.kind == Event::Kind::Done)
            waiting->result.emplace(event.answer);
        else
            waiting->result.emplace(*event.error);
        waiting->wake.notify_all();
    });
    std::unique_lock lock(waiting->mutex);
    bool told = false;
    while (!waiting->result) {
        // The token may be set by a signal handler, which cannot notify: look at it now and then.
        waiting->wake.wait_for(lock, std::chrono::milliseconds(20));
        if (!told && !waiting->result && cancel.cancelled()) {
            told = true;
            lock.unlock();
            this->cancel(id);
            lock.lock();
        }
    }
    return std::move(*waiting->result);
}

Result<PromptInfo> Engine::prompt(const Request &request) const {
    FACET_CHECK(checkRequest(*m_impl->model, request));
    FACET_TRY(built, buildPrompt(*m_impl->model, request));
    if (static_cast<std::int64_t>(built.ids.size()) >= m_impl->model->contextLength)
        return Error{ErrorCode::ContextExceeded, "The conversation is " + std::to_string(built.ids.size()) +
                                                     " tokens long and the context holds " +
                                                     std::to_string(m_impl->model->contextLength) + "."};
    // A form that cannot be kept is told as early as a prompt that does not fit.
    FACET_CHECK(grammar::makeConstraint(request, {.tokenizer = m_impl->model->tokenizer,
                                                  .vocabulary = *m_impl->model->grammarVocabulary,
                                                  .stopIds = {},
                                                  .startsInThought = built.startsInThought}));
    return PromptInfo{std::move(built.text), std::move(built.ids)};
}

std::vector<std::int32_t> Engine::tokenize(const std::string &text, bool matchControl) const {
    return m_impl->model->tokenizer.encode(text, matchControl);
}

std::string Engine::detokenize(const std::vector<std::int32_t> &ids) const {
    return m_impl->model->tokenizer.decode(ids);
}

}  // namespace facet
