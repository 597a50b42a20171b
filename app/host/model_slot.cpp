#include "host/model_slot.h"

#include <chrono>
#include <iterator>
#include <utility>

namespace facet::host {

ModelSlot::~ModelSlot() { close(); }

ModelSlot::Ticket::Ticket(Ticket &&other) noexcept
    : m_slot(std::exchange(other.m_slot, nullptr)), m_engine(other.m_engine), m_token(other.m_token) {}

ModelSlot::Ticket::~Ticket() {
    if (m_slot) m_slot->leave(m_token);
}

std::variant<ModelSlot::Ticket, ApiError> ModelSlot::enter(const CancelToken &stop) {
    const std::lock_guard lock(m_mutex);
    if (m_loading) return modelLoading();
    if (!m_engine) return modelMissing();
    if (m_inside.size() > kMaxWaiting) {
        return apiError({ErrorCode::Busy, "Too many requests are waiting already; try again in a few seconds."});
    }
    m_inside.push_back(stop);
    return Ticket(*this, *m_engine, std::prev(m_inside.end()));
}

void ModelSlot::leave(std::list<CancelToken>::iterator token) {
    {
        const std::lock_guard lock(m_mutex);
        m_inside.erase(token);
    }
    m_changed.notify_all();
}

std::unique_ptr<EnginePort> ModelSlot::evict(std::unique_lock<std::mutex> &lock) {
    std::unique_ptr<EnginePort> engine = std::move(m_engine);
    for (const CancelToken &token : m_inside) token.cancel();
    m_changed.wait(lock, [this] { return m_inside.empty(); });
    return engine;
}

Status ModelSlot::waitForOtherLoad(std::unique_lock<std::mutex> &lock, const CancelToken &cancel) {
    // Who changes their mind hangs up on one load and asks for the next at once; the first then needs a moment to end.
    constexpr std::chrono::milliseconds kHandover{1000};
    constexpr std::chrono::milliseconds kLookAround{20};
    const auto deadline = std::chrono::steady_clock::now() + kHandover;
    while (m_loading) {
        if (cancel.cancelled()) return Error{ErrorCode::Cancelled, "Loading the model was cancelled."};
        if (!m_loading->cancelled() && std::chrono::steady_clock::now() > deadline) {
            return Error{ErrorCode::Busy, "Another model is being loaded; wait for it or cancel it first."};
        }
        m_changed.wait_for(lock, kLookAround);
    }
    return ok();
}

Result<ModelInfo> ModelSlot::load(const LoadOptions &options, const ProgressFn &progress, const CancelToken &cancel) {
    {
        std::unique_lock lock(m_mutex);
        FACET_CHECK(waitForOtherLoad(lock, cancel));
        if (m_closed) return Error{ErrorCode::Cancelled, "The host is stopping."};
        m_loading = cancel;
    }
    Result<ModelInfo> result = replace(options, progress, cancel);
    {
        const std::lock_guard lock(m_mutex);
        m_loading.reset();
    }
    m_changed.notify_all();
    return result;
}

Result<ModelInfo> ModelSlot::replace(const LoadOptions &options, const ProgressFn &progress,
                                     const CancelToken &cancel) {
    FACET_CHECK(m_loader.inspect(options));
    {
        std::unique_lock lock(m_mutex);
        const std::unique_ptr<EnginePort> old = evict(lock);
        lock.unlock(); // freeing a model takes a while; nobody else can reach it any more
    }
    FACET_TRY(engine, m_loader.load(options, progress, cancel));
    ModelInfo info = engine->info();
    const std::lock_guard lock(m_mutex);
    if (cancel.cancelled() || m_closed) return Error{ErrorCode::Cancelled, "Loading the model was cancelled."};
    m_engine = std::move(engine);
    return info;
}

void ModelSlot::unload() {
    std::unique_ptr<EnginePort> engine;
    std::unique_lock lock(m_mutex);
    if (m_loading) m_loading->cancel();
    m_changed.wait(lock, [this] { return !m_loading; });
    engine = evict(lock);
    lock.unlock();
}

void ModelSlot::close() {
    {
        const std::lock_guard lock(m_mutex);
        m_closed = true;
    }
    unload();
}

ModelSlot::State ModelSlot::state() const {
    const std::lock_guard lock(m_mutex);
    if (m_loading) return State::Loading;
    return m_engine ? State::Ready : State::Empty;
}

std::optional<ModelInfo> ModelSlot::info() const {
    const std::lock_guard lock(m_mutex);
    if (!m_engine) return std::nullopt;
    return m_engine->info();
}

std::optional<MemoryUse> ModelSlot::memoryUse() const {
    const std::lock_guard lock(m_mutex);
    if (!m_engine) return std::nullopt;
    return m_engine->memoryUse();
}

} // namespace facet::host
