// Any bytes as a GGUF file: refused, or its configuration, vocabulary and every tensor can be read.
#include "load/gguf_config.h"
#include "load/gguf_vocabulary.h"
#include "load/gguf_weights.h"

#include <cstddef>
#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace facet;
    auto bytes = std::make_shared<std::vector<std::byte>>(reinterpret_cast<const std::byte *>(data),
                                                          reinterpret_cast<const std::byte *>(data) + size);
    auto file = GgufFile::parse(MappedFile::ofMemory(*bytes, bytes, "input"));
    if (!file) return 0;
    const auto vocabulary = readGgufVocabulary(*file);
    const GgufVocabulary *pieces = vocabulary && *vocabulary ? &**vocabulary : nullptr;
    if (pieces) (void)pieces->idOfMarker("<eos>");
    GgufModelFiles model;
    model.files.push_back(std::move(file).value());
    (void)readProjectorConfig(model);
    const auto config = readGgufConfig(model, pieces, nullptr);
    const auto weights = ggufWeights(std::move(model), std::nullopt, config ? *config : ModelConfig{});
    if (!weights) return 0;
    (void)(*weights)->fingerprint();
    for (const auto &tensor : (*weights)->tensors()) {
        std::int64_t count = 1;
        for (const auto side : tensor.shape) count *= side;
        (void)(*weights)->vector(tensor.name, count);
        const std::int64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
        const auto matrix = (*weights)->matrix(tensor.name, count / cols, cols);
        if (matrix && matrix->data[0] == std::byte{0xff}) continue; // touches it
    }
    return 0;
}
