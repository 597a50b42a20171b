#include "run/conversation_file.h"

#include "load/byte_reader.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

namespace facet {

namespace {

constexpr std::size_t kMaxText = 4096, kMaxSpans = 100'000, kMaxSnapshots = 64;
// The last turns are those that are gone back to: the end of the prompt and that of the answer above all.
constexpr std::size_t kSnapshotsKept = 4;

std::optional<std::string> text(ByteReader &reader) {
    const auto length = reader.u32();
    if (!length || *length > kMaxText) return std::nullopt;
    const auto bytes = reader.take(*length);
    if (!bytes) return std::nullopt;
    std::string out(bytes->size(), '\0');
    std::transform(bytes->begin(), bytes->end(), out.begin(), [](std::byte b) { return static_cast<char>(b); });
    return out;
}

Error refused(const char *message, const std::string &file) { return {ErrorCode::FileUnreadable, message, {}, file}; }

bool readIds(ByteReader &reader, const ConversationShape &shape, ConversationHead &head) {
    const auto count = reader.u64();
    if (!count || *count == 0 || *count > static_cast<std::uint64_t>(shape.cache.contextLength()) ||
        *count > reader.remaining() / 4)
        return false;
    for (std::uint64_t i = 0; i < *count; ++i) {
        const std::uint32_t id = *reader.u32();
        if (id >= static_cast<std::uint32_t>(shape.vocabulary)) return false;
        head.ids.push_back(static_cast<std::int32_t>(id));
    }
    return true;
}

bool readSpans(ByteReader &reader, ConversationHead &head) {
    const auto count = reader.u32();
    if (!count || *count > kMaxSpans) return false;
    const std::uint64_t length = head.ids.size();
    std::uint64_t next = 0;
    for (std::uint32_t i = 0; i < *count; ++i) {
        const auto kind = reader.u32();
        const auto first = reader.u64(), size = reader.u64();
        auto key = text(reader);
        if (!kind || *kind > 2 || !first || !size || !key || *first < next || *first >= length || *size == 0 ||
            *size > (std::uint64_t{1} << 32U))
            return false;
        next = *first + *size;
        head.spans.push_back({static_cast<SoftSpan::Kind>(*kind), static_cast<std::int64_t>(*first),
                              static_cast<std::int64_t>(*size), nullptr, nullptr, std::move(*key)});
    }
    return true;
}

bool readSnapshots(ByteReader &reader, ConversationHead &head) {
    const auto count = reader.u32();
    if (!count || *count == 0 || *count > kMaxSnapshots) return false;
    std::uint64_t last = 0;
    for (std::uint32_t i = 0; i < *count; ++i) {
        const auto position = reader.u64();
        if (!position || *position <= last || *position > head.ids.size()) return false;
        last = *position;
        head.snapshots.push_back(static_cast<std::int64_t>(last));
    }
    return last == head.ids.size();
}

std::uint64_t payloadBytes(const KvCache &shape, std::int64_t length, const std::vector<std::int64_t> &snapshots) {
    std::uint64_t bytes = prefixBytes(shape, length);
    for (const std::int64_t position : snapshots) bytes += RingSnapshot::byteCount(shape, position);
    return bytes;
}

// The ends of turns that go into the file, the end of everything last.
std::vector<std::shared_ptr<const RingSnapshot>> snapshotsOf(const SessionState &session) {
    std::vector<std::shared_ptr<const RingSnapshot>> out;
    const std::int64_t length = session.cache->length();
    for (auto point = session.returns.rbegin(); point != session.returns.rend() && out.size() + 1 < kSnapshotsKept;
         ++point) {
        if (point->position >= length) continue;
        auto rings = point->rings ? point->rings : RingSnapshot::take(*session.cache, point->position);
        if (rings) out.push_back(std::move(rings));
    }
    std::reverse(out.begin(), out.end());
    out.push_back(RingSnapshot::take(*session.cache, length));
    return out;
}

}  // namespace

Result<ConversationHead> readConversationHead(const CacheFileReader &file, const ConversationShape &shape,
                                              const std::string &name) {
    ByteReader reader(file.head());
    const auto model = text(reader), layout = text(reader);
    if (!model || !layout) return refused("The saved conversation contradicts itself.", name);
    if (*model != shape.model || *layout != shapeOf(shape.cache))
        return refused("The saved conversation belongs to another model or to other settings.", name);
    ConversationHead head;
    const auto id = reader.u64();
    auto variant = text(reader);
    const auto promptEnd = reader.u64();
    if (!id || !variant || !promptEnd || !readIds(reader, shape, head) || !readSpans(reader, head) ||
        !readSnapshots(reader, head) || reader.remaining() != 0 ||
        file.payloadBytes() != payloadBytes(shape.cache, static_cast<std::int64_t>(head.ids.size()), head.snapshots))
        return refused("The saved conversation contradicts itself.", name);
    head.id = *id;
    head.variant = std::move(*variant);
    head.promptEnd = static_cast<std::int64_t>(std::min<std::uint64_t>(*promptEnd, head.ids.size()));
    return head;
}

Result<SessionState> readConversation(CacheFileReader &file, const ConversationHead &head,
                                      const ConversationShape &shape, const std::string &name) {
    try {
        SessionState session;
        session.cache.emplace(shape.cache.emptyLike());
        const auto length = static_cast<std::int64_t>(head.ids.size());
        if (!fillPrefix(*session.cache, length, [&file](std::span<std::byte> piece) { return file.read(piece); }))
            return refused("The saved conversation could not be read.", name);
        std::vector<std::byte> bytes;
        for (const std::int64_t position : head.snapshots) {
            bytes.resize(static_cast<std::size_t>(RingSnapshot::byteCount(*session.cache, position)));
            if (!file.read(bytes)) return refused("The saved conversation could not be read.", name);
            session.returns.push_back({position, RingSnapshot::fromBytes(*session.cache, position, bytes)});
        }
        if (!file.intact() || !session.returns.back().rings || !rewind(*session.cache, *session.returns.back().rings))
            return refused("The saved conversation is damaged.", name);
        session.ids = head.ids;
        session.spans = head.spans;
        session.promptEnd = head.promptEnd;
        session.variant = head.variant;
        session.id = head.id;
        return session;
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory, "There is not enough memory for a saved conversation.", {}, name};
    }
}

