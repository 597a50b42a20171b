// The picture encoder: vision.md section 4. Letters as there: C width, D head size, n patches, k pooling.
// A layer goes in blocks of patches: keys and values of all, then each block's queries, attention and feed-forward, so
// that memory is the residual stream, keys and values (3 n C floats) and a few blocks.
#include "kernels/profile.h"
#include "model/lora.h"
#include "model/towers.h"
#include "model/vision_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>

namespace facet {

namespace {

constexpr std::int64_t kBlock = 480;           // patches whose wide intermediates exist at a time
constexpr std::int64_t kMaxPatches = 1 << 16;  // far above any token budget: bounds the memory of one picture
constexpr std::int64_t kGrain = 8;             // patches a thread takes at least in elementwise steps

std::string layerName(std::size_t index) {
    char name[32];
    std::snprintf(name, sizeof name, "layer_%02zu", index);
    return name;
}

// Rotations of the two axes, one row per column and per row of the patch grid.
struct AxisTables {
    std::vector<float> columnCosines, columnSines, rowCosines, rowSines;  // [.., D / 4]

    AxisTables(const VisionConfig &config, int columns, int rows) {
        const int half = config.headDim / 2;
        std::vector<double> frequencies(static_cast<std::size_t>(half / 2));
        for (std::size_t i = 0; i < frequencies.size(); ++i) {
            frequencies[i] = std::pow(config.ropeTheta, -2.0 * static_cast<double>(i) / half);
        }
        std::vector<std::int64_t> positions(static_cast<std::size_t>(std::max(columns, rows)));
        std::iota(positions.begin(), positions.end(), 0);
        const std::span<const std::int64_t> all = positions;
        ropeTable(all.first(static_cast<std::size_t>(columns)), frequencies, columnCosines, columnSines);
        ropeTable(all.first(static_cast<std::size_t>(rows)), frequencies, rowCosines, rowSines);
    }
};

// One picture on its way through the tower.
class VisionPass {
public:
    VisionPass(const VisionWeights &weights, const Exec &exec, const ImageInput &image, const TowerTap &tap)
        : m_weights(weights), m_config(weights.config), m_exec(exec), m_image(image), m_tap(tap),
          m_patches(std::int64_t{image.columns} * image.rows), m_headsWidth(std::int64_t{m_config.heads} * m_config.headDim),
          m_tables(m_config, image.columns, image.rows) {}

    Result<std::vector<float>> run() {
        embedPatches();
        tap("patch_embed", m_x, m_patches);
        m_keys.resize(size(m_patches * m_headsWidth));
        m_values.resize(m_keys.size());
        m_seen.assign(size(m_patches), 0);
        m_visible.assign(size(m_patches), m_patches);
        for (std::size_t i = 0; i < m_weights.layers.size(); ++i) {
            if (!runLayer(m_weights.layers[i])) return towerCancelled();
            tap(layerName(i), m_x, m_patches);
        }
        std::vector<float> soft = project(pool());
        if (m_exec.cancelled()) return towerCancelled();
        return soft;
    }

private:
    static std::size_t size(std::int64_t n) noexcept { return static_cast<std::size_t>(n); }
    std::int64_t width() const noexcept { return m_config.hiddenSize; }
    void tap(const std::string &name, const std::vector<float> &data, std::int64_t rows) const {
        if (m_tap) m_tap(name, data.data(), rows, static_cast<std::int64_t>(data.size()) / rows);
    }

    void embedPatches();
    void rotate(float *heads, std::int64_t firstPatch, std::int64_t count) const;
    void writeKeysAndValues(const VisionLayer &layer, std::int64_t first, std::int64_t count);
    void attendBlock(const VisionLayer &layer, std::int64_t first, std::int64_t count);
    void feedForward(const VisionLayer &layer, std::int64_t first, std::int64_t count);
    bool runLayer(const VisionLayer &layer);
    std::vector<float> pool() const;
    std::vector<float> project(std::vector<float> pooled) const;

