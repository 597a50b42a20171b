// Any bytes as a safetensors file: refused, or every tensor can be read.
#include "load/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace facet;
    auto bytes = std::make_shared<std::vector<std::byte>>(reinterpret_cast<const std::byte *>(data),
                                                          reinterpret_cast<const std::byte *>(data) + size);
    auto file = SafetensorsFile::parse(*bytes, bytes, "input");
    if (!file) return 0;
    const auto weights = weightsOf(std::move(file).value());
    (void)weights->fingerprint();
    for (const auto &tensor : weights->tensors()) {
        std::int64_t count = 1;
        for (const auto side : tensor.shape) count *= side;
        (void)weights->vector(tensor.name, count);
        const std::int64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
        const auto matrix = weights->matrix(tensor.name, cols > 0 ? count / cols : 0, cols);
        if (matrix && matrix->data[tensor.bytes - 1] == std::byte{0xff}) continue; // touches the last byte
    }
    return 0;
}
