// config.json, and behind zero bytes generation_config.json and processor_config.json: refused, or consistent.
#include "load/config.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace facet;
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    std::string_view parts[3];
    for (auto &part : parts) {
        const auto end = rest.find('\0');
        part = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    const auto config = parseModelConfig(parts[0], parts[1], parts[2], "input");
    if (!config) return 0;
    for (std::size_t i = 0; i < config->text.layers.size(); ++i) {
        const LayerConfig &layer = config->text.layers[i];
        const bool drafter = config->architecture == "gemma4_assistant";
        if (layer.headDim <= 0 || layer.kvHeads <= 0 || config->text.heads % layer.kvHeads != 0) std::abort();
        if (!drafter && (layer.kvSource < 0 || layer.kvSource > static_cast<int>(i))) std::abort();
    }
    return 0;
}
