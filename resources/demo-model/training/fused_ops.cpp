// Fused training kernels (single thread, bf16 activations): RMS norm, RMS norm + rotary, residual + RMS norm, gated GELU.
#include <torch/extension.h>
#include <cmath>
#include <algorithm>
#include <cstring>
#include <vector>
using torch::Tensor;
using bf = uint16_t;
static inline float f32(bf v) { uint32_t u = (uint32_t)v << 16; float f; std::memcpy(&f, &u, 4); return f; }
static inline bf b16(float f) { uint32_t u; std::memcpy(&u, &f, 4); u += 0x7fff + ((u >> 16) & 1); return (bf)(u >> 16); }
template <class T> static inline T* P(const Tensor& t) { return (T*)t.data_ptr(); }
static inline float f32(float v) { return v; }
template <class T> static inline T put(float f);
template <> inline bf put<bf>(float f) { return b16(f); }
template <> inline float put<float>(float f) { return f; }
static inline float* F(const Tensor& t) { return t.data_ptr<float>(); }
constexpr float EPS = 1e-6f;

// y = [res +] rms(x) * w
template <class E> std::vector<Tensor> rms_fwd_(Tensor x, c10::optional<Tensor> w, c10::optional<Tensor> res) {
  int64_t D = x.size(-1), N = x.numel() / D; Tensor y = torch::empty_like(x), rs = torch::empty({N}, torch::kFloat32);
  const E* X = P<E>(x); E* Y = P<E>(y); float* R = F(rs); const float* W = w ? F(*w) : nullptr; const E* S = res ? P<E>(*res) : nullptr;
  for (int64_t n = 0; n < N; n++) {
    const E* a = X + n * D; E* o = Y + n * D; float s = 0; for (int64_t i = 0; i < D; i++) { float v = f32(a[i]); s += v * v; }
    float r = 1.0f / std::sqrt(s / D + EPS); R[n] = r;
    if (S) { const E* q = S + n * D; for (int64_t i = 0; i < D; i++) o[i] = put<E>(f32(q[i]) + f32(a[i]) * r * W[i]); }
    else if (W) for (int64_t i = 0; i < D; i++) o[i] = put<E>(f32(a[i]) * r * W[i]);
    else for (int64_t i = 0; i < D; i++) o[i] = put<E>(f32(a[i]) * r);
  }
  return {y, rs};
}
template <class E> std::vector<Tensor> rms_bwd_(Tensor g, Tensor x, c10::optional<Tensor> w, Tensor rs) {
  int64_t D = x.size(-1), N = x.numel() / D; Tensor gx = torch::empty_like(x), gw = torch::zeros({D}, torch::kFloat32);
  const E *G = P<E>(g), *X = P<E>(x); E* O = P<E>(gx); const float* R = F(rs); const float* W = w ? F(*w) : nullptr; float* GW = F(gw); std::vector<float> t(D);
  for (int64_t n = 0; n < N; n++) {
    const E *a = X + n * D, *q = G + n * D; E* o = O + n * D; float r = R[n], d = 0;
    if (W) for (int64_t i = 0; i < D; i++) { float gg = f32(q[i]), v = f32(a[i]); GW[i] += gg * v * r; t[i] = gg * W[i]; d += t[i] * v; }
    else for (int64_t i = 0; i < D; i++) { t[i] = f32(q[i]); d += t[i] * f32(a[i]); }
    float k = d * r * r / D; for (int64_t i = 0; i < D; i++) o[i] = put<E>(r * (t[i] - f32(a[i]) * k));
  }
  return {gx, gw};
}
// x [B,T,H,D], cos/sin [Bc,T,D] f32 (Bc = 1 or B), nseg rotary segments: y = rot(rms(x) * w)
template <class E> std::vector<Tensor> rr_fwd_(Tensor x, Tensor w, Tensor c, Tensor s, int64_t nseg) {
  int64_t B = x.size(0), T = x.size(1), H = x.size(2), D = x.size(3), S = D / nseg, h = S / 2, Bc = c.size(0); Tensor y = torch::empty_like(x), rs = torch::empty({B * T * H}, torch::kFloat32);
  const E* X = P<E>(x); E* Y = P<E>(y); float* R = F(rs); const float *W = F(w), *C = F(c), *Si = F(s); std::vector<float> v(D);
  for (int64_t b = 0; b < B; b++) for (int64_t t = 0; t < T; t++) { const float *cc = C + ((Bc == 1 ? 0 : b) * T + t) * D, *ss = Si + ((Bc == 1 ? 0 : b) * T + t) * D;
    for (int64_t k = 0; k < H; k++) { int64_t n = (b * T + t) * H + k; const E* a = X + n * D; E* o = Y + n * D; float q = 0; for (int64_t i = 0; i < D; i++) { float z = f32(a[i]); q += z * z; }
      float r = 1.0f / std::sqrt(q / D + EPS); R[n] = r; for (int64_t i = 0; i < D; i++) v[i] = f32(a[i]) * r * W[i];
      for (int64_t g = 0; g < nseg; g++) { const float* u = v.data() + g * S; const float *c1 = cc + g * S, *s1 = ss + g * S; E* p = o + g * S;
        for (int64_t i = 0; i < h; i++) { p[i] = put<E>(u[i] * c1[i] - u[i + h] * s1[i]); p[i + h] = put<E>(u[i + h] * c1[i + h] + u[i] * s1[i + h]); } } } }
  return {y, rs};
}
template <class E> std::vector<Tensor> rr_bwd_(Tensor gy, Tensor x, Tensor w, Tensor c, Tensor s, Tensor rs, int64_t nseg) {
  int64_t B = x.size(0), T = x.size(1), H = x.size(2), D = x.size(3), S = D / nseg, h = S / 2, Bc = c.size(0); Tensor gx = torch::empty_like(x), gw = torch::zeros({D}, torch::kFloat32);
  const E *G = P<E>(gy), *X = P<E>(x); E* O = P<E>(gx); const float *R = F(rs), *W = F(w), *C = F(c), *Si = F(s); float* GW = F(gw); std::vector<float> v(D);
  for (int64_t b = 0; b < B; b++) for (int64_t t = 0; t < T; t++) { const float *cc = C + ((Bc == 1 ? 0 : b) * T + t) * D, *ss = Si + ((Bc == 1 ? 0 : b) * T + t) * D;
    for (int64_t k = 0; k < H; k++) { int64_t n = (b * T + t) * H + k; const E *a = X + n * D, *q = G + n * D; E* o = O + n * D; float r = R[n], d = 0;
      for (int64_t g = 0; g < nseg; g++) { float* u = v.data() + g * S; const float *c1 = cc + g * S, *s1 = ss + g * S; const E* p = q + g * S;
        for (int64_t i = 0; i < h; i++) { float g1 = f32(p[i]), g2 = f32(p[i + h]); u[i] = g1 * c1[i] + g2 * s1[i + h]; u[i + h] = g2 * c1[i + h] - g1 * s1[i]; } }
      for (int64_t i = 0; i < D; i++) { float z = f32(a[i]); GW[i] += v[i] * z * r; v[i] *= W[i]; d += v[i] * z; }
      float m = d * r * r / D; for (int64_t i = 0; i < D; i++) o[i] = put<E>(r * (v[i] - f32(a[i]) * m)); } }
  return {gx, gw};
}
template <class E> Tensor gg_fwd_(Tensor g, Tensor u) {
  Tensor y = torch::empty_like(g); int64_t N = g.numel(); const E *A = P<E>(g), *U = P<E>(u); E* Y = P<E>(y);
  for (int64_t i = 0; i < N; i++) { float x = f32(A[i]), z = std::min(30.0f, std::max(-30.0f, 1.5957691216f * (x + 0.044715f * x * x * x))); Y[i] = put<E>(x / (1.0f + std::exp(-z)) * f32(U[i])); }
  return y;
}
template <class E> std::vector<Tensor> gg_bwd_(Tensor go, Tensor g, Tensor u) {
  Tensor a = torch::empty_like(g), b = torch::empty_like(g); int64_t N = g.numel(); const E *O = P<E>(go), *A = P<E>(g), *U = P<E>(u); E *GA = P<E>(a), *GB = P<E>(b);
  for (int64_t i = 0; i < N; i++) { float x = f32(A[i]), o = f32(O[i]), z = std::min(30.0f, std::max(-30.0f, 1.5957691216f * (x + 0.044715f * x * x * x))), s = 1.0f / (1.0f + std::exp(-z));
    GB[i] = put<E>(o * x * s); GA[i] = put<E>(o * f32(U[i]) * (s + x * s * (1.0f - s) * 1.5957691216f * (1.0f + 0.134145f * x * x))); }
  return {a, b};
}

