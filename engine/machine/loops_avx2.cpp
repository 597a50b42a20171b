// The roofline's loops for AVX2 with FMA. Built with its own flags: intrinsics only.
#include "machine/roofline.h"

#include <immintrin.h>

namespace facet {

namespace {

constexpr int kChains = 12;

float total(__m256 v) {
    alignas(32) float values[8];
    _mm256_store_ps(values, v);
    float sum = 0;
    for (const float each : values) sum += each;
    return sum;
}

float read(const std::byte *from, std::size_t bytes) {
    __m256i sum[8];
    for (auto &each : sum) each = _mm256_setzero_si256();
    for (const std::byte *p = from; p < from + bytes; p += 8 * 32) {
        for (int i = 0; i < 4; ++i) _mm_prefetch(reinterpret_cast<const char *>(p) + 4096 + 64 * i, _MM_HINT_T0);
        for (int i = 0; i < 8; ++i)
            sum[i] = _mm256_xor_si256(sum[i], _mm256_load_si256(reinterpret_cast<const __m256i *>(p + 32 * i)));
    }
    for (int i = 1; i < 8; ++i) sum[0] = _mm256_xor_si256(sum[0], sum[i]);
    return total(_mm256_cvtepi32_ps(sum[0]));
}

float int8(std::int64_t rounds, double &operations) {
    __m256i sum[kChains];
    for (int i = 0; i < kChains; ++i) sum[i] = _mm256_set1_epi32(i);
    __m256i a = _mm256_set1_epi8(3);
    const __m256i b = _mm256_set1_epi8(2), ones = _mm256_set1_epi16(1);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto &each : sum) {
            __m256i words = _mm256_maddubs_epi16(a, b);
            __asm__ volatile("" : "+x"(words));  // or one of them would serve all chains
            each = _mm256_add_epi32(each, _mm256_madd_epi16(words, ones));
        }
        __asm__ volatile("" : "+x"(a));
    }
    for (int i = 1; i < kChains; ++i) sum[0] = _mm256_add_epi32(sum[0], sum[i]);
    operations = static_cast<double>(rounds) * kChains * 32 * 2;
    return total(_mm256_cvtepi32_ps(sum[0]));
}

// Eight products of a 4-bit and an 8-bit number fit a sum of 16 bits.
float int4(std::int64_t rounds, double &operations) {
    __m256i sum[kChains];
    for (int i = 0; i < kChains; ++i) sum[i] = _mm256_set1_epi32(i);
    __m256i a = _mm256_set1_epi8(3);
    const __m256i b = _mm256_set1_epi8(2), ones = _mm256_set1_epi16(1);
    for (std::int64_t round = 0; round < rounds / 8; ++round) {
        for (auto &each : sum) {
            __m256i words = _mm256_maddubs_epi16(a, b);
            for (int i = 1; i < 8; ++i) {
                __m256i more = _mm256_maddubs_epi16(a, b);
                __asm__ volatile("" : "+x"(more));
                words = _mm256_add_epi16(words, more);
            }
            each = _mm256_add_epi32(each, _mm256_madd_epi16(words, ones));
        }
        __asm__ volatile("" : "+x"(a));
    }
    for (int i = 1; i < kChains; ++i) sum[0] = _mm256_add_epi32(sum[0], sum[i]);
    operations = static_cast<double>(rounds / 8 * 8) * kChains * 32 * 2;
    return total(_mm256_cvtepi32_ps(sum[0]));
}

float fp32(std::int64_t rounds, double &operations) {
    __m256 sum[kChains];
    for (int i = 0; i < kChains; ++i) sum[i] = _mm256_set1_ps(static_cast<float>(i));
    __m256 a = _mm256_set1_ps(1.0F);
    const __m256 b = _mm256_set1_ps(0.5F);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto &each : sum) each = _mm256_fmadd_ps(a, b, each);
        __asm__ volatile("" : "+x"(a));
    }
    for (int i = 1; i < kChains; ++i) sum[0] = _mm256_add_ps(sum[0], sum[i]);
    operations = static_cast<double>(rounds) * kChains * 8 * 2;
    return total(sum[0]);
}

}  // namespace

const RooflineLoops kAvx2Loops{"avx2", read, nullptr, int8, int4, nullptr, fp32};

}  // namespace facet
