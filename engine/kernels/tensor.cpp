#include "kernels/tensor.h"

namespace facet {

const char *tensorTypeName(TensorType type) noexcept {
    switch (type) {
    case TensorType::F32: return "F32";
    case TensorType::F16: return "F16";
    case TensorType::BF16: return "BF16";
    case TensorType::Q8_0: return "Q8_0";
    case TensorType::Q4_0: return "Q4_0";
    case TensorType::Q4_1: return "Q4_1";
    case TensorType::Q5_0: return "Q5_0";
    case TensorType::Q5_1: return "Q5_1";
    case TensorType::IQ4_NL: return "IQ4_NL";
    case TensorType::MXFP4: return "MXFP4";
    case TensorType::Q2_K: return "Q2_K";
    case TensorType::Q3_K: return "Q3_K";
    case TensorType::Q4_K: return "Q4_K";
    case TensorType::Q5_K: return "Q5_K";
    case TensorType::Q6_K: return "Q6_K";
    case TensorType::IQ4_XS: return "IQ4_XS";
    case TensorType::IQ3_XXS: return "IQ3_XXS";
    case TensorType::IQ3_S: return "IQ3_S";
    case TensorType::IQ2_XXS: return "IQ2_XXS";
    case TensorType::IQ2_XS: return "IQ2_XS";
    case TensorType::IQ2_S: return "IQ2_S";
    case TensorType::IQ1_S: return "IQ1_S";
    case TensorType::IQ1_M: return "IQ1_M";
    }
    return "unknown";
}

bool isTensorType(std::uint32_t number) noexcept {
    return number <= 255 && blockShape(static_cast<TensorType>(number)).values != 0;
}

bool isFloatType(TensorType type) noexcept { return blockShape(type).values == 1; }

BlockShape blockShape(TensorType type) noexcept {
    switch (type) {
    case TensorType::F32: return {1, 4};
    case TensorType::F16: return {1, 2};
    case TensorType::BF16: return {1, 2};
    case TensorType::Q8_0: return {32, 34};
    case TensorType::Q4_0: return {32, 18};
    case TensorType::Q4_1: return {32, 20};
    case TensorType::Q5_0: return {32, 22};
    case TensorType::Q5_1: return {32, 24};
    case TensorType::IQ4_NL: return {32, 18};
    case TensorType::MXFP4: return {32, 17};
    case TensorType::Q2_K: return {256, 84};
    case TensorType::Q3_K: return {256, 110};
    case TensorType::Q4_K: return {256, 144};
    case TensorType::Q5_K: return {256, 176};
    case TensorType::Q6_K: return {256, 210};
    case TensorType::IQ4_XS: return {256, 136};
    case TensorType::IQ3_XXS: return {256, 98};
    case TensorType::IQ3_S: return {256, 110};
    case TensorType::IQ2_XXS: return {256, 66};
    case TensorType::IQ2_XS: return {256, 74};
    case TensorType::IQ2_S: return {256, 82};
    case TensorType::IQ1_S: return {256, 50};
    case TensorType::IQ1_M: return {256, 56};
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
