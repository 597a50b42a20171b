#include "run/conversation_store.h"

#include <algorithm>
#include <utility>

namespace facet {

namespace {

constexpr const char *kEnding = ".talk";
constexpr std::size_t kMaxStored = 256;
// Fewer positions are read again sooner than a file is.
constexpr std::int64_t kWorthSaving = 32;

}  // namespace

ConversationStore::ConversationStore(const LoadedModel &model, std::shared_ptr<const CacheFolder> folder)
    : m_model(model), m_folder(std::move(folder)) {
    if (!m_folder) return;
    auto shape = KvCache::create(model.checkpoint.config.text, model.cacheType, model.contextLength, model.maxBlock);
    if (!shape) {
        m_folder = nullptr;
        return;
    }
    m_shape.emplace(std::move(*shape));
    for (const std::string &path : m_folder->files(kEnding)) {
        if (m_stored.size() >= kMaxStored) break;
        take(path);
    }
}

void ConversationStore::take(const std::string &path) {
    std::erase_if(m_stored, [&path](const Stored &stored) { return stored.path == path; });
    auto file = CacheFileReader::open(path, CacheFileKind::Conversation);
    if (!file) return;
    auto head = readConversationHead(*file, shape(), path);
    if (head) m_stored.push_back({path, std::move(*head)});
}

std::optional<SessionState> ConversationStore::find(const BuiltPrompt &prompt, std::int64_t known) {
    while (true) {
        auto best = m_stored.end();
        std::int64_t most = known + kWorthSaving;
        for (auto it = m_stored.begin(); it != m_stored.end(); ++it) {
            SessionState probe;
            probe.ids = std::move(it->head.ids);  // only lent: both go back below
            probe.spans = std::move(it->head.spans);
            probe.variant = it->head.variant;
            const std::int64_t common = commonPrefix(probe, prompt);
            it->head.ids = std::move(probe.ids);
            it->head.spans = std::move(probe.spans);
            const auto &points = it->head.snapshots;
            const auto above = std::upper_bound(points.begin(), points.end(), common);
            if (above == points.begin() || *(above - 1) <= most) continue;
            most = *(above - 1);
            best = it;
        }
        if (best == m_stored.end()) return std::nullopt;
        const std::string path = best->path;
        auto file = CacheFileReader::open(path, CacheFileKind::Conversation);
        auto head = file ? readConversationHead(*file, shape(), path) : Result<ConversationHead>(file.error());
        auto session = head ? readConversation(*file, *head, shape(), path) : Result<SessionState>(head.error());
        if (session) {
            CacheFolder::touch(path);
            return std::move(*session);
        }
        // Gone, damaged or replaced meanwhile.
        m_stored.erase(best);
        if (session.error().code == ErrorCode::OutOfMemory) return std::nullopt;
        CacheFolder::remove(path);
    }
}

SessionPool::Idle ConversationStore::next(SessionPool &pool) const {
    if (!m_folder) return {};
    for (const SessionPool::Idle &idle : pool.idle()) {
        if (static_cast<std::int64_t>(idle.session->ids.size()) < kWorthSaving) continue;
        const auto saved = m_saved.find(idle.session->id);
        if (saved == m_saved.end() || saved->second < idle.used) return idle;
    }
    return {};
}

void ConversationStore::saveNext(SessionPool &pool, const std::function<bool()> &stop) {
    const SessionPool::Idle idle = next(pool);
    if (!idle.session) return;
    const std::string path = m_folder->pathOf("conversation " + std::to_string(idle.session->id), kEnding);
    const Status saved = writeConversation(path, *idle.session, shape(), stop,
                                           [this](std::uint64_t bytes) { return m_folder->makeRoom(bytes); });
    if (!saved && saved.error().code == ErrorCode::Cancelled) return;  // later
    m_saved[idle.session->id] = idle.used;  // what failed for another reason would fail again
    if (saved) take(path);
}

}  // namespace facet
