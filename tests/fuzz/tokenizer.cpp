// A tokenizer.json from nowhere, and whatever text with whatever tokenizer was read: what is encoded comes back.
#include "text/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char *>(data), size);
    const auto tokenizer = facet::Tokenizer::fromJson(bytes, "fuzz.json");
    if (!tokenizer) {
        if (tokenizer.error().message.empty()) std::abort();
        return 0;
    }
    // The file itself serves as the text: it contains the pieces it lists.
    const facet::ByteSpan plain[] = {{size / 4, size / 2}};
    const auto ids = tokenizer->encode(bytes, true, plain);
    facet::StreamDecoder decoder(*tokenizer);
    for (const std::int32_t id : ids) {
        if (id < 0 || id >= tokenizer->size()) std::abort();
        decoder.push(id);
    }
    decoder.finish();
    tokenizer->decode(ids);
    for (const std::int32_t id : tokenizer->encode(bytes, false))
        if (id < 0 || id >= tokenizer->size()) std::abort();
    return 0;
}