Status writeConversation(const std::string &path, const SessionState &session, const ConversationShape &shape,
                         const std::function<bool()> &stop, const std::function<bool(std::uint64_t)> &makeRoom) {
    const auto length = static_cast<std::int64_t>(session.ids.size());
    if (!session.cache || length == 0 || session.cache->length() != length)
        return Error{ErrorCode::InvalidArgument, "There is nothing to save of this conversation."};
    const auto snapshots = snapshotsOf(session);
    if (!snapshots.back()) return Error{ErrorCode::InvalidArgument, "There is nothing to save of this conversation."};

    HeadWriter head;
    head.text(shape.model);
    head.text(shapeOf(*session.cache));
    head.u64(session.id);
    head.text(session.variant);
    head.u64(static_cast<std::uint64_t>(session.promptEnd));
    head.u64(session.ids.size());
    for (const std::int32_t id : session.ids) head.u32(static_cast<std::uint32_t>(id));
    head.u32(static_cast<std::uint32_t>(session.spans.size()));
    for (const SoftSpan &span : session.spans) {
        head.u32(static_cast<std::uint32_t>(span.kind));
        head.u64(static_cast<std::uint64_t>(span.first));
        head.u64(static_cast<std::uint64_t>(span.count));
        head.text(span.key);
    }
    head.u32(static_cast<std::uint32_t>(snapshots.size()));
    std::vector<std::int64_t> positions;
    for (const auto &rings : snapshots) {
        positions.push_back(rings->position());
        head.u64(static_cast<std::uint64_t>(rings->position()));
    }
    const std::uint64_t payload = payloadBytes(*session.cache, length, positions);
    if (!makeRoom(payload + head.bytes().size()))
        return Error{ErrorCode::LimitExceeded, "The conversation is larger than the cache folder may become."};
    FACET_TRY(file, CacheFileWriter::create(path, CacheFileKind::Conversation, head.bytes(), payload));
    const auto put = [&](std::span<const std::byte> piece) { return !stop() && file.write(piece); };
    bool written = visitPrefix(*session.cache, length, put);
    for (const auto &rings : snapshots) written = written && put(rings->bytes());
    if (!written) {
        if (stop()) return Error{ErrorCode::Cancelled, "Saving the conversation was put off."};
        return Error{ErrorCode::FileWriteFailed, "The conversation could not be saved.", {}, path};
    }
    return file.commit();
}

}  // namespace facet
