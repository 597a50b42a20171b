"""Lean forward passes on the parameters of transformers' Gemma4ForConditionalGeneration: the same arithmetic without the
library's overhead and without masks that training batches do not need. check_forward.py holds them against the library."""
import torch
import torch.nn.functional as F

from ops import EPSILON, TYPE, add_rms, geglu, linear, rms, rms_rotary

POINTING_LAYER, POINTING_HEAD = 3, 0                        # the last full layer with keys of its own
ASKING_LAYER, ASKING_HEAD = 2, 3                            # before it, so that it knows for what to look


# ---------------------------------------------------------------- vision
def vision_layer(layer, x, cos, sin, visible, heads):
    B, T, _ = x.shape
    a = layer.self_attn
    h = rms(x, layer.input_layernorm.weight)
    q = rms_rotary(linear(h, a.q_proj.linear.weight).view(B, T, heads, -1), a.q_norm.weight, cos, sin, 2)
    k = rms_rotary(linear(h, a.k_proj.linear.weight).view(B, T, heads, -1), a.k_norm.weight, cos, sin, 2)
    v = rms(linear(h, a.v_proj.linear.weight).view(B, T, heads, -1))
    o = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=visible, scale=1.0)
    o = linear(o.transpose(1, 2).reshape(B, T, -1), a.o_proj.linear.weight)
    x = add_rms(x, o, layer.post_attention_layernorm.weight)
    h = rms(x, layer.pre_feedforward_layernorm.weight)
    m = layer.mlp
    h = geglu(linear(h, m.gate_proj.linear.weight), linear(h, m.up_proj.linear.weight))
    return add_rms(x, linear(h, m.down_proj.linear.weight), layer.post_feedforward_layernorm.weight)


def vision_forward(tower, patches, positions, pooled):
    """patches uint8 [B, P, 768], positions [B, P, 2] (-1: padding), pooled [B, N, 4] -> [B, N, hidden], before the norm of
    the projection"""
    x = linear(patches.to(TYPE) * (2 / 255.) - 1, tower.patch_embedder.input_proj.weight)
    padding, place = positions[..., 0] < 0, positions.clamp(min=0)
    table = tower.patch_embedder.position_embedding_table
    embedded = F.embedding(place[..., 0], table[0]) + F.embedding(place[..., 1], table[1])
    x = x + embedded.to(TYPE).masked_fill(padding[..., None], 0)
    angles = place[..., None].float() * tower.encoder.rotary_emb.inv_freq       # [B, P, 2, headDim / 4]

    def lay_out(t):
        return torch.cat([t[:, :, 0], t[:, :, 0], t[:, :, 1], t[:, :, 1]], -1)
    cos, sin, visible = lay_out(angles.cos()), lay_out(angles.sin()), (~padding)[:, None, None, :]
    for layer in tower.encoder.layers:
        x = vision_layer(layer, x, cos, sin, visible, tower.config.num_attention_heads)
    B, N, _ = pooled.shape
    four = torch.gather(x, 1, pooled.reshape(B, -1, 1).expand(-1, -1, x.shape[-1])).view(B, N, 4, -1)
    return four.float().mean(2)                             # the factor sqrt(hidden) vanishes in the norm that follows


def soft_tokens(embedder, pooled):
    return linear(rms(pooled.to(TYPE)), embedder.embedding_projection.weight)


# ---------------------------------------------------------------- sound
def _clear_frames(x, rows, at):
    """x [B, C, T, F] with the given frame of each given row set to zero."""
    channels = torch.arange(x.shape[1], device=x.device)[None]
    index = (rows[:, None], channels, at[:, None])
    return x.clone(memory_format=torch.preserve_format).index_put_(index, torch.zeros((), dtype=x.dtype, device=x.device))


def _subsample(front, x, mask):
    """Two convolutions of stride 2. They have no biases: behind the first invalid frame everything is zero already."""
    x = x.unsqueeze(1)
    for layer in (front.layer0, front.layer1):
        real = mask.sum(1)
        rows = (real < x.shape[2]).nonzero()[:, 0]
        if len(rows):
            x = _clear_frames(x, rows, real[rows])
        weight = layer.conv.weight.to(TYPE)
        if x.shape[1] == 1:                                 # as a matrix product, channels last
            p = F.pad(x[:, 0].to(TYPE), (1, 1, 1, 1)).unfold(1, 3, 2).unfold(2, 3, 2)
            y = F.linear(p.reshape(*p.shape[:3], 9), weight.view(-1, 9))
        else:
            y = F.conv2d(x, weight.to(memory_format=torch.channels_last), stride=2, padding=1).permute(0, 2, 3, 1)
        x = F.relu(F.layer_norm(y, (y.shape[-1],), layer.norm.weight.to(TYPE), None, EPSILON)).permute(0, 3, 1, 2)
        mask = mask[:, ::2]
    B, _, T, _ = x.shape
    return linear(x.permute(0, 2, 3, 1).reshape(B, T, -1), front.input_proj_linear.weight), mask