    const VisionWeights &m_weights;
    const VisionConfig &m_config;
    const Exec &m_exec;
    const ImageInput &m_image;
    const TowerTap &m_tap;
    std::int64_t m_patches, m_headsWidth;
    AxisTables m_tables;
    std::vector<float> m_x;                           // [n, C]
    std::vector<float> m_keys, m_values;              // [heads, n, D]
    std::vector<std::int64_t> m_seen, m_visible;      // every patch sees [0, n)
    std::vector<float> m_normed, m_a, m_b, m_scratch;  // blocks
};

// e_n = W_patch * (2 * (x_n - 0.5)) + T[0, column] + T[1, row]
void VisionPass::embedPatches() {
    const ProfilePart part(m_exec.profile, "patch embedding");
    const std::int64_t values = m_weights.patch.cols;
    m_x.resize(size(m_patches * width()));
    std::vector<float> pixels(size(std::min(kBlock, m_patches) * values));
    for (std::int64_t first = 0; first < m_patches; first += kBlock) {
        const std::int64_t count = std::min(kBlock, m_patches - first);
        const std::uint8_t *bytes = m_image.patches.data() + first * values;
        m_exec.pool->parallelFor(count * values, values, [&](std::int64_t begin, std::int64_t end, int) {
            for (std::int64_t i = begin; i < end; ++i) {
                const float x = static_cast<float>(bytes[i]) * (1.0F / 255.0F);
                pixels[size(i)] = 2.0F * (x - 0.5F);
            }
        });
        linear(m_exec, m_weights.patch, pixels.data(), count, m_x.data() + first * width());
    }
    const Matrix &table = m_weights.positions;
    m_exec.pool->parallelFor(m_image.rows, 1, [&](std::int64_t begin, std::int64_t end, int) {
        std::vector<float> across(size(width())), down(size(width()));
        for (std::int64_t row = begin; row < end; ++row) {
            m_exec.kernels->dequantise(table.type, table.row(m_config.positionTableSize + row), width(), down.data());
            for (std::int64_t column = 0; column < m_image.columns; ++column) {
                m_exec.kernels->dequantise(table.type, table.row(column), width(), across.data());
                float *x = m_x.data() + (row * m_image.columns + column) * width();
                for (std::int64_t c = 0; c < width(); ++c) x[c] += across[size(c)] + down[size(c)];
            }
        }
    });
}

// heads: [count, heads, D]; the first half of a head turns with the column, the second with the row.
void VisionPass::rotate(float *heads, std::int64_t firstPatch, std::int64_t count) const {
    const ProfileScope scope(m_exec.profile, "rope");
    const std::int64_t dim = m_config.headDim, half = dim / 2, pairs = half / 2;
    m_exec.pool->parallelFor(count, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t t = begin; t < end; ++t) {
            const std::int64_t column = (firstPatch + t) % m_image.columns, row = (firstPatch + t) / m_image.columns;
            for (std::int64_t h = 0; h < m_config.heads; ++h) {
                float *head = heads + t * m_headsWidth + h * dim;
                m_exec.kernels->rope(head, m_tables.columnCosines.data() + column * pairs,
                                     m_tables.columnSines.data() + column * pairs, half);
                m_exec.kernels->rope(head + half, m_tables.rowCosines.data() + row * pairs, m_tables.rowSines.data() + row * pairs,
                                     half);
            }
        }
    });
}

void VisionPass::writeKeysAndValues(const VisionLayer &layer, std::int64_t first, std::int64_t count) {
    const ProfilePart part(m_exec.profile, "attention");
    const std::int64_t dim = m_config.headDim, heads = m_config.heads;
    const float eps = m_config.rmsNormEps;
    rmsNormRows(m_exec, m_x.data() + first * width(), layer.inputNorm.data(), count, width(), eps, m_normed.data());
    layer.k.apply(m_exec, m_normed.data(), count, m_a.data(), m_scratch);
    rmsNormRows(m_exec, m_a.data(), layer.keyNorm.data(), count * heads, dim, eps, m_a.data());
    rotate(m_a.data(), first, count);
    layer.v.apply(m_exec, m_normed.data(), count, m_b.data(), m_scratch);
    rmsNormRows(m_exec, m_b.data(), nullptr, count * heads, dim, eps, m_b.data());
    const ProfileScope scope(m_exec.profile, "store");
    m_exec.pool->parallelFor(count, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t t = begin; t < end; ++t) {
            for (std::int64_t h = 0; h < heads; ++h) {
                const std::int64_t from = t * m_headsWidth + h * dim, to = (h * m_patches + first + t) * dim;
                std::copy_n(m_a.data() + from, dim, m_keys.data() + to);
                std::copy_n(m_b.data() + from, dim, m_values.data() + to);
            }
        }
    });
}

