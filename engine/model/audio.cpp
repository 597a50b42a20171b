// The sound encoder: conformer layers of audio.md section 4. C width, D head size, T rows (40 ms each). The attention
// is local: a row sees itself and the 11 before it.
#include "kernels/profile.h"
#include "model/audio_subsample.h"
#include "model/audio_weights.h"
#include "model/lora.h"
#include "model/towers.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace facet {

namespace {

constexpr std::int64_t kBlock = 512;               // rows whose wide intermediates exist at a time
constexpr std::int64_t kGrain = 8;
constexpr std::int64_t kMaxFrames = 360000;        // an hour: bounds the memory of one sound
const float kKeyScale = static_cast<float>(std::log(1.0 + std::numbers::e) / std::numbers::ln2);

class AudioPass {
public:
    AudioPass(const AudioWeights &weights, const Exec &exec, const TowerTap &tap, std::vector<float> x)
        : m_weights(weights), m_exec(exec), m_tap(tap), m_width(weights.config.hiddenSize), m_x(std::move(x)),
          m_rows(static_cast<std::int64_t>(m_x.size()) / m_width) {
        m_normed.resize(m_x.size());
        m_y.resize(m_x.size());
    }

    Result<std::vector<float>> run() {
        for (std::size_t i = 0; i < m_weights.layers.size(); ++i) {
            if (!runLayer(m_weights.layers[i], i)) return towerCancelled();
        }
        std::vector<float> soft = project();
        if (m_exec.cancelled()) return towerCancelled();
        return soft;
    }

private:
    float eps() const noexcept { return m_weights.config.rmsNormEps; }
    static std::size_t size(std::int64_t n) noexcept { return static_cast<std::size_t>(n); }
    void norm(const float *x, const std::vector<float> &w, float *out) const {
        rmsNormRows(m_exec, x, w.data(), m_rows, m_width, eps(), out);
    }
    void tap(std::size_t layer, const char *part, const std::vector<float> &data) const {
        if (!m_tap) return;
        char name[32];
        std::snprintf(name, sizeof name, "layer_%02zu%s", layer, part);
        m_tap(name, data.data(), m_rows, m_width);
    }

    void activate(float *x, std::int64_t rows, std::int64_t width) const;
    void feedForward(const AudioFeedForward &part);
    void attention(const AudioLayer &layer);
    void attendRow(const float *relativeKeys, std::int64_t row, float *scores, float *out) const;
    void attendRows(const float *relativeKeys);
    void convolution(const AudioLayer &layer);
    bool runLayer(const AudioLayer &layer, std::size_t index);
    std::vector<float> project();

    const AudioWeights &m_weights;
    const Exec &m_exec;
    const TowerTap &m_tap;
    std::int64_t m_width;
    std::vector<float> m_x;  // [T, C]
    std::int64_t m_rows;
    std::vector<float> m_normed, m_y;        // [T, C]
    std::vector<float> m_q, m_k, m_v;        // [T, C]
    std::vector<float> m_wide, m_scratch, m_relative;
};

void AudioPass::activate(float *x, std::int64_t rows, std::int64_t width) const {
    const ProfileScope scope(m_exec.profile, "activation");
    m_exec.pool->parallelFor(rows, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
        m_exec.kernels->silu(x + begin * width, (end - begin) * width, x + begin * width);
    });
}

// x = x + 0.5 * rms(L2(silu(L1(rms(x)))))
void AudioPass::feedForward(const AudioFeedForward &part) {
    const ProfilePart measured(m_exec.profile, "feed-forward");
    const std::int64_t inner = part.up.w.rows;
    norm(m_x.data(), part.preNorm, m_normed.data());
    m_wide.resize(size(std::min(kBlock, m_rows) * std::max(inner, 2 * m_width)));
    for (std::int64_t first = 0; first < m_rows; first += kBlock) {
        const std::int64_t count = std::min(kBlock, m_rows - first);
        part.up.apply(m_exec, m_normed.data() + first * m_width, count, m_wide.data(), m_scratch);
        activate(m_wide.data(), count, inner);
        part.down.apply(m_exec, m_wide.data(), count, m_y.data() + first * m_width, m_scratch);
    }
    norm(m_y.data(), part.postNorm, m_y.data());
    addScaled(m_exec, m_weights.config.residualWeight, m_y.data(), m_rows * m_width, m_x.data());
}