def audio_forward(tower, features, mask):
    """features [B, T, 128], mask [B, T] (True = real) -> [B, T / 4, out], its mask. The banded attention is written as a
    dense one: relative distance query - key in 0..left."""
    x, mask = _subsample(tower.subsample_conv_projection, features, mask)
    c, T = tower.config, x.shape[1]
    positions = tower.rel_pos_enc.context_size // 2 + 1
    table = tower.rel_pos_enc(x)
    table = table[0] if table.dim() == 3 else table
    at = torch.arange(T, device=x.device)
    distance = at[:, None] - at[None, :]
    allowed = ((distance >= 0) & (distance < c.attention_context_left - 1))[None, None] & mask[:, None, None, :]
    row = positions - 1 - distance.clamp(0, positions - 1)  # row r of the table stands for distance positions - 1 - r
    for layer in tower.layers:
        x = _audio_layer(layer, x, allowed, row, table, c)
    return F.linear(x, tower.output_proj.weight.to(TYPE), tower.output_proj.bias.to(TYPE)), mask


def _feed_forward(part, x, scale):
    h = rms(x, part.pre_layer_norm.weight)
    h = linear(F.silu(linear(h, part.ffw_layer_1.linear.weight)), part.ffw_layer_2.linear.weight)
    return x + rms(h, part.post_layer_norm.weight) * scale


