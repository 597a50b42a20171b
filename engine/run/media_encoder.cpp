#include "run/media_encoder.h"

#include "run/cache_file.h"

#include <algorithm>
#include <span>
#include <utility>

namespace facet {

namespace {

constexpr std::uint64_t kLimitWithoutBudget = 256U << 20U;

constexpr const char *kEnding = ".soft";

std::string diskKey(const std::string &modelKey, const SoftSpan &span) {
    return modelKey + "|" + span.key + "|" + std::to_string(span.count);
}

std::uint64_t bytesOf(const SoftTokens &value) { return value->size() * sizeof(float); }

}  // namespace

SoftTokens MediaEncoder::find(const LoadedModel &model, const SoftSpan &span) {
    if (span.key.empty()) return nullptr;
    const auto it = m_index.find(span.key);
    if (it == m_index.end()) {
        SoftTokens read = findOnDisk(span, model.checkpoint.config.text.hiddenSize);
        if (read) store(span.key, read);
        return read;
    }
    m_entries.splice(m_entries.begin(), m_entries, it->second);
    if (m_budget) m_entries.front().used = m_budget->tick();
    return m_entries.front().value;
}

SoftTokens MediaEncoder::findOnDisk(const SoftSpan &span, std::int64_t width) const {
    if (!m_folder) return nullptr;
    const std::string key = diskKey(m_modelKey, span), path = m_folder->pathOf(key, kEnding);
    auto file = CacheFileReader::open(path, CacheFileKind::Encoded);
    if (!file) return nullptr;
    HeadWriter head;
    head.text(key);
    const auto count = static_cast<std::uint64_t>(span.count * width);
    // Another medium whose name happens to be the same, or a damaged file: encoded anew and written over.
    if (!std::equal(head.bytes().begin(), head.bytes().end(), file->head().begin(), file->head().end()) ||
        file->payloadBytes() != count * sizeof(float))
        return nullptr;
    auto value = std::make_shared<std::vector<float>>(static_cast<std::size_t>(count));
    if (!file->read(std::as_writable_bytes(std::span(*value))) || !file->intact()) return nullptr;
    CacheFolder::touch(path);
    return value;
}

void MediaEncoder::storeOnDisk(const SoftSpan &span, const std::vector<float> &value) const {
    if (!m_folder || span.key.empty()) return;
    const std::string key = diskKey(m_modelKey, span);
    const auto bytes = std::as_bytes(std::span(value));
    HeadWriter head;
    head.text(key);
    if (!m_folder->makeRoom(bytes.size() + head.bytes().size())) return;
    auto file = CacheFileWriter::create(m_folder->pathOf(key, kEnding), CacheFileKind::Encoded, head.bytes(),
                                        bytes.size());
    // Not kept is not lost: it can be encoded again.
    if (file && file->write(bytes)) (void)file->commit().hasValue();
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
    FACET_CHECK(model.stillIntact());
    auto value = std::make_shared<const std::vector<float>>(std::move(soft).value());
    store(span.key, value);
    storeOnDisk(span, *value);
    return SoftTokens(std::move(value));
}

}  // namespace facet
