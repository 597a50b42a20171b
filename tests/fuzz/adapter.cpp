// Any bytes as a LoRA adapter: two bytes of length, adapter_config.json, adapter_model.safetensors. Refused, or every pair
// fits together, is a number of its own and can be read to its last byte.
#include "load/adapter.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace facet;
    if (size < 2) return 0;
    const std::size_t configSize = std::min<std::size_t>(size - 2, data[0] | (std::size_t{data[1]} << 8U));
    const std::string_view config(reinterpret_cast<const char *>(data) + 2, configSize);
    const auto *rest = reinterpret_cast<const std::byte *>(data) + 2 + configSize;
    auto bytes = std::make_shared<std::vector<std::byte>>(rest, reinterpret_cast<const std::byte *>(data) + size);
    auto file = SafetensorsFile::parse(*bytes, bytes, "adapter_model.safetensors");
    if (!file) return 0;
    const auto adapter = readAdapter(config, "adapter_config.json", std::move(*file), "adapter_model.safetensors");
    if (!adapter) {
        if (adapter.error().message.empty()) __builtin_trap();
        return 0;
    }
    for (const AdapterPair &pair : adapter->pairs) {
        if (pair.a.rows != pair.b.cols || pair.a.rows < 1 || !std::isfinite(pair.scale) || pair.module.empty())
            __builtin_trap();
        for (const Matrix *m : {&pair.a, &pair.b})
            if (m->data[rowBytes(m->type, m->cols) * m->rows - 1] == std::byte{0xff}) continue; // touches the last byte
    }
    return 0;
}
