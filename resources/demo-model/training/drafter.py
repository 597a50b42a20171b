"""The drafter in the layout of the released "assistant" checkpoints: four layers of queries on the target's keys and values,
a centroid head. The modules carry the names of the checkpoint's tensors; the forward pass drafts from every place of an
answer at once."""
import json
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

import make_tokenizer
from ops import TYPE, add_rms, geglu, linear, rms, rms_rotary

HIDDEN, INNER, HEADS, CENTROIDS, CENTROIDS_TRIED = 96, 192, 4, 32, 8
KINDS = ["sliding_attention"] * 3 + ["full_attention"]


class Norm(nn.Module):
    def __init__(self, width, value=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((width,), value))


def _matrix(ins, outs):
    m = nn.Linear(ins, outs, bias=False)
    nn.init.normal_(m.weight, 0, 0.7 * ins ** -0.5)
    return m


class Layer(nn.Module):
    def __init__(self, head_dim):
        super().__init__()
        self.self_attn, self.mlp = nn.Module(), nn.Module()
        self.self_attn.q_proj, self.self_attn.o_proj = _matrix(HIDDEN, HEADS * head_dim), _matrix(HEADS * head_dim, HIDDEN)
        self.self_attn.q_norm = Norm(head_dim, head_dim ** -0.25)
        self.mlp.gate_proj, self.mlp.up_proj, self.mlp.down_proj = (_matrix(HIDDEN, INNER), _matrix(HIDDEN, INNER),
                                                                    _matrix(INNER, HIDDEN))
        self.input_layernorm, self.pre_feedforward_layernorm = Norm(HIDDEN), Norm(HIDDEN)
        self.post_attention_layernorm, self.post_feedforward_layernorm = Norm(HIDDEN, 0.5), Norm(HIDDEN, 0.5)
        self.register_buffer("layer_scalar", torch.ones(1))


class Drafter(nn.Module):
    """target: the text model's configuration."""

    def __init__(self, target, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.target = target
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(target.vocab_size, HIDDEN)
        nn.init.normal_(self.model.embed_tokens.weight, 0, 0.05)
        self.model.layers = nn.ModuleList(Layer(64 if kind == "full_attention" else 32) for kind in KINDS)
        self.model.norm = Norm(HIDDEN)
        self.pre_projection, self.post_projection = (_matrix(2 * target.hidden_size, HIDDEN),
                                                     _matrix(HIDDEN, target.hidden_size))
        self.masked_embedding = nn.Module()
        self.masked_embedding.centroids = _matrix(HIDDEN, CENTROIDS)
        self.masked_embedding.register_buffer("token_ordering", torch.arange(target.vocab_size))

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        tensors = {k: (v if v.dtype == torch.int64 else v.to(torch.bfloat16)).contiguous()
                   for k, v in self.state_dict().items()}
        save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        for name, content in (("config.json", configuration(self.target)), ("generation_config.json", GENERATION)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)


GENERATION = {"_from_model_config": True, "bos_token_id": 2, "eos_token_id": [1, 106, 50], "pad_token_id": 0}


def configuration(target):
    text = {"attention_bias": False, "attention_dropout": 0.0, "attention_k_eq_v": False, "bos_token_id": 2,
            "dtype": "bfloat16", "enable_moe_block": False, "eos_token_id": 1, "final_logit_softcapping": None,
            "global_head_dim": 64, "head_dim": 32, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": HIDDEN,
            "hidden_size_per_layer_input": 0, "initializer_range": 0.02, "intermediate_size": INNER, "layer_types": KINDS,
            "max_position_embeddings": target.max_position_embeddings, "model_type": "gemma4_text",
            "moe_intermediate_size": None, "num_attention_heads": HEADS, "num_experts": None,
            "num_global_key_value_heads": None, "num_hidden_layers": len(KINDS), "num_key_value_heads": 1,
            "num_kv_shared_layers": len(KINDS), "pad_token_id": 0, "rms_norm_eps": 1e-06,
            "rope_parameters": {
                "full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1e6, "rope_type": "proportional"},
                "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"}},
            "sliding_window": target.sliding_window, "tie_word_embeddings": True, "top_k_experts": None,
            "use_bidirectional_attention": None, "use_cache": True, "use_double_wide_mlp": False,
            "vocab_size": target.vocab_size, "vocab_size_per_layer_input": 0}
    media = {k.replace("_index", "_id"): v for k, v in make_tokenizer.IDS.items() if not k.startswith("video")}
    return {"architectures": ["Gemma4AssistantForCausalLM"], "backbone_hidden_size": target.hidden_size,
            "centroid_intermediate_top_k": CENTROIDS_TRIED, "dtype": "bfloat16", "model_type": "gemma4_assistant",
            "num_centroids": CENTROIDS, "text_config": text, "tie_word_embeddings": True, "use_ordered_embeddings": True,
            **media}