void VisionPass::attendBlock(const VisionLayer &layer, std::int64_t first, std::int64_t count) {
    const ProfilePart part(m_exec.profile, "attention");
    float *x = m_x.data() + first * width();
    const float eps = m_config.rmsNormEps;
    rmsNormRows(m_exec, x, layer.inputNorm.data(), count, width(), eps, m_normed.data());
    layer.q.apply(m_exec, m_normed.data(), count, m_a.data(), m_scratch);
    rmsNormRows(m_exec, m_a.data(), layer.queryNorm.data(), count * m_config.heads, m_config.headDim, eps, m_a.data());
    rotate(m_a.data(), first, count);
    const KvView kv{CacheType::F32, m_keys.data(), m_values.data(), m_patches, m_config.heads, m_config.headDim};
    attend(m_exec, kv, m_a.data(), count, m_config.heads, std::span(m_seen).first(size(count)),
           std::span(m_visible).first(size(count)), m_b.data());
    layer.o.apply(m_exec, m_b.data(), count, m_normed.data(), m_scratch);
    addNormRows(m_exec, x, m_normed.data(), layer.postAttentionNorm.data(), count, width(), eps);
}

void VisionPass::feedForward(const VisionLayer &layer, std::int64_t first, std::int64_t count) {
    const ProfilePart part(m_exec.profile, "feed-forward");
    float *x = m_x.data() + first * width();
    const float eps = m_config.rmsNormEps;
    rmsNormRows(m_exec, x, layer.preFeedForwardNorm.data(), count, width(), eps, m_normed.data());
    layer.gate.apply(m_exec, m_normed.data(), count, m_a.data(), m_scratch);
    layer.up.apply(m_exec, m_normed.data(), count, m_b.data(), m_scratch);
    geluMulRows(m_exec, m_a.data(), m_b.data(), count, m_config.intermediateSize, m_a.data());
    layer.down.apply(m_exec, m_a.data(), count, m_normed.data(), m_scratch);
    addNormRows(m_exec, x, m_normed.data(), layer.postFeedForwardNorm.data(), count, width(), eps);
}

// False: cancelled.
bool VisionPass::runLayer(const VisionLayer &layer) {
    const std::int64_t block = std::min(kBlock, m_patches);
    const std::int64_t widest = std::max<std::int64_t>(m_headsWidth, m_config.intermediateSize);
    m_normed.resize(size(block * std::max(width(), m_headsWidth)));
    m_a.resize(size(block * widest));
    m_b.resize(size(block * widest));
    for (std::int64_t first = 0; first < m_patches; first += kBlock) {
        if (m_exec.cancelled()) return false;
        writeKeysAndValues(layer, first, std::min(kBlock, m_patches - first));
    }
    for (std::int64_t first = 0; first < m_patches; first += kBlock) {
        if (m_exec.cancelled()) return false;
        const std::int64_t count = std::min(kBlock, m_patches - first);
        attendBlock(layer, first, count);
        feedForward(layer, first, count);
    }
    return !m_exec.cancelled();
}

// [n / k^2, C]: mean over k x k patches times sqrt(C), in float32 (float16 would overflow here).
std::vector<float> VisionPass::pool() const {
    const ProfilePart part(m_exec.profile, "pooling");
    const std::int64_t k = m_config.poolingKernel;
    const std::int64_t columns = m_image.columns / k, rows = m_image.rows / k;
    std::vector<float> pooled(size(rows * columns * width()));
    const float share = 1.0F / static_cast<float>(k * k);
    const float root = std::sqrt(static_cast<float>(width()));
    m_exec.pool->parallelFor(rows * columns, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t token = begin; token < end; ++token) {
            float *out = pooled.data() + token * width();
            const std::int64_t top = token / columns * k, left = token % columns * k;
            for (std::int64_t i = 0; i < k * k; ++i) {
                const std::int64_t patch = (top + i / k) * m_image.columns + left + i % k;
                m_exec.kernels->axpy(share, m_x.data() + patch * width(), width(), out);
            }
            for (std::int64_t c = 0; c < width(); ++c) out[c] *= root;
        }
    });
    return pooled;
}

