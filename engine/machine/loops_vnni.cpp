// The roofline's loops for AVX-512 with VNNI (and, where the processor has it, BF16). Built with its own flags: intrinsics only.
#include "machine/roofline.h"

#include <immintrin.h>

namespace facet {

namespace {

constexpr int kChains = 12;  // independent sums: hides the latency of every instruction below

float read(const std::byte *from, std::size_t bytes) {
    __m512i sum[8];
    for (auto &each : sum) each = _mm512_setzero_si512();
    for (const std::byte *p = from; p < from + bytes; p += 8 * 64) {
        for (int i = 0; i < 8; ++i) {
            _mm_prefetch(reinterpret_cast<const char *>(p) + 4096 + 64 * i, _MM_HINT_T0);
            sum[i] = _mm512_xor_si512(sum[i], _mm512_load_si512(p + 64 * i));
        }
    }
    for (int i = 1; i < 8; ++i) sum[0] = _mm512_xor_si512(sum[0], sum[i]);
    return static_cast<float>(_mm512_reduce_add_epi32(sum[0]));
}

// Tiles of 16 rows x 32 columns: 16 half scales, then 256 bytes of nibbles, four columns of every row together; 4.5 bits
// a weight, as in Q4_0.
float read4bit(const std::byte *from, std::size_t bytes) {
    constexpr std::size_t kTile = 32 + 256;
    alignas(64) static thread_local std::int8_t x[32];
    for (int i = 0; i < 32; ++i) x[i] = static_cast<std::int8_t>(7 * i - 90);
    __m512i inputs[8];
    for (int g = 0; g < 8; ++g) inputs[g] = _mm512_set1_epi32(reinterpret_cast<const std::int32_t *>(x)[g]);
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i offset = _mm512_set1_epi32(-8 * 40);
    __m512 sum = _mm512_setzero_ps();
    const std::byte *end = from + bytes / kTile * kTile;
    for (const std::byte *p = from; p < end; p += kTile) {
        for (int i = 0; i < 5; ++i) _mm_prefetch(reinterpret_cast<const char *>(p) + 3072 + 64 * i, _MM_HINT_T0);
        __m512i low = offset, high = _mm512_setzero_si512();
        for (int g = 0; g < 4; ++g) {
            const __m512i w = _mm512_loadu_si512(p + 32 + 64 * g);
            low = _mm512_dpbusd_epi32(low, _mm512_and_si512(w, nibble), inputs[g]);
            high = _mm512_dpbusd_epi32(high, _mm512_and_si512(_mm512_srli_epi16(w, 4), nibble), inputs[g + 4]);
        }
        const __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
        sum = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(_mm512_add_epi32(low, high)), sum);
    }
    return _mm512_reduce_add_ps(sum);
}

float int8(std::int64_t rounds, double &operations) {
    __m512i sum[kChains];
    for (int i = 0; i < kChains; ++i) sum[i] = _mm512_set1_epi32(i);
    __m512i a = _mm512_set1_epi8(3);
    const __m512i b = _mm512_set1_epi8(2);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto &each : sum) each = _mm512_dpbusd_epi32(each, a, b);
        __asm__ volatile("" : "+v"(a));  // or the loop would be one multiplication
    }
    for (int i = 1; i < kChains; ++i) sum[0] = _mm512_add_epi32(sum[0], sum[i]);
    operations = static_cast<double>(rounds) * kChains * 64 * 2;
    return static_cast<float>(_mm512_reduce_add_epi32(sum[0]));
}

float bf16(std::int64_t rounds, double &operations) {
    __m512 sum[kChains];
    for (int i = 0; i < kChains; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
    __m512bh a = (__m512bh)_mm512_set1_epi16(0x3F80);
    const __m512bh b = (__m512bh)_mm512_set1_epi16(0x3F80);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto &each : sum) each = _mm512_dpbf16_ps(each, a, b);
        __asm__ volatile("" : "+v"(a));
    }
    for (int i = 1; i < kChains; ++i) sum[0] = _mm512_add_ps(sum[0], sum[i]);
    operations = static_cast<double>(rounds) * kChains * 32 * 2;
    return _mm512_reduce_add_ps(sum[0]);
}

float fp32(std::int64_t rounds, double &operations) {
    __m512 sum[kChains];
    for (int i = 0; i < kChains; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
    __m512 a = _mm512_set1_ps(1.0F);
    const __m512 b = _mm512_set1_ps(0.5F);
    for (std::int64_t round = 0; round < rounds; ++round) {
        for (auto &each : sum) each = _mm512_fmadd_ps(a, b, each);
        __asm__ volatile("" : "+v"(a));
    }
    for (int i = 1; i < kChains; ++i) sum[0] = _mm512_add_ps(sum[0], sum[i]);
    operations = static_cast<double>(rounds) * kChains * 16 * 2;
    return _mm512_reduce_add_ps(sum[0]);
}

}  // namespace

const RooflineLoops kVnniLoops{"avx512 vnni", read, read4bit, int8, int8, bf16, fp32};

}  // namespace facet
