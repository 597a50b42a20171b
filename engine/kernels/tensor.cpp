#include "kernels/tensor.h"

namespace facet {

const char *tensorTypeName(TensorType type) noexcept {
    switch (type) {
    case TensorType::F32: return "F32";
    case TensorType::F16: return "F16";
    case TensorType::Q4_0: return "Q4_0";
    case TensorType::Q4_1: return "Q4_1";
    case TensorType::Q5_0: return "Q5_0";
    case TensorType::Q5_1: return "Q5_1";
    case TensorType::Q8_0: return "Q8_0";
    case TensorType::BF16: return "BF16";
    }
    return "unknown";
}

BlockShape blockShape(TensorType type) noexcept {
    switch (type) {
    case TensorType::F32: return {1, 4};
    case TensorType::F16: return {1, 2};
    case TensorType::BF16: return {1, 2};
    case TensorType::Q8_0: return {32, 34};
    case TensorType::Q4_0: return {32, 18};
    case TensorType::Q4_1:
    case TensorType::Q5_0:
    case TensorType::Q5_1: break;
    }
    return {};
}

std::int64_t rowBytes(TensorType type, std::int64_t cols) noexcept {
    const BlockShape block = blockShape(type);
    if (block.values == 0 || cols % block.values != 0) return 0;
    return cols / block.values * block.bytes;
}

Matrix Matrix::slice(std::int64_t begin, std::int64_t count) const {
    Matrix part = *this;
    part.data = row(begin);
    part.rows = count;
    return part;
}

}  // namespace facet
