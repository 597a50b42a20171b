#include "run/media_encoder.h"

#include <algorithm>
#include <utility>

namespace facet {

SoftTokens MediaEncoder::find(const std::string &key) {
    if (key.empty()) return nullptr;
    const auto it = m_index.find(key);
    if (it == m_index.end()) return nullptr;
    m_entries.splice(m_entries.begin(), m_entries, it->second);
    return m_entries.front().value;
}

void MediaEncoder::store(const std::string &key, const SoftTokens &value) {
    const std::size_t bytes = value->size() * sizeof(float);
    if (key.empty() || bytes > m_limit) return;
    m_entries.push_front({key, value});
    m_index[key] = m_entries.begin();
    m_bytes += bytes;
    while (m_bytes > m_limit) {
        m_bytes -= m_entries.back().value->size() * sizeof(float);
        m_index.erase(m_entries.back().key);
        m_entries.pop_back();
    }
}

Result<std::vector<SoftTokens>> MediaEncoder::encode(const LoadedModel &model, const Exec &exec,
                                                     const std::vector<SoftSpan> &spans, std::int64_t from,
                                                     const ProgressFn &progress) {
    std::vector<SoftTokens> out(spans.size());
    std::uint64_t total[2] = {0, 0}, done[2] = {0, 0};  // pictures, sounds still to be read
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if (spans[i].first + spans[i].count <= from) continue;
        out[i] = find(spans[i].key);
        if (!out[i]) ++total[spans[i].isPicture() ? 0 : 1];
    }
    for (std::size_t i = 0; i < spans.size(); ++i) {
        const SoftSpan &span = spans[i];
        if (out[i] || span.first + span.count <= from) continue;
        if (SoftTokens again = find(span.key)) {  // the same picture twice in one prompt
            out[i] = std::move(again);
            continue;
        }
        const int kind = span.isPicture() ? 0 : 1;
        const Phase phase = kind == 0 ? Phase::ReadingPicture : Phase::ReadingSound;
        if (progress) progress(phase, done[kind], total[kind]);
        auto soft = kind == 0 ? model.vision->encode(exec, *span.image) : model.audio->encode(exec, *span.audio);
        if (!soft) return soft.error();
        ++done[kind];
        if (progress) progress(phase, done[kind], total[kind]);
        out[i] = std::make_shared<const std::vector<float>>(std::move(soft).value());
        store(span.key, out[i]);
    }
    return out;
}

}  // namespace facet
