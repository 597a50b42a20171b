"""Small operations that training spends much of its time in: as fused C++ where that can be built, else plain torch."""
import os

import torch
import torch.nn.functional as F

# Type of the activations: float32 is the faster one on processors without bf16 arithmetic.
TYPE = torch.bfloat16 if os.environ.get("DEMO_BF16") == "1" else torch.float32
# Products of matrices alone in bf16: where the processor has it (AVX512_BF16, AMX) that saves time.
PRODUCTS = torch.bfloat16 if os.environ.get("DEMO_BF16") == "products" else TYPE
EPSILON = 1e-6


def _build():
    if os.environ.get("DEMO_FUSED", "1") != "1" or torch.cuda.is_available():
        return None
    try:
        from torch.utils.cpp_extension import load
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fused_ops.cpp")
        return load(name="demo_fused", sources=[source], extra_cflags=["-O3", "-march=native", "-ffast-math"],
                    extra_ldflags=["-lmvec", "-lm"])
    except Exception as e:                                  # no compiler, no ninja: slower, the same numbers
        print("plain operations, the fused ones could not be built:", str(e).split("\n")[0])
        return None


X = _build()


class _Rms(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, residual):
        x = x.contiguous()
        y, scale = X.rms_fwd(x, weight, residual.contiguous() if residual is not None else None)
        ctx.save_for_backward(x, weight, scale)
        ctx.residual = residual is not None
        return y

    @staticmethod
    def backward(ctx, grad):
        x, weight, scale = ctx.saved_tensors
        grad = grad.contiguous()
        gx, gw = X.rms_bwd(grad, x, weight, scale)
        return gx, gw if weight is not None else None, grad if ctx.residual else None


class _RmsRotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, cos, sin, parts):
        x = x.contiguous()
        y, scale = X.rr_fwd(x, weight, cos, sin, parts)
        ctx.save_for_backward(x, weight, cos, sin, scale)
        ctx.parts = parts
        return y

    @staticmethod
    def backward(ctx, grad):
        x, weight, cos, sin, scale = ctx.saved_tensors
        gx, gw = X.rr_bwd(grad.contiguous(), x, weight, cos, sin, scale, ctx.parts)
        return gx, gw, None, None, None


class _Geglu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gate, up):
        gate, up = gate.contiguous(), up.contiguous()
        ctx.save_for_backward(gate, up)
        return X.gg_fwd(gate, up)

    @staticmethod
    def backward(ctx, grad):
        return tuple(X.gg_bwd(grad.contiguous(), *ctx.saved_tensors))


def _fused(x):
    return X is not None and x.dtype == TYPE and x.device.type == "cpu"


def linear(x, weight):
    return F.linear(x.to(PRODUCTS), weight.to(PRODUCTS)).to(x.dtype)


def rms(x, weight=None):
    if _fused(x):
        return _Rms.apply(x, weight, None)
    y = x.float()
    y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + EPSILON)
    return (y if weight is None else y * weight).to(x.dtype)


def add_rms(residual, x, weight):
    """residual + rms(x) * weight"""
    return _Rms.apply(x, weight, residual) if _fused(x) else residual + rms(x, weight)


def geglu(gate, up):
    return _Geglu.apply(gate, up) if _fused(gate) else F.gelu(gate, approximate="tanh") * up


def _rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


def rms_rotary(x, weight, cos, sin, parts):
    """x [B, T, heads, D]; cos, sin [1 or B, T, D] in float32; rotated in `parts` equal segments."""
    if _fused(x):
        return _RmsRotary.apply(x, weight, cos, sin, parts)
    y, c, s = rms(x, weight), cos[:, :, None].to(x.dtype), sin[:, :, None].to(x.dtype)
    segments = zip(y.chunk(parts, -1), c.chunk(parts, -1), s.chunk(parts, -1))
    return torch.cat([_rotate(*segment) for segment in segments], -1)
