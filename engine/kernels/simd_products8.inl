// The int8 products of every block type on x86: how its values are multiplied (Scheme), by rows as files have them
// (simd_rows8.inl) or packed (simd_packed8.inl).
namespace facet {
namespace {

void matmulQ8Kernel(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens,
                    float *y, std::int64_t yStride) {
    using T = TensorType;
    const auto run = [&](auto scheme) {
        using S = decltype(scheme);
        if constexpr (kReadInRows<S::kType>) {
            if (w.packed) return packedMatmul<S>(w, rowBegin, rowEnd, x, tokens, y, yStride);
        }
        rowsMatmul<S>(w, rowBegin, rowEnd, x, tokens, y, yStride);
    };
    switch (w.type) {
    case T::Q4_0: return run(Scheme<T::Q4_0, 32, 8, 8, false, false>{});
    case T::Q4_1: return run(Scheme<T::Q4_1, 32, 8, 0, true, false>{});
    case T::Q4_K: return run(Scheme<T::Q4_K, 32, 8, 0, true, false>{});
    case T::Q5_0: return run(Scheme<T::Q5_0, 32, 8, 16, false, false>{});
    case T::Q5_1: return run(Scheme<T::Q5_1, 32, 4, 0, true, false>{});
    case T::Q5_K: return run(Scheme<T::Q5_K, 32, 4, 0, true, false>{});
    case T::Q2_K: return run(Scheme<T::Q2_K, 16, 4, 0, true, false>{});
    case T::Q3_K: return run(Scheme<T::Q3_K, 16, 4, 4, false, false>{});
    case T::Q6_K: return run(Scheme<T::Q6_K, 16, 4, 32, false, false>{});
    case T::Q8_0: return run(Scheme<T::Q8_0, 32, 8, 0, false, true>{});
    case T::IQ1_M:
    case T::IQ2_S:
    case T::IQ2_XS: return run(Scheme<T::IQ2_XS, 16, 4, 0, false, true>{});
    case T::IQ1_S:
    case T::IQ2_XXS:
    case T::IQ3_XXS:
    case T::IQ3_S:
    case T::IQ4_NL:
    case T::IQ4_XS:
    case T::MXFP4: return run(Scheme<T::IQ4_XS, 32, 8, 0, false, true>{});
    case T::F32:
    case T::F16:
    case T::BF16: return;
    }
}

}  // namespace
}  // namespace facet