// One row of all heads: scores against itself and the rows before it, capped, softmax, sum of values.
void AudioPass::attendRow(const float *relativeKeys, std::int64_t row, float *scores, float *out) const {
    const Kernels &kernels = *m_exec.kernels;
    const std::int64_t dim = m_width / m_weights.config.heads;
    const std::int64_t keys = std::min<std::int64_t>(m_weights.distances(), row + 1);
    std::fill_n(out, m_width, 0.0F);
    for (std::int64_t h = 0; h < m_weights.config.heads; ++h) {
        const float *q = m_q.data() + row * m_width + h * dim;
        for (std::int64_t d = 0; d < keys; ++d) {  // distance to the left
            scores[d] = kernels.dot(q, m_k.data() + (row - d) * m_width + h * dim, dim) +
                        kernels.dot(q, relativeKeys + d * m_width + h * dim, dim);
        }
        kernels.softcap(scores, keys, m_weights.config.logitCap);
        kernels.softmax(scores, keys);
        for (std::int64_t d = 0; d < keys; ++d) {
            kernels.axpy(scores[d], m_v.data() + (row - d) * m_width + h * dim, dim, out + h * dim);
        }
    }
}

void AudioPass::attendRows(const float *relativeKeys) {
    ProfileScope scope(m_exec.profile, "attend");
    const auto seen = static_cast<double>(m_rows * m_weights.distances()), width = static_cast<double>(m_width);
    scope.work("f32", static_cast<double>(m_rows) * 8 * width, 6 * seen * width);
    m_exec.pool->parallelFor(m_rows, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
        std::vector<float> scores(size(m_weights.distances()));
        for (std::int64_t row = begin; row < end; ++row) attendRow(relativeKeys, row, scores.data(), m_normed.data() + row * m_width);
    });
}

// Leaves the output of `post` in m_y.
void AudioPass::attention(const AudioLayer &layer) {
    const ProfilePart part(m_exec.profile, "attention");
    m_q.resize(m_x.size());
    m_k.resize(m_x.size());
    m_v.resize(m_x.size());
    norm(m_x.data(), layer.preAttentionNorm, m_normed.data());
    layer.q.apply(m_exec, m_normed.data(), m_rows, m_q.data(), m_scratch);
    layer.k.apply(m_exec, m_normed.data(), m_rows, m_k.data(), m_scratch);
    layer.v.apply(m_exec, m_normed.data(), m_rows, m_v.data(), m_scratch);
    const std::size_t dim = layer.queryScale.size();
    m_exec.pool->parallelFor(m_rows * m_width, m_width, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) {
            m_q[size(i)] *= layer.queryScale[size(i) % dim];
            m_k[size(i)] *= kKeyScale;
        }
    });
    const float *relativeKeys = layer.relativeKeys.data();
    if (m_exec.hook != nullptr) { // adapters may change them
        m_relative.resize(layer.relativeKeys.size());
        linear(m_exec, layer.relative, m_weights.positions.data(), m_weights.distances(), m_relative.data());
        relativeKeys = m_relative.data();
    }
    attendRows(relativeKeys);
    layer.post.apply(m_exec, m_normed.data(), m_rows, m_y.data(), m_scratch);
}

// x = x + linear_end(silu(rms(depthwise(glu(linear_start(rms(x)))))))
void AudioPass::convolution(const AudioLayer &layer) {
    const ProfilePart part(m_exec.profile, "convolution");
    norm(m_x.data(), layer.convPreNorm, m_normed.data());
    m_wide.resize(size(std::min(kBlock, m_rows) * 2 * m_width));
    for (std::int64_t first = 0; first < m_rows; first += kBlock) {
        const std::int64_t count = std::min(kBlock, m_rows - first);
        layer.convStart.apply(m_exec, m_normed.data() + first * m_width, count, m_wide.data(), m_scratch);
        m_exec.pool->parallelFor(count, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
            for (std::int64_t t = begin; t < end; ++t) {
                const float *value = m_wide.data() + t * 2 * m_width, *gate = value + m_width;
                float *out = m_q.data() + (first + t) * m_width;
                for (std::int64_t c = 0; c < m_width; ++c) out[c] = value[c] / (1.0F + std::exp(-gate[c]));
            }
        });
    }
    const std::int64_t kernel = m_weights.config.convKernel;
    m_exec.pool->parallelFor(m_rows, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t t = begin; t < end; ++t) {
            float *out = m_normed.data() + t * m_width;
            std::fill_n(out, m_width, 0.0F);
            for (std::int64_t u = std::max<std::int64_t>(0, kernel - 1 - t); u < kernel; ++u) {  // zeros before the start
                const float *in = m_q.data() + (t - kernel + 1 + u) * m_width;
                const float *w = layer.depthwise.data() + u * m_width;
                for (std::int64_t c = 0; c < m_width; ++c) out[c] += w[c] * in[c];
            }
            m_exec.kernels->rmsNorm(out, layer.convNorm.data(), m_width, eps(), out);
            m_exec.kernels->silu(out, m_width, out);
        }
    });
    layer.convEnd.apply(m_exec, m_normed.data(), m_rows, m_y.data(), m_scratch);
    addScaled(m_exec, 1.0F, m_y.data(), m_rows * m_width, m_x.data());
}

