// Soft tokens of pictures and sounds, encoded once and kept (least recently used goes first) by content, grid and
// weights, so that a second question about the same picture does not read it again.
#pragma once

#include "run/cache_folder.h"
#include "run/memory_budget.h"
#include "run/prompt_builder.h"

#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace facet {

using SoftTokens = std::shared_ptr<const std::vector<float>>;  // [count, hiddenSize]

class MediaEncoder final : public MemoryHolder {
public:
    // Without a budget (probe) nothing is kept longer than 256 MB allow. Without a folder nothing outlives the program;
    // modelKey tells apart the weights that shared a folder.
    explicit MediaEncoder(MemoryBudget *budget = nullptr, std::shared_ptr<const CacheFolder> folder = nullptr,
                          std::string modelKey = {})
        : m_budget(budget), m_folder(std::move(folder)), m_modelKey(std::move(modelKey)) {}

    // What is there already, in memory or on disk; null: not encoded yet.
    SoftTokens find(const LoadedModel &model, const SoftSpan &span);
    // Encodes one span and keeps it. `breathe` is called between the tower's layers. Errors: those of the towers.
    Result<SoftTokens> encode(const LoadedModel &model, const Exec &exec, const SoftSpan &span,
                              const std::function<void()> &breathe = {},
                              std::span<const float> adapterScales = {});

    std::uint64_t heldBytes() const override { return m_bytes; }
    std::optional<std::uint64_t> oldest() const override;
    void dropOldest() override;

private:
    void store(const std::string &key, const SoftTokens &value);

    struct Entry {
        std::string key;
        SoftTokens value;
        std::uint64_t used = 0;  // tick
    };
    SoftTokens findOnDisk(const SoftSpan &span, std::int64_t width) const;
    void storeOnDisk(const SoftSpan &span, const std::vector<float> &value) const;

    MemoryBudget *m_budget;
    std::shared_ptr<const CacheFolder> m_folder;
    std::string m_modelKey;
    std::list<Entry> m_entries;  // most recently used first
    std::unordered_map<std::string, std::list<Entry>::iterator> m_index;
    std::uint64_t m_bytes = 0;
};

}  // namespace facet
