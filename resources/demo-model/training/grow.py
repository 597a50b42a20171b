"""A checkpoint with a narrower vision tower becomes one of today's width, and computes the same as before.

What is new in the residual stream is read (its columns are random) but still empty (its rows are zero), and what new heads
and new units of an MLP say is not yet listened to: learning begins at once in both. A root mean square over a wider vector
of which only the old part is filled is smaller; norms and the projection to the language model make up for that.
"""
import torch

READS = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "embedding_projection")     # take the residual stream


def _grown(name, old, new, shrunk):
    out = torch.zeros_like(new)
    if old.dim() == 1:                                      # the norms of the residual stream
        out.fill_(float(old.mean()) / shrunk)
        out[:len(old)] = old / shrunk
        return out
    if any(part in name for part in READS):
        out.copy_(new * (old.std() / new.std()))
        out[:old.shape[0]] *= 0.3                           # quiet where the old rows will hear the new columns
        old = old / shrunk if "embedding_projection" in name else old
    out[tuple(slice(0, n) for n in old.shape)] = old
    return out


def grow(old, new):
    """old: weights of the narrower model; new: freshly initialised ones of today's -> weights to begin with. A weight that
    today's does not have stays, for the caller to refuse."""
    width = "model.vision_tower.encoder.layers.0.input_layernorm.weight"
    shrunk = (new[width].numel() / old[width].numel()) ** 0.5
    return {k: v if k not in new or v.shape == new[k].shape else _grown(k, v, new[k], shrunk) for k, v in old.items()}