// False: cancelled.
bool AudioPass::runLayer(const AudioLayer &layer, std::size_t index) {
    feedForward(layer.first);
    tap(index, ".ffn1", m_x);
    if (m_exec.cancelled()) return false;
    attention(layer);
    tap(index, ".attn", m_y);
    addNormRows(m_exec, m_x.data(), m_y.data(), layer.postAttentionNorm.data(), m_rows, m_width, eps());
    if (m_exec.cancelled()) return false;
    convolution(layer);
    tap(index, ".conv", m_x);
    feedForward(layer.second);
    tap(index, ".ffn2", m_x);
    norm(m_x.data(), layer.outNorm, m_x.data());
    tap(index, "", m_x);
    return !m_exec.cancelled();
}

std::vector<float> AudioPass::project() {
    const ProfilePart part(m_exec.profile, "projection");
    const std::int64_t outWidth = m_weights.config.outputSize;
    std::vector<float> z(size(m_rows * outWidth));
    linear(m_exec, m_weights.outputProjection, m_x.data(), m_rows, z.data());
    for (std::int64_t t = 0; t < m_rows; ++t) {
        m_exec.kernels->axpy(1.0F, m_weights.outputBias.data(), outWidth, z.data() + t * outWidth);
    }
    if (m_tap) m_tap("tower_output", z.data(), m_rows, outWidth);
    rmsNormRows(m_exec, z.data(), nullptr, m_rows, outWidth, eps(), z.data());
    std::vector<float> soft(size(m_rows * m_weights.textWidth));
    linear(m_exec, m_weights.projection, z.data(), m_rows, soft.data());
    if (m_tap) m_tap("soft_tokens", soft.data(), m_rows, m_weights.textWidth);
    return soft;
}

}  // namespace

struct AudioTower::Impl {
    AudioWeights weights;
    LoraBindings adapters;
    bool bfloats = false;
};

AudioTower::AudioTower(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
AudioTower::AudioTower(AudioTower &&) noexcept = default;
AudioTower &AudioTower::operator=(AudioTower &&) noexcept = default;
AudioTower::~AudioTower() = default;

// Never int8: single soft tokens of the shape of E2B would fall to a cosine of 0.9988.
Result<AudioTower> AudioTower::load(const Checkpoint &checkpoint, const Exec &exec, TowerArithmetic arithmetic) {
    FACET_TRY(weights, AudioWeights::load(checkpoint, exec));
    return AudioTower(std::make_unique<Impl>(Impl{std::move(weights), {}, arithmetic != TowerArithmetic::Float}));
}

int AudioTower::softTokenCount(const AudioInput &audio) noexcept {
    return audio.frames <= 0 ? 0 : ((audio.frames - 1) / 2) / 2 + 1;  // ceil(ceil(frames / 2) / 2)
}

Result<std::vector<float>> AudioTower::encode(const Exec &exec, const AudioInput &audio, const TowerTap &tap,
                                              std::span<const float> adapterScales) const {
    const AudioWeights &weights = m_impl->weights;
    const std::int64_t values = std::int64_t{audio.frames} * audio.melBins;
    if (audio.frames <= 0 || audio.frames > kMaxFrames || audio.melBins != weights.config.melBins ||
        static_cast<std::int64_t>(audio.mel.size()) != values) {
        return Error{ErrorCode::InvalidArgument, "The sound was not prepared for this model.",
                     std::to_string(audio.frames) + " frames of " + std::to_string(audio.melBins) + " bins with " +
                         std::to_string(audio.mel.size()) + " values; the model takes 1 to " + std::to_string(kMaxFrames) +
                         " frames of " + std::to_string(weights.config.melBins)};
    }
    LoraHook hook(m_impl->adapters);
    hook.setAllRows(adapterScales);
    Exec adapted = exec;
    adapted.bfloats = m_impl->bfloats;
    if (!m_impl->adapters.empty() && !adapterScales.empty()) adapted.hook = &hook;
    std::vector<float> x = subsample(weights, adapted, audio, tap);
    if (x.empty()) return towerCancelled();
    return AudioPass(weights, adapted, tap, std::move(x)).run();
}

Status AudioTower::attach(LoraSet &adapters) {
    FACET_TRY(bound, adapters.bind(m_impl->weights.loraModules()));
    m_impl->adapters = std::move(bound);
    return ok();
}

std::uint64_t AudioTower::residentBytes() const noexcept { return m_impl->weights.bytes; }

}  // namespace facet
