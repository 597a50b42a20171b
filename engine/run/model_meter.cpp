// ModelMeter: measuring for people, on the passes of the product.
#include "facet/measure.h"

#include "kernels/profile.h"
#include "run/tuner.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

namespace facet {

namespace {

using Clock = std::chrono::steady_clock;

// One measured run: its time, and the work that a Profile counts.
template <typename Work>
Result<PassFigures> measured(Exec exec, double tokens, Work work) {
    Profile profile;
    exec.profile = &profile;
    const auto start = Clock::now();
    FACET_CHECK(work(exec));
    PassFigures figures;
    figures.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    figures.tokens = tokens;
    for (const Profile::Row &row : profile.rows()) {
        figures.bytes += row.bytes;
        figures.operations += row.operations;
    }
    return figures;
}

Error unexpected(const std::exception &e) {
    return {ErrorCode::Internal, "Measuring the model met an unexpected problem.", e.what()};
}

Error outOfMemory() {
    return {ErrorCode::OutOfMemory, "There was not enough memory to measure this: close other programs or choose a shorter context."};
}

// Foreign code may throw: this is the seam where it becomes a value again.
template <typename Function>
auto guarded(Function function) -> decltype(function()) {
    try {
        return function();
    } catch (const std::bad_alloc &) {
        return outOfMemory();
    } catch (const std::exception &e) {
        return unexpected(e);
    }
}

}  // namespace

struct ModelMeter::Impl {
    std::unique_ptr<LoadedModel> model;
    CancelToken cancel;
    MeasuredPasses passes;

    Exec exec() const { return with(model->exec); }
    Exec writeExec() const { return with(model->writeExec); }
    Exec with(Exec exec) const {
        exec.cancel = cancel.flag();
        return exec;
    }
    Status checkContext(std::int64_t tokens) const {
        if (tokens <= model->contextLength) return ok();
        return Error{ErrorCode::ContextExceeded, "The context holds " + std::to_string(model->contextLength) +
                                                     " tokens and measuring needs " + std::to_string(tokens) + "."};
    }
};

ModelMeter::ModelMeter(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
ModelMeter::~ModelMeter() = default;

Result<std::unique_ptr<ModelMeter>> ModelMeter::load(const LoadOptions &options, const ProgressFn &progress,
                                                     const CancelToken &cancel) {
    return guarded([&]() -> Result<std::unique_ptr<ModelMeter>> {
        FACET_TRY(model, LoadedModel::load(options, progress, cancel));
        const LoadedModel &loaded = *model;
        auto impl = std::unique_ptr<Impl>(new Impl{std::move(model), cancel, MeasuredPasses(loaded, {.readUpTo = 512, .repeated = 256})});
        return std::unique_ptr<ModelMeter>(new ModelMeter(std::move(impl)));
    });
}

const ModelInfo &ModelMeter::info() const { return m_impl->model->info; }

Result<PassFigures> ModelMeter::read(int tokens) {
    return guarded([&]() -> Result<PassFigures> {
        FACET_CHECK(m_impl->checkContext(tokens));
        FACET_TRY(cache, m_impl->passes.cacheAt(m_impl->exec(), m_impl->model->cacheType, 0, 1));
        return measured(m_impl->exec(), tokens, [&](const Exec &exec) { return m_impl->passes.read(exec, cache, tokens, true); });
    });
}

Result<PassFigures> ModelMeter::write(int tokens, int depth) {
    return guarded([&]() -> Result<PassFigures> {
        FACET_CHECK(m_impl->checkContext(std::int64_t{depth} + tokens));
        FACET_TRY(cache, m_impl->passes.cacheAt(m_impl->exec(), m_impl->model->cacheType, depth, 1));
        return measured(m_impl->writeExec(), tokens, [&](const Exec &exec) { return m_impl->passes.write(exec, cache, tokens); });
    });
}

Result<PassFigures> ModelMeter::encode(const ImageInput &image) {
    return guarded([&]() -> Result<PassFigures> {
        if (!m_impl->model->vision) return Error{ErrorCode::MediaUnsupported, "This model sees no pictures."};
        const VisionTower &tower = *m_impl->model->vision;
        return measured(m_impl->exec(), static_cast<double>(tower.softTokenCount(image)), [&](const Exec &exec) -> Status {
            FACET_CHECK(tower.encode(exec, image));
            return ok();
        });
    });
}

Result<PassFigures> ModelMeter::encode(const AudioInput &audio) {
    return guarded([&]() -> Result<PassFigures> {
        if (!m_impl->model->audio) return Error{ErrorCode::MediaUnsupported, "This model hears no sound."};
        const AudioTower &tower = *m_impl->model->audio;
        return measured(m_impl->exec(), static_cast<double>(AudioTower::softTokenCount(audio)), [&](const Exec &exec) -> Status {
            FACET_CHECK(tower.encode(exec, audio));
            return ok();
        });
    });
}

Result<Tuning> ModelMeter::tune(const TuneProgress &progress) {
    return guarded([&]() -> Result<Tuning> {
        if (m_impl->model->options.tuningFolder.empty())
            return Error{ErrorCode::InvalidArgument, "There is no folder to keep what is measured."};
        Tuner tuner(*m_impl->model);
        FACET_CHECK(tuner.run(m_impl->exec(), m_impl->model->cacheBudget, progress));
        return tuner.tuning();
    });
}

}  // namespace facet
