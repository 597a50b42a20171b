#include "run/media_encoder.h"

#include <utility>

namespace facet {

namespace {

constexpr std::uint64_t kLimitWithoutBudget = 256U << 20U;

std::uint64_t bytesOf(const SoftTokens &value) { return value->size() * sizeof(float); }

}  // namespace

SoftTokens MediaEncoder::find(const SoftSpan &span) {
    if (span.key.empty()) return nullptr;
    const auto it = m_index.find(span.key);
    if (it == m_index.end()) return nullptr;
    m_entries.splice(m_entries.begin(), m_entries, it->second);
    if (m_budget) m_entries.front().used = m_budget->tick();
    return m_entries.front().value;
}

void MediaEncoder::store(const std::string &key, const SoftTokens &value) {
    if (key.empty() || m_index.count(key) > 0) return;
    if (m_budget ? !m_budget->makeRoom(bytesOf(value)) : bytesOf(value) > kLimitWithoutBudget) return;
    m_entries.push_front({key, value, m_budget ? m_budget->tick() : 0});
    m_index[key] = m_entries.begin();
    m_bytes += bytesOf(value);
    while (!m_budget && m_bytes > kLimitWithoutBudget) dropOldest();
}

std::optional<std::uint64_t> MediaEncoder::oldest() const {
    if (m_entries.empty()) return std::nullopt;
    return m_entries.back().used;
}

void MediaEncoder::dropOldest() {
    if (m_entries.empty()) return;
    m_bytes -= bytesOf(m_entries.back().value);
    m_index.erase(m_entries.back().key);
    m_entries.pop_back();
}

Result<SoftTokens> MediaEncoder::encode(const LoadedModel &model, const Exec &exec, const SoftSpan &span,
                                        const std::function<void()> &breathe,
                                        std::span<const float> adapterScales) {
    TowerTap tap;
    if (breathe) tap = [&breathe](const std::string &, const float *, std::int64_t, std::int64_t) { breathe(); };
    auto soft = span.isPicture() ? model.vision->encode(exec, *span.image, tap, adapterScales)
                                 : model.audio->encode(exec, *span.audio, tap, adapterScales);
    if (!soft) return soft.error();
    auto value = std::make_shared<const std::vector<float>>(std::move(soft).value());
    store(span.key, value);
    return SoftTokens(std::move(value));
}

}  // namespace facet
