// Any bytes as a saved conversation: refused, or a session whose parts agree with each other. The input is taken twice:
// as the file itself, and (two bytes of length, head, payload) inside a file whose checksums are right.
#include "run/conversation_file.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>

namespace {

using namespace facet;

KvCache smallCache() {
    TextConfig config;
    config.slidingWindow = 4;
    config.layers = {{true, 2, 1, false, false, 0}, {false, 2, 1, false, false, 1}, {true, 2, 1, false, true, 0}};
    return std::move(KvCache::create(config, CacheType::F32, 200, 8)).value();
}

void tryFile(const std::string &bytes) {
    static const KvCache cache = smallCache();
    const ConversationShape shape{"fuzz", cache, 100};
    auto file = CacheFileReader::open(std::make_unique<std::istringstream>(bytes), CacheFileKind::Conversation, "input");
    if (!file) return;
    const auto head = readConversationHead(*file, shape, "input");
    if (!head) return;
    const auto session = readConversation(*file, *head, shape, "input");
    if (!session) return;
    if (session->cache->length() != static_cast<std::int64_t>(session->ids.size())) __builtin_trap();
    BuiltPrompt prompt;
    prompt.ids = session->ids;
    prompt.spans = session->spans;
    prompt.variant = session->variant;
    const std::int64_t resume = resumePoint(*session, prompt);
    if (resume < 0 || resume >= session->cache->length()) __builtin_trap();
}

std::string asText(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string input(reinterpret_cast<const char *>(data), size);
    tryFile(input);
    if (size < 2) return 0;
    const auto all = std::as_bytes(std::span(data, size)).subspan(2);
    const std::size_t headSize = std::min<std::size_t>(all.size(), data[0] | (std::size_t{data[1]} << 8U));
    const auto head = all.first(headSize), payload = all.subspan(headSize);
    HeadWriter fixed;
    fixed.u32(1);
    fixed.u32(static_cast<std::uint32_t>(CacheFileKind::Conversation));
    fixed.u64(head.size());
    fixed.u64(payload.size());
    const std::string begin = "FacetCch" + asText(fixed.bytes());
    Checksum headSum, payloadSum;
    headSum.add(std::as_bytes(std::span(begin)));
    headSum.add(head);
    payloadSum.add(payload);
    HeadWriter first, last;
    first.u64(headSum.value());
    last.u64(payloadSum.value());
    tryFile(begin + asText(first.bytes()) + asText(head) + asText(payload) + asText(last.bytes()));
    return 0;
}