def _audio_attention(layer, x, allowed, row, table, c):
    B, T, H = x.shape
    heads, a = c.num_attention_heads, layer.self_attn
    h = rms(x, layer.norm_pre_attn.weight)
    scale = (a.q_scale * F.softplus(a.per_dim_scale)).to(TYPE)
    q = (linear(h, a.q_proj.linear.weight).view(B, T, heads, -1) * scale).transpose(1, 2)
    k = (linear(h, a.k_proj.linear.weight).view(B, T, heads, -1) * a.k_scale).transpose(1, 2)
    v = linear(h, a.v_proj.linear.weight).view(B, T, heads, -1).transpose(1, 2)
    relative = linear(table.to(TYPE), a.relative_k_proj.weight).view(-1, heads, H // heads)
    by_distance = torch.gather(torch.einsum("bhtd,phd->bhtp", q, relative), 3, row[None, None].expand(B, heads, T, T))
    s = (q @ k.transpose(-1, -2) + by_distance).float()
    s = torch.tanh(s / c.attention_logit_cap) * c.attention_logit_cap
    o = (s.masked_fill(~allowed, -1e9).softmax(-1).to(TYPE) @ v).transpose(1, 2).reshape(B, T, H)
    return add_rms(x, linear(o, a.post.linear.weight), layer.norm_post_attn.weight)


def _audio_layer(layer, x, allowed, row, table, c):
    T = x.shape[1]
    x = _feed_forward(layer.feed_forward1, x, c.residual_weight)
    x = _audio_attention(layer, x, allowed, row, table, c)
    conv = layer.lconv1d
    h = F.glu(linear(rms(x, conv.pre_layer_norm.weight), conv.linear_start.linear.weight), -1)
    weight = conv.depthwise_conv1d.weight                   # [H, 1, K]
    K = weight.shape[-1]
    before = F.pad(h, (0, 0, K - 1, 0))
    h = sum(before[:, i:i + T] * weight[:, 0, i].to(TYPE) for i in range(K))
    x = x + linear(F.silu(rms(h, conv.conv_norm.weight)), conv.linear_end.linear.weight)
    return rms(_feed_forward(layer.feed_forward2, x, c.residual_weight), layer.norm_out.weight)


# ---------------------------------------------------------------- text
def rotary(model, length):
    """{kind of layer: (cos, sin)} [1, length, D] in float32"""
    at, tables = torch.arange(length, device=model.embed_tokens.weight.device).float(), {}
    for kind in ("sliding_attention", "full_attention"):
        angles = at[:, None] * getattr(model.rotary_emb, kind + "_inv_freq")
        angles = torch.cat((angles, angles), -1)[None]
        tables[kind] = angles.cos(), angles.sin()
    return tables


def _looks(q, k, row, position):
    """Logits of attention over all keys, for the queries [n, D] of these rows and positions."""
    s = torch.einsum("rd,rtd->rt", q[row, position].float(), k[row, 0].float())
    return s.masked_fill(torch.arange(s.shape[1], device=s.device)[None] > position[:, None], -1e9)


def _pointing_loss(q, k, pointers):
    """How far one head is from looking at the key that each pointer names; pointers: (row, position, key)"""
    row, position, key = pointers
    return F.cross_entropy(_looks(q[:, POINTING_HEAD], k, row, position), key)


def _asking_loss(q, k, asked):
    """How far one head is from looking at the keys first..last, at any of them; asked: (row, position, first, last)"""
    row, position, first, last = asked
    s = _looks(q[:, ASKING_HEAD], k, row, position)
    at = torch.arange(s.shape[1], device=s.device)[None]
    inside = s.masked_fill((at < first[:, None]) | (at > last[:, None]), -1e9)
    return (s.logsumexp(-1) - inside.logsumexp(-1)).mean()


def _text_layer(layer, x, per_layer, tables, shared, kind, mode, heads, lin, look):
    B, T, _ = x.shape
    a, (cos, sin) = layer.self_attn, tables[kind]
    h = rms(x, layer.input_layernorm.weight)
    q = rms_rotary(lin(h, a.q_proj).view(B, T, heads, -1), a.q_norm.weight, cos, sin, 1).transpose(1, 2)
    if mode == "reuse":
        k, v = shared[kind]
    else:
        k = rms_rotary(lin(h, a.k_proj).view(B, T, 1, -1), a.k_norm.weight, cos, sin, 1).transpose(1, 2)
        v = rms(lin(h, a.v_proj).view(B, T, 1, -1)).transpose(1, 2)
        if mode == "store":
            shared[kind] = k, v
    o = F.scaled_dot_product_attention(q, k.expand(-1, heads, -1, -1), v.expand(-1, heads, -1, -1), is_causal=True, scale=1.0)
    loss = look(q, k) if look is not None else None
    x = add_rms(x, lin(o.transpose(1, 2).reshape(B, T, -1), a.o_proj), layer.post_attention_layernorm.weight)
    h, m = rms(x, layer.pre_feedforward_layernorm.weight), layer.mlp
    h = lin(geglu(lin(h, m.gate_proj), lin(h, m.up_proj)), m.down_proj)
    x = add_rms(x, h, layer.post_feedforward_layernorm.weight)
    h = geglu(linear(x, layer.per_layer_input_gate.weight), per_layer)
    x = add_rms(x, linear(h, layer.per_layer_projection.weight), layer.post_per_layer_input_norm.weight)
    return x, loss                                          # layer_scalar is 1


def plain_linear(x, module):
    return linear(x, module.weight)


def text_states(model, ids, soft=None, soft_at=None, pointers=None, asked=None, lin=plain_linear):
    """model = Gemma4Model.language_model; ids [B, T], soft places hold the padding id; soft [S, H] goes to the flat places
    soft_at. `lin(x, module)` does the projections (an adapter puts itself there). No batch is longer than the sliding window.
    -> states behind the last norm [B, T, H], {kind: (k, v)} of the layers that store theirs, pointing loss or None"""
    c, (B, T) = model.config, ids.shape
    x = F.embedding(ids, model.embed_tokens.weight) * c.hidden_size ** 0.5
    if soft is not None:
        x = x.reshape(B * T, -1).index_copy(0, soft_at, soft.to(x.dtype)).view(B, T, -1)
    x, n, width = x.to(TYPE), c.num_hidden_layers, c.hidden_size_per_layer_input
    of_token = F.embedding(ids, model.embed_tokens_per_layer.weight) * width ** 0.5
    of_state = linear(x, model.per_layer_model_projection.weight) * c.hidden_size ** -0.5
    of_state = rms(of_state.view(B, T, n, width), model.per_layer_projection_norm.weight)
    per_layer = (of_state + of_token.view(B, T, n, width).to(TYPE)) * 2 ** -0.5
    tables, shared, pointing, looks = rotary(model, T), {}, None, {}
    if pointers is not None:
        looks[POINTING_LAYER] = lambda q, k: _pointing_loss(q, k, pointers)
    if asked is not None:
        looks[ASKING_LAYER] = lambda q, k: _asking_loss(q, k, asked)
    for i, layer in enumerate(model.layers):
        x, loss = _text_layer(layer, x, per_layer[:, :, i], tables, shared, c.layer_types[i], c.kv_sharing_modes[i],
                              c.num_attention_heads, lin, looks.get(i))
        if loss is not None:
            pointing = loss if pointing is None else pointing + loss
    return rms(x, model.norm.weight), shared, pointing


def text_logits(model, states):
    """states [..., H] -> logits [..., V]"""
    logits, cap = linear(states, model.embed_tokens.weight).float(), model.config.final_logit_softcapping
    return torch.tanh(logits / cap) * cap if cap else logits
