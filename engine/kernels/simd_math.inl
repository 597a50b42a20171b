// Elementwise kernels and reductions over the vector type of the including file (avx2.cpp, avx512.cpp, neon.cpp), which
// defines V, kLanes and the v*() primitives. Everything is in an unnamed namespace and nothing comes from the standard
// library, so that no inline function compiled for a newer processor can replace one of the baseline program.
namespace facet {
namespace {

// e^x: x = n ln 2 + r, |r| <= ln 2 / 2, polynomial of Cephes' expf. Overflow = inf, NaN stays, and what is below e^-87,
// where subnormal numbers begin, is 0: making one, or multiplying with it, takes a hundred times as long.
inline V vexpFrom(V power, V x) {
    const V n = vround(vmul(x, vset(1.44269504088896341F)));
    V r = vfnma(n, vset(0.693359375F), x);
    r = vfnma(n, vset(-2.12194440e-4F), r);
    V p = vset(1.9875691500e-4F);
    p = vfma(p, r, vset(1.3981999507e-3F));
    p = vfma(p, r, vset(8.3334519073e-3F));
    p = vfma(p, r, vset(4.1665795894e-2F));
    p = vfma(p, r, vset(1.6666665459e-1F));
    p = vfma(p, r, vset(5.0000001201e-1F));
    const V y = vadd(vfma(p, vmul(r, r), r), vset(1.0F));
    return vselectLess(power, vset(-87.0F), vzero(), vscale(y, n));
}
inline V vexp(V power) { return vexpFrom(power, vmax(vset(-87.0F), vmin(vset(89.0F), power))); }
// The same for powers that are not above zero.
inline V vexpFalling(V power) { return vexpFrom(power, vmax(vset(-87.0F), power)); }

// tanh: odd polynomial (Cephes' tanhf) below 0.625, else 1 - 2 / (e^2|x| + 1) with the sign of x.
inline V vtanh(V x) {
    const V size = vabs(x);
    const V z = vmul(x, x);
    V p = vset(-5.70498872745e-3F);
    p = vfma(p, z, vset(2.06390887954e-2F));
    p = vfma(p, z, vset(-5.37397155531e-2F));
    p = vfma(p, z, vset(1.33314422036e-1F));
    p = vfma(p, z, vset(-3.33332819422e-1F));
    const V small = vfma(vmul(p, z), x, x);
    const V e = vexp(vadd(size, size));
    const V large = vsub(vset(1.0F), vdiv(vset(2.0F), vadd(e, vset(1.0F))));
    return vselectLess(size, vset(0.625F), small, vcopySign(large, x));
}

// Calls f(offset, lanes) over n values; lanes < kLanes only in the last step.
template <typename F>
inline void forVectors(std::int64_t n, const F &f) {
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) f(i, kLanes);
    if (i < n) f(i, static_cast<int>(n - i));
}

inline V vloadUpTo(const float *from, int lanes) { return lanes == kLanes ? vload(from) : vloadPart(from, lanes); }

inline void vstoreUpTo(float *to, V value, int lanes) {
    if (lanes == kLanes) vstore(to, value);
    else vstorePart(to, value, lanes);
}

float dotKernel(const float *x, const float *y, std::int64_t n) {
    V a = vzero();
    V b = vzero();
    V c = vzero();
    V d = vzero();
    std::int64_t i = 0;
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
        a = vfma(vload(x + i), vload(y + i), a);
        b = vfma(vload(x + i + kLanes), vload(y + i + kLanes), b);
        c = vfma(vload(x + i + 2 * kLanes), vload(y + i + 2 * kLanes), c);
        d = vfma(vload(x + i + 3 * kLanes), vload(y + i + 3 * kLanes), d);
    }
    forVectors(n - i, [&](std::int64_t j, int lanes) {
        a = vfma(vloadUpTo(x + i + j, lanes), vloadUpTo(y + i + j, lanes), a);
    });
    return vsum(vadd(vadd(a, b), vadd(c, d)));
}

void rmsNormKernel(const float *x, const float *w, std::int64_t n, float eps, float *out) {
    const float mean = dotKernel(x, x, n) / static_cast<float>(n);
    const V factor = vset(1.0F / __builtin_sqrtf(mean + eps));
    forVectors(n, [&](std::int64_t i, int lanes) {
        const V scaled = vmul(vloadUpTo(x + i, lanes), factor);
        vstoreUpTo(out + i, w != nullptr ? vmul(scaled, vloadUpTo(w + i, lanes)) : scaled, lanes);
    });
}