std::vector<float> VisionPass::project(std::vector<float> pooled) const {
    const ProfilePart part(m_exec.profile, "projection");
    const std::int64_t tokens = static_cast<std::int64_t>(pooled.size()) / width();
    tap("pooled_scaled", pooled, tokens);
    if (!m_weights.standardScale.empty()) {
        for (std::size_t i = 0; i < pooled.size(); ++i) {
            const std::size_t c = i % size(width());
            pooled[i] = (pooled[i] - m_weights.standardBias[c]) * m_weights.standardScale[c];
        }
        tap("tower_output", pooled, tokens);
    }
    rmsNormRows(m_exec, pooled.data(), nullptr, tokens, width(), m_config.rmsNormEps, pooled.data());
    std::vector<float> soft(size(tokens * m_weights.textWidth));
    linear(m_exec, m_weights.projection, pooled.data(), tokens, soft.data());
    tap("soft_tokens", soft, tokens);
    return soft;
}

Status checkImage(const ImageInput &image, const VisionConfig &config) {
    const auto refuse = [&](const std::string &why) {
        return Error{ErrorCode::InvalidArgument, "The picture was not prepared for this model.",
                     std::to_string(image.columns) + " x " + std::to_string(image.rows) + " patches of " +
                         std::to_string(image.patchSize) + " pixels: " + why};
    };
    if (image.patchSize != config.patchSize) return refuse("the model has patches of " + std::to_string(config.patchSize));
    if (image.columns <= 0 || image.rows <= 0) return refuse("it is empty");
    if (image.columns % config.poolingKernel != 0 || image.rows % config.poolingKernel != 0) {
        return refuse("sides must be multiples of " + std::to_string(config.poolingKernel));
    }
    if (image.columns > config.positionTableSize || image.rows > config.positionTableSize) {
        return refuse("the model has positions for " + std::to_string(config.positionTableSize) + " patches per side");
    }
    const std::int64_t patches = std::int64_t{image.columns} * image.rows;
    if (patches > kMaxPatches) return refuse("more than " + std::to_string(kMaxPatches) + " patches");
    const std::int64_t bytes = patches * config.patchSize * config.patchSize * 3;
    if (static_cast<std::int64_t>(image.patches.size()) != bytes) {
        return refuse(std::to_string(image.patches.size()) + " bytes of pixels instead of " + std::to_string(bytes));
    }
    return ok();
}

}  // namespace

struct VisionTower::Impl {
    VisionWeights weights;
    LoraBindings adapters;
    std::optional<Int8Layers> int8;  // none: as stored
    bool bfloats = false;
};

VisionTower::VisionTower(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
VisionTower::VisionTower(VisionTower &&) noexcept = default;
VisionTower &VisionTower::operator=(VisionTower &&) noexcept = default;
VisionTower::~VisionTower() = default;

// The decoder's weight type is not applied: an encoder in 4 bits loses small print and coordinates long before it saves
// memory that matters (it is a small part of the model).
Result<VisionTower> VisionTower::load(const Checkpoint &checkpoint, const Exec & /*exec*/, TowerArithmetic arithmetic) {
    FACET_TRY(weights, VisionWeights::load(checkpoint));
    auto impl = std::make_unique<Impl>();
    impl->weights = std::move(weights);
    impl->bfloats = arithmetic != TowerArithmetic::Float;
    if (arithmetic == TowerArithmetic::Int8) {
        impl->int8.emplace(impl->weights.linears(), checkpoint.weights);
    }
    return VisionTower(std::move(impl));
}

int VisionTower::softTokenCount(const ImageInput &image) const noexcept {
    const int k = m_impl->weights.config.poolingKernel;
    return (image.rows / k) * (image.columns / k);
}

Result<std::vector<float>> VisionTower::encode(const Exec &exec, const ImageInput &image, const TowerTap &tap,
                                               std::span<const float> adapterScales) const {
    FACET_CHECK(checkImage(image, m_impl->weights.config));
    if (m_impl->int8) FACET_CHECK(m_impl->int8->make(exec));
    LoraHook hook(m_impl->adapters);
    hook.setAllRows(adapterScales);
    Exec adapted = exec;
    adapted.bfloats = m_impl->bfloats;
    if (!m_impl->adapters.empty() && !adapterScales.empty()) adapted.hook = &hook;
    return VisionPass(m_impl->weights, adapted, image, tap).run();
}

Status VisionTower::attach(LoraSet &adapters) {
    FACET_TRY(bound, adapters.bind(m_impl->weights.loraModules()));
    m_impl->adapters = std::move(bound);
    return ok();
}

std::uint64_t VisionTower::residentBytes() const noexcept { return m_impl->weights.bytes; }

}  // namespace facet
