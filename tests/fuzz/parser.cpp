// The output parser and the box reader on arbitrary bytes: the first byte of the input says how it is cut.
#include "facet/answer.h"
#include "facet/output_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
    const std::size_t step = 1 + data[0] % 31;
    facet::OutputParser whole, cut(data[0] > 127);
    whole.pushText(text, true);
    whole.finish();
    for (std::size_t i = 0; i < text.size(); i += step) cut.pushText(text.substr(i, step), true);
    cut.finish();
    if (data[0] <= 127 && whole.result().content != cut.result().content) __builtin_trap();
    facet::parseDetections(text, 640, 480);
    return 0;
}