def order_tokens(m, counts):
    """A centroid's tokens are of similar frequency: what is written often lies in few clusters."""
    m.masked_embedding.token_ordering.copy_(torch.argsort(counts, descending=True, stable=True))


def cluster_of(m):
    """[V] the cluster that owns each token"""
    ordering = m.masked_embedding.token_ordering
    clusters = torch.empty_like(ordering)
    clusters[ordering] = torch.arange(len(ordering)) // (len(ordering) // CENTROIDS)
    return clusters


def _layer(layer, x, cos, sin, k, v, visible):
    B, A, _ = x.shape
    a = layer.self_attn
    q = linear(rms(x, layer.input_layernorm.weight), a.q_proj.weight).view(B, A, HEADS, -1)
    q = rms_rotary(q, a.q_norm.weight, cos, sin, 1)
    o = F.scaled_dot_product_attention(q.transpose(1, 2), k.expand(-1, HEADS, -1, -1), v.expand(-1, HEADS, -1, -1),
                                       attn_mask=visible, scale=1.0)
    o = linear(o.transpose(1, 2).reshape(B, A, -1), a.o_proj.weight)
    x = add_rms(x, o, layer.post_attention_layernorm.weight)
    m, h = layer.mlp, rms(x, layer.pre_feedforward_layernorm.weight)
    h = linear(geglu(linear(h, m.gate_proj.weight), linear(h, m.up_proj.weight)), m.down_proj.weight)
    return add_rms(x, h, layer.post_feedforward_layernorm.weight)


def draft(m, embedding, ids, states, shared, tables, at, steps):
    """Drafts `steps` tokens from every place `at` [B, A] (place p: the token there is known, keys 0..p-1 are seen, the query
    stands at p for every step). embedding: the target's [V, H]; ids [B, T]; states [B, T, H] behind the target's last norm;
    shared: its keys and values. The tokens of the earlier steps are taken from ids. Yields for each step z [B, A, HIDDEN]."""
    width, length = embedding.shape[1], ids.shape[1]
    rows = torch.arange(ids.shape[0])[:, None]
    visible = (torch.arange(length)[None, None] < at[:, :, None])[:, None]
    h = states[rows, at - 1]
    for step in range(steps):
        known = ids[rows, (at + step).clamp(max=length - 1)]
        x = torch.cat([F.embedding(known, embedding) * width ** 0.5, h.float()], -1)
        x = linear(x.to(TYPE), m.pre_projection.weight)
        for layer, kind in zip(m.model.layers, KINDS):
            cos, sin = (t[0][at] for t in tables[kind])
            x = _layer(layer, x, cos, sin, *shared[kind], visible)
        z = rms(x, m.model.norm.weight)
        h = linear(z, m.post_projection.weight)
        yield z


def choose(m, z):
    """The draft: the best token of the best centroids."""
    best = m.masked_embedding.centroids(z).topk(CENTROIDS_TRIED, -1).indices
    owned = m.masked_embedding.token_ordering.view(CENTROIDS, -1)[best].flatten(-2)         # [B, A, tried tokens]
    scores = linear(z, m.model.embed_tokens.weight).gather(-1, owned)
    return owned.gather(-1, scores.argmax(-1, keepdim=True))[..., 0]