void ropeKernel(float *x, const float *cosines, const float *sines, std::int64_t n) {
    const std::int64_t half = n / 2;
    forVectors(half, [&](std::int64_t j, int lanes) {
        const V first = vloadUpTo(x + j, lanes);
        const V second = vloadUpTo(x + half + j, lanes);
        const V c = vloadUpTo(cosines + j, lanes);
        const V s = vloadUpTo(sines + j, lanes);
        vstoreUpTo(x + j, vfnma(second, s, vmul(first, c)), lanes);
        vstoreUpTo(x + half + j, vfma(first, s, vmul(second, c)), lanes);
    });
}

// 0.5 g (1 + tanh u) = g / (1 + e^-2u): the same function without the cancellation of 1 + tanh for negative g.
void geluMulKernel(const float *gate, const float *up, std::int64_t n, float *out) {
    const V minusTwoRoot = vset(-2.0F * 0.797884560802865F);
    forVectors(n, [&](std::int64_t i, int lanes) {
        const V g = vloadUpTo(gate + i, lanes);
        const V cubic = vmul(vmul(vset(0.044715F), g), vmul(g, g));
        const V e = vexp(vmul(minusTwoRoot, vadd(g, cubic)));
        const V gelu = vdiv(g, vadd(vset(1.0F), e));
        vstoreUpTo(out + i, vmul(gelu, vloadUpTo(up + i, lanes)), lanes);
    });
}

void siluKernel(const float *x, std::int64_t n, float *out) {
    forVectors(n, [&](std::int64_t i, int lanes) {
        const V v = vloadUpTo(x + i, lanes);
        const V e = vexp(vsub(vzero(), v));
        vstoreUpTo(out + i, vdiv(v, vadd(vset(1.0F), e)), lanes);
    });
}

void softmaxKernel(float *x, std::int64_t n) {
    float largest = x[0];
    std::int64_t whole = n / kLanes * kLanes;
    if (whole > 0) {
        V m = vload(x);
        for (std::int64_t i = kLanes; i < whole; i += kLanes) m = vmax(m, vload(x + i));
        largest = vmaxLane(m);
    }
    for (std::int64_t i = whole; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
    const V top = vset(largest);
    V sums = vzero();
    for (std::int64_t i = 0; i < whole; i += kLanes) {
        const V e = vexpFalling(vsub(vload(x + i), top));
        vstore(x + i, e);
        sums = vadd(sums, e);
    }
    float sum = vsum(sums);
    if (whole < n) {
        const int lanes = static_cast<int>(n - whole);
        vstorePart(x + whole, vexpFalling(vsub(vloadPart(x + whole, lanes), top)), lanes);
        for (std::int64_t i = whole; i < n; ++i) sum += x[i];
    }
    const V factor = vset(1.0F / sum);
    forVectors(n, [&](std::int64_t i, int lanes) { vstoreUpTo(x + i, vmul(vloadUpTo(x + i, lanes), factor), lanes); });
}

void softcapKernel(float *x, std::int64_t n, float cap) {
    const V c = vset(cap);
    forVectors(n, [&](std::int64_t i, int lanes) {
        vstoreUpTo(x + i, vmul(c, vtanh(vdiv(vloadUpTo(x + i, lanes), c))), lanes);
    });
}

void axpyKernel(float a, const float *x, std::int64_t n, float *y) {
    const V factor = vset(a);
    forVectors(n, [&](std::int64_t i, int lanes) {
        vstoreUpTo(y + i, vfma(factor, vloadUpTo(x + i, lanes), vloadUpTo(y + i, lanes)), lanes);
    });
}

void clampKernel(float *x, std::int64_t n, float low, float high) {
    const V l = vset(low);
    const V h = vset(high);
    forVectors(n, [&](std::int64_t i, int lanes) {
        vstoreUpTo(x + i, vmin(h, vmax(l, vloadUpTo(x + i, lanes))), lanes);
    });
}

void toCacheKernel(CacheType type, const float *x, std::int64_t n, void *out) {
    if (type == CacheType::F32) {
        __builtin_memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float));
        return;
    }
    auto *halves = static_cast<std::uint16_t *>(out);
    forVectors(n, [&](std::int64_t i, int lanes) {
        const V value = vmax(vset(-65504.0F), vmin(vset(65504.0F), vloadUpTo(x + i, lanes)));
        if (lanes == kLanes) vstoreHalf(halves + i, value);
        else vstoreHalfPart(halves + i, value, lanes);
    });
}

}  // namespace
}  // namespace facet
