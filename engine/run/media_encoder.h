// Soft tokens of the pictures and sounds of a prompt, encoded once and kept (least recently used goes first) by
// content, grid and weights, so that a second question about the same picture does not read it again.
#pragma once

#include "run/prompt_builder.h"

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace facet {

using SoftTokens = std::shared_ptr<const std::vector<float>>;  // [count, hiddenSize]

class MediaEncoder {
public:
    explicit MediaEncoder(std::size_t cacheBytes = 256U << 20U) : m_limit(cacheBytes) {}

    // The soft tokens of every span that does not end before `from`, in order (others stay null).
    Result<std::vector<SoftTokens>> encode(const LoadedModel &model, const Exec &exec, const std::vector<SoftSpan> &spans,
                                           std::int64_t from, const ProgressFn &progress);

private:
    SoftTokens find(const std::string &key);
    void store(const std::string &key, const SoftTokens &value);

    struct Entry {
        std::string key;
        SoftTokens value;
    };
    std::list<Entry> m_entries;  // most recently used first
    std::unordered_map<std::string, std::list<Entry>::iterator> m_index;
    std::size_t m_bytes = 0;
    std::size_t m_limit;
};

}  // namespace facet
