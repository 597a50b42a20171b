#include "host/engine_port.h"

#include <utility>

namespace facet::host {

namespace {

class EngineAdapter final : public EnginePort {
public:
    explicit EngineAdapter(std::unique_ptr<Engine> engine) : m_engine(std::move(engine)) {}

    const ModelInfo &info() const override { return m_engine->info(); }
    RequestId submit(Request request, EventSink sink) override {
        return m_engine->submit(std::move(request), std::move(sink));
    }
    void cancel(RequestId id) override { m_engine->cancel(id); }
    RequestId encodeAhead(std::vector<Part> media, EventSink sink) override {
        return m_engine->encodeAhead(std::move(media), std::move(sink));
    }
    MemoryUse memoryUse() const override { return m_engine->memoryUse(); }
    Status check(const Request &request) const override {
        FACET_CHECK(m_engine->prompt(request));
        return ok();
    }

private:
    std::unique_ptr<Engine> m_engine;
};

class Loader final : public EngineLoader {
public:
    Result<std::unique_ptr<EnginePort>> load(const LoadOptions &options, const ProgressFn &progress,
                                             const CancelToken &cancel) override {
        FACET_TRY(engine, Engine::load(options, progress, cancel));
        return std::unique_ptr<EnginePort>(std::make_unique<EngineAdapter>(std::move(engine)));
    }
    Result<ModelInfo> inspect(const LoadOptions &options) override { return inspectLoad(options); }
};

} // namespace

std::unique_ptr<EngineLoader> makeEngineLoader() { return std::make_unique<Loader>(); }

} // namespace facet::host
