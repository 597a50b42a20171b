// The one place of this process that holds a model: loads, replaces and unloads it, and lets requests in, at most one
// running and kMaxWaiting behind it (the engine runs them in the order they were submitted).
//
//     auto entry = slot.enter(call.gone);      // 503 without a model, 429 when the queue is full
//     if (auto *refused = std::get_if<ApiError>(&entry)) return errorReply(*refused);
//     runRequest(std::get<ModelSlot::Ticket>(entry).engine(), ...);   // the model stays as long as the ticket lives
#pragma once

#include "host/engine_port.h"
#include "host/errors.h"

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace facet::host {

class ModelSlot {
public:
    static constexpr int kMaxWaiting = 64;

    enum class State { Empty, Loading, Ready };

    explicit ModelSlot(EngineLoader &loader) : m_loader(loader) {}
    ~ModelSlot();
    ModelSlot(const ModelSlot &) = delete;
    ModelSlot &operator=(const ModelSlot &) = delete;

    // Replaces the model. The path is inspected first, so that a wrong one leaves the old model in place; then the old
    // one is unloaded before the new one is read, since both rarely fit. Errors: those of Engine::load, Busy,
    // Cancelled.
    Result<ModelInfo> load(const LoadOptions &options, const ProgressFn &progress, const CancelToken &cancel);
    // Cancels what runs, waits for it and frees the model; also cancels a load in progress.
    void unload();
    // unload(), and nothing gets in any more.
    void close();

    State state() const;
    std::optional<ModelInfo> info() const; // of the loaded model
    std::optional<MemoryUse> memoryUse() const;
    Result<ModelInfo> inspect(const LoadOptions &options) { return m_loader.inspect(options); }

    class Ticket {
    public:
        Ticket(Ticket &&other) noexcept;
        Ticket &operator=(Ticket &&) = delete;
        ~Ticket();
        EnginePort &engine() const noexcept { return *m_engine; }

    private:
        friend class ModelSlot;
        Ticket(ModelSlot &slot, EnginePort &engine, std::list<CancelToken>::iterator token)
            : m_slot(&slot), m_engine(&engine), m_token(token) {}
        ModelSlot *m_slot;
        EnginePort *m_engine;
        std::list<CancelToken>::iterator m_token;
    };
    // `stop` is cancelled when the model is unloaded; the holder must then finish soon.
    std::variant<Ticket, ApiError> enter(const CancelToken &stop);

private:
    Status waitForOtherLoad(std::unique_lock<std::mutex> &lock, const CancelToken &cancel);
    void leave(std::list<CancelToken>::iterator token);
    // Takes the engine out, with nobody using it any more. Called with the lock held.
    std::unique_ptr<EnginePort> evict(std::unique_lock<std::mutex> &lock);
    Result<ModelInfo> replace(const LoadOptions &options, const ProgressFn &progress, const CancelToken &cancel);

    EngineLoader &m_loader;
    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    std::unique_ptr<EnginePort> m_engine;
    std::list<CancelToken> m_inside;      // one for each ticket
    std::optional<CancelToken> m_loading; // set while a load runs
    bool m_closed = false;
};

} // namespace facet::host
