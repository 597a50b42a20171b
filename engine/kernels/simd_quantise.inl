// Activations to int8 blocks, with the sums that products need (kernels.h, Q8Rows). pairSums() is the including file's.
namespace facet {
namespace {

// Same steps and roundings as the scalar version: the results are equal bit by bit.
void quantiseRowQ8Kernel(const float *x, std::int64_t n, std::int8_t *values, float *scales, float *sums, std::int32_t *pairs) {
    for (std::int64_t b = 0; b < n / 32; ++b, x += 32, values += 32) {
        V largest = vzero();
        V damage = vzero();  // 0 * x is NaN for infinity and NaN
        for (int i = 0; i < 32; i += kLanes) {
            const V v = vload(x + i);
            largest = vmax(largest, vabs(v));
            damage = vfma(v, vzero(), damage);
        }
        const float top = vmaxLane(largest);
        const float broken = vsum(damage);
        if (!(broken == 0.0F) || top < 1e-35F) {
            __builtin_memset(values, 0, 32);
            scales[b] = sums[2 * b] = sums[2 * b + 1] = broken == 0.0F ? 0.0F : __builtin_nanf("");
            pairs[2 * b] = pairs[2 * b + 1] = 0;
            continue;
        }
        const V inverse = vset(127.0F / top);
        scales[b] = top / 127.0F;
        for (int i = 0; i < 32; i += kLanes) vstoreInt8(values + i, vround(vmul(vload(x + i), inverse)));
        for (int half = 0; half < 2; ++half) {
            const std::int32_t packed = pairSums(values + half * 16);
            const int sum = static_cast<std::int16_t>(packed & 0xFFFF) + (packed >> 16);
            pairs[2 * b + half] = packed;
            sums[2 * b + half] = scales[b] * static_cast<float>(sum);
        }
    }
}

}  // namespace
}  // namespace facet