static bool half(const Tensor& t) { return t.scalar_type() == at::kBFloat16; }
std::vector<Tensor> rms_fwd(Tensor x, c10::optional<Tensor> w, c10::optional<Tensor> res) { return half(x) ? rms_fwd_<bf>(x, w, res) : rms_fwd_<float>(x, w, res); }
std::vector<Tensor> rms_bwd(Tensor g, Tensor x, c10::optional<Tensor> w, Tensor rs) { return half(x) ? rms_bwd_<bf>(g, x, w, rs) : rms_bwd_<float>(g, x, w, rs); }
std::vector<Tensor> rr_fwd(Tensor x, Tensor w, Tensor c, Tensor s, int64_t n) { return half(x) ? rr_fwd_<bf>(x, w, c, s, n) : rr_fwd_<float>(x, w, c, s, n); }
std::vector<Tensor> rr_bwd(Tensor g, Tensor x, Tensor w, Tensor c, Tensor s, Tensor rs, int64_t n) { return half(x) ? rr_bwd_<bf>(g, x, w, c, s, rs, n) : rr_bwd_<float>(g, x, w, c, s, rs, n); }
Tensor gg_fwd(Tensor g, Tensor u) { return half(g) ? gg_fwd_<bf>(g, u) : gg_fwd_<float>(g, u); }
std::vector<Tensor> gg_bwd(Tensor go, Tensor g, Tensor u) { return half(g) ? gg_bwd_<bf>(go, g, u) : gg_bwd_<float>(go, g, u); }
PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("rms_fwd", &rms_fwd); m.def("rms_bwd", &rms_bwd); m.def("rr_fwd", &rr_fwd); m.def("rr_bwd", &rr_bwd); m.def("gg_fwd", &gg_fwd); m.def("gg_bwd", &gg_bwd); }
