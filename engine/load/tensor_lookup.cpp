#include "load/tensor_lookup.h"

#include <algorithm>
#include <array>

namespace facet {

std::string shapeText(const std::vector<std::int64_t> &shape) {
    std::string text = "[";
    for (const auto size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    return text + "]";
}

std::int64_t elementCount(const std::vector<std::int64_t> &shape) {
    std::int64_t count = 1;
    for (const auto size : shape) count *= size;
    return count;
}

bool isShapedAs(const TensorInfo &info, std::int64_t rows, std::int64_t cols) {
    const std::int64_t last = info.shape.empty() ? 1 : info.shape.back();
    const std::int64_t count = elementCount(info.shape);
    return rows > 0 && cols > 0 && last == cols && count % cols == 0 && count / cols == rows;
}

Error missingTensor(const std::string &name, const std::string &file) {
    return {ErrorCode::ModelFileCorrupt, "The model files lack a tensor that the configuration asks for.",
            "tensor " + name + " is missing", file};
}

Error unusableTensor(const TensorInfo &info, const std::string &file) {
    return {ErrorCode::ModelUnsupported,
            "The model file stores a tensor as a kind of number that Facet cannot compute with.",
            "tensor " + info.name + ": " + info.typeName, file};
}

Error wrongShape(const TensorInfo &info, const std::string &wanted, const std::string &file) {
    return {ErrorCode::ModelFileCorrupt, "A tensor does not have the shape that the configuration says.",
            "tensor " + info.name + ": shape " + shapeText(info.shape) + " instead of " + wanted, file};
}

void Fingerprint::add(const MappedFile &file, std::uint64_t headerBytes) {
    const auto hash = [this](std::span<const std::byte> piece) {
        for (const auto b : piece) m_hash = (m_hash ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3ULL;
    };
    hash(file.bytes().first(headerBytes));
    const std::uint64_t size = file.bytes().size() - headerBytes;
    constexpr std::uint64_t kSamples = 256, kSampleBytes = 64;
    const std::uint64_t step = std::max(kSampleBytes, size / kSamples);
    std::array<std::byte, kSampleBytes> sample;
    for (std::uint64_t at = 0; at < size; at += step) {
        const auto piece = std::span(sample).first(static_cast<std::size_t>(std::min(kSampleBytes, size - at)));
        if (file.readAt(headerBytes + at, piece)) hash(piece);
    }
}

std::string Fingerprint::text() const {
    constexpr const char *kDigits = "0123456789abcdef";
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(m_hash >> shift) & 15];
    return text;
}

} // namespace facet
