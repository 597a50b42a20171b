#!/usr/bin/env python3
"""Makes GGUF files of a real Gemma 4's shapes with random weights, for measuring speed: every name, shape and block format is
that of a published file, the text is noise. Needs numpy and gguf (PyPI). Written piece by piece: below 1 GiB of memory.

  make_model.py text    CONFIG.json --type Q4_0 -o e2b-q4_0.gguf      (also Q4_K_M, Q8_0, F16, ...)
  make_model.py mmproj  CONFIG.json --type F16  -o e2b-mmproj.gguf
  make_model.py drafter CONFIG.json --type Q8_0 -o e2b-drafter.gguf
  --layers N --vocab N    cut the depth and the vocabulary: a model that CI can afford

CONFIG.json: of the checkpoint; tests/fixtures/real-configs has those of the family.
"""
import argparse
import json

import gguf
import numpy as np

Type = gguf.GGMLQuantizationType
POOL = 8192               # random blocks of a kind that tensors are made of
PIECE = 32 * 1024 * 1024  # bytes written at a time


class Blocks:
    """Random blocks of one stored type whose values spread like a normal distribution of width 1 / sqrt(columns)."""

    # Type: (spread of the stored integers, where the scale lies in the block)
    SCALED = {Type.Q4_0: (4.61, 0), Type.Q5_0: (9.23, 0), Type.Q8_0: (73.9, 0)}

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.pools = {}

    def pool(self, kind, width):
        if (kind, width) not in self.pools:
            self.pools[kind, width] = self.make(kind, width)
        return self.pools[kind, width]

    def scales(self, value):
        return (value * self.random.uniform(0.8, 1.2, POOL)).astype("<f2").view(np.uint8).reshape(POOL, 2)

    def make(self, kind, width):
        values, size = gguf.GGML_QUANT_SIZES[kind]
        if kind in (Type.F32, Type.F16, Type.BF16):
            normal = (self.random.standard_normal(POOL * 32) * width).astype("<f4")
            if kind == Type.BF16:
                return (normal.view(np.uint32) >> 16).astype("<u2").view(np.uint8).reshape(POOL * 32, 2)
            return normal.astype("<f4" if kind == Type.F32 else "<f2").view(np.uint8).reshape(POOL * 32, size)
        blocks = self.random.integers(0, 256, (POOL, size), dtype=np.uint8)
        if kind in self.SCALED:
            spread, at = self.SCALED[kind]
            blocks[:, at:at + 2] = self.scales(width / spread)
        elif kind == Type.Q6_K:    # 128 low bits, 64 high bits, 16 int8 scales, one half
            blocks[:, 192:208] = self.random.integers(24, 56, (POOL, 16), dtype=np.uint8)
            blocks[:, 208:210] = self.scales(width / (18.5 * 40))
        elif kind == Type.Q4_K:    # two halves, 12 bytes of 6-bit scales and minima, 128 of nibbles
            step = width / (4.61 * 40)
            blocks[:, 0:2] = self.scales(step)
            blocks[:, 2:4] = self.scales(7.5 * step)
            blocks[:, 4:12] = 0x80 | 0x20 | (blocks[:, 4:12] & 0x0F)
        else:
            raise SystemExit("no random blocks of type " + kind.name)
        return blocks

    def stream(self, kind, count, width):
        """The bytes of `count` values, in pieces."""
        pool = self.pool(kind, width)
        values = gguf.GGML_QUANT_SIZES[kind][0]
        left = count // values
        while left > 0:
            part = min(left, max(1, PIECE // pool.shape[1]))
            yield pool[self.random.integers(0, len(pool), part)]
            left -= part


class Model:
    def __init__(self, path, architecture, seed):
        self.writer = gguf.GGUFWriter(path, architecture)
        self.blocks = Blocks(seed)
        self.tensors = []

    def weight(self, name, shape, kind):
        """A random matrix; rows that the type does not divide are stored as a published file would store them."""
        columns = shape[-1]
        if columns % gguf.GGML_QUANT_SIZES[kind][0] and kind in (Type.Q4_K, Type.Q6_K):
            kind = Type.Q5_0 if kind == Type.Q4_K else Type.Q8_0
        if columns % gguf.GGML_QUANT_SIZES[kind][0]:
            kind = Type.F16
        self.tensors.append((name, shape, kind, int(np.prod(shape[1:])) ** -0.5, None))

    def values(self, name, values):
        """A float32 tensor of given values (norms, scalars, tables)."""
        values = np.asarray(values, "<f4")
        self.tensors.append((name, list(values.shape), Type.F32, None, values))

    def norm(self, name, size, middle=1.0):
        self.values(name + ".weight", middle * self.blocks.random.uniform(0.9, 1.1, size))

    def write(self):
        writer = self.writer
        for name, shape, kind, _, _ in self.tensors:
            values, size = gguf.GGML_QUANT_SIZES[kind]
            total = int(np.prod(shape)) // values * size
            if kind in (Type.F32, Type.F16):
                writer.add_tensor_info(name, shape, np.dtype("f4" if kind == Type.F32 else "f2"), total)
            else:
                writer.add_tensor_info(name, shape[:-1] + [shape[-1] // values * size], np.dtype("u1"), total, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        out = writer.fout[0]
        written = 0
        for name, shape, kind, width, values in self.tensors:
            writer.write_padding(out, out.tell())
            if values is not None:
                out.write(values.tobytes())
            else:
                for piece in self.blocks.stream(kind, int(np.prod(shape)), width):
                    out.write(piece.tobytes())
            writer.write_padding(out, out.tell())
            written = out.tell()
        writer.close()
        print("%d tensors, %.2f GiB" % (len(self.tensors), written / 2**30))


def vocabulary(writer, size):
    """The family's control tokens at their places, every byte and printable character, and fillers."""
    control = {0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>", 46: "<|tool>", 47: "<tool|>", 48: "<|tool_call>",
               49: "<tool_call|>", 50: "<|tool_response>", 51: "<tool_response|>", 98: "<|think|>", 100: "<|channel>",
               101: "<channel|>", 105: "<|turn>", 106: "<turn|>", 255999: "<|image>", 256000: "<|audio>", 258880: "<|image|>",
               258881: "<|audio|>", 258882: "<image|>", 258883: "<audio|>", 258884: "<|video|>"}
    plain = iter([("<0x%02X>" % byte, gguf.TokenType.BYTE) for byte in range(256)] +
                 [(text, gguf.TokenType.NORMAL) for text in ["\n", "\u2581"] + [chr(code) for code in range(33, 127)]])
    tokens, types = [], []
    for number in range(size):
        text, kind = control.get(number), gguf.TokenType.CONTROL
        if text is None:
            text, kind = next(plain, None) if number > 106 else None, gguf.TokenType.NORMAL
            text, kind = text or ("\u2581w%d" % number, gguf.TokenType.NORMAL)
        elif number == 3:
            kind = gguf.TokenType.UNKNOWN
        tokens.append(text)
        types.append(kind)
    writer.add_tokenizer_model("gemma4")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * size)
    writer.add_token_types(types)
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(106 if size > 106 else 1)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(3)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)


class Shape:
    """What the layers of a text_config look like, cut to `layers` if asked for."""

    def __init__(self, text, layers):
        self.text = text
        self.count = layers or text["num_hidden_layers"]
        kinds = (text.get("layer_types") or [])[:self.count]
        kinds = kinds or ["full_attention" if i % 6 == 5 else "sliding_attention" for i in range(self.count)]
        kinds[-1] = "full_attention"
        self.full = [kind == "full_attention" for kind in kinds]
        shared = min(text.get("num_kv_shared_layers") or 0, self.count)
        if shared and self.count != text["num_hidden_layers"]:
            # About the same share of the layers; those that own a cache end with one of full attention.
            own = self.count - shared * self.count // text["num_hidden_layers"]
            while own < self.count and not self.full[own - 1]:
                own += 1
            shared = self.count - own
        self.shared = shared
        self.own = self.count - shared
        self.head = [text.get("global_head_dim") or text["head_dim"] if full else text["head_dim"] for full in self.full]
        wide = text["num_key_value_heads"]
        narrow = text.get("num_global_key_value_heads") or wide
        self.same_value = bool(text.get("attention_k_eq_v"))
        self.kv_heads = [narrow if full and self.same_value else wide for full in self.full]
        inner = text["intermediate_size"]
        self.inner = [2 * inner if text.get("use_double_wide_mlp") and i >= self.own else inner for i in range(self.count)]

    def describe(self, writer, name, vocab):
        text, rope = self.text, self.text["rope_parameters"]
        full_head, head = self.text.get("global_head_dim") or text["head_dim"], text["head_dim"]
        writer.add_name(name)
        writer.add_block_count(self.count)
        writer.add_context_length(text["max_position_embeddings"])
        writer.add_embedding_length(text["hidden_size"])
        writer.add_feed_forward_length(self.inner if len(set(self.inner)) > 1 else self.inner[0])
        writer.add_head_count(text["num_attention_heads"])
        writer.add_head_count_kv(self.kv_heads if len(set(self.kv_heads)) > 1 else self.kv_heads[0])
        writer.add_rope_freq_base(rope["full_attention"]["rope_theta"])
        writer.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
        writer.add_layer_norm_rms_eps(text["rms_norm_eps"])
        writer.add_key_length(full_head)
        writer.add_value_length(full_head)
        writer.add_key_length_swa(head)
        writer.add_value_length_swa(head)
        writer.add_rope_dimension_count(full_head)
        writer.add_rope_dimension_count_swa(head)
        writer.add_sliding_window(text["sliding_window"])
        writer.add_sliding_window_pattern([not full for full in self.full])
        writer.add_shared_kv_layers(self.shared)
        writer.add_embedding_length_per_layer_input(text.get("hidden_size_per_layer_input") or 0)
        if text.get("final_logit_softcapping"):
            writer.add_final_logit_softcapping(text["final_logit_softcapping"])
        if text.get("enable_moe_block"):
            writer.add_expert_count(text["num_experts"])
            writer.add_expert_used_count(text["top_k_experts"])
            writer.add_expert_feed_forward_length(text["moe_intermediate_size"])
        vocabulary(writer, vocab)

    def frequencies(self):
        """Divisors of the rotation's frequencies in full attention: pairs that do not turn have a huge one."""
        half = (self.text.get("global_head_dim") or self.text["head_dim"]) // 2
        turning = int(half * self.text["rope_parameters"]["full_attention"].get("partial_rotary_factor", 1.0))
        return [1.0] * turning + [1e30] * (half - turning)


def chooser(name):
    """(role, layer, layers) -> type; Q4_K_M as quantisers mix it."""
    if name != "Q4_K_M":
        return lambda role, layer, layers: Type[name]

    def mixed(role, layer, layers):
        eighth = layers // 8
        better = layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
        return Type.Q6_K if better and role in ("value", "down") else Type.Q4_K
    return mixed


def add_layer(model, shape, i, choose, with_keys):
    text = shape.text
    width, heads, head, inner = text["hidden_size"], text["num_attention_heads"], shape.head[i], shape.inner[i]
    prefix = "blk.%d." % i

    def matrix(name, role, rows, columns):
        model.weight(prefix + name + ".weight", [rows, columns], choose(role, i, shape.count))

    for name in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
        model.norm(prefix + name, width)
    matrix("attn_q", "query", heads * head, width)
    model.norm(prefix + "attn_q_norm", head, head ** -0.5)
    if with_keys:
        matrix("attn_k", "key", shape.kv_heads[i] * head, width)
        model.norm(prefix + "attn_k_norm", head)
        if not (shape.same_value and shape.full[i]):
            matrix("attn_v", "value", shape.kv_heads[i] * head, width)
    matrix("attn_output", "output", width, heads * head)
    matrix("ffn_gate", "gate", inner, width)
    matrix("ffn_up", "up", inner, width)
    matrix("ffn_down", "down", width, inner)
    model.values(prefix + "layer_output_scale.weight", [1.0])


def add_experts(model, shape, i, choose):
    text, prefix = shape.text, "blk.%d." % i
    width, experts, inner = text["hidden_size"], text["num_experts"], text["moe_intermediate_size"]
    model.weight(prefix + "ffn_gate_inp.weight", [experts, width], Type.F32)
    model.values(prefix + "ffn_gate_inp.scale", np.full(width, width ** 0.5))
    for name in ("pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"):
        model.norm(prefix + name, width)
    model.weight(prefix + "ffn_gate_up_exps.weight", [experts, 2 * inner, width], choose("gate", i, shape.count))
    model.weight(prefix + "ffn_down_exps.weight", [experts, width, inner], choose("down", i, shape.count))
    model.values(prefix + "ffn_down_exps.scale", model.blocks.random.uniform(0.9, 1.1, experts))


def make_text(options, config):
    text = config.get("text_config", config)
    vocab = options.vocab or text["vocab_size"]
    shape, choose = Shape(text, options.layers), chooser(options.type)
    model = Model(options.out, "gemma4", options.seed)
    shape.describe(model.writer, "random-" + options.type, vocab)
    width, per_layer = text["hidden_size"], text.get("hidden_size_per_layer_input") or 0
    table = Type[options.type] if options.type in ("F32", "F16", "BF16", "Q8_0") else Type.Q6_K
    model.values("rope_freqs.weight", shape.frequencies())
    model.weight("token_embd.weight", [vocab, width], table)
    model.norm("output_norm", width)
    if per_layer:
        model.weight("per_layer_token_embd.weight", [vocab, per_layer * shape.count], table)
        model.weight("per_layer_model_proj.weight", [per_layer * shape.count, width], Type.BF16)
        model.norm("per_layer_proj_norm", per_layer)
    for i in range(shape.count):
        add_layer(model, shape, i, choose, i < shape.own)
        if text.get("enable_moe_block"):
            add_experts(model, shape, i, choose)
        if per_layer:
            prefix = "blk.%d." % i
            model.weight(prefix + "inp_gate.weight", [per_layer, width], choose("gate", i, shape.count))
            model.weight(prefix + "proj.weight", [width, per_layer], choose("output", i, shape.count))
            model.norm(prefix + "post_norm", width)
    model.write()


def make_drafter(options, config):
    text, backbone = config["text_config"], config["backbone_hidden_size"]
    vocab = options.vocab or text["vocab_size"]
    shape, choose = Shape(text, options.layers), chooser(options.type)
    model = Model(options.out, "gemma4-assistant", options.seed)
    shape.describe(model.writer, "random-drafter-" + options.type, vocab)
    model.writer.add_embedding_length_out(backbone)
    model.writer.add_nextn_predict_layers(shape.count)
    width = text["hidden_size"]
    model.values("rope_freqs.weight", shape.frequencies())
    model.weight("token_embd.weight", [vocab, width], choose("head", 0, 1))
    model.norm("output_norm", width)
    model.weight("nextn.pre_projection.weight", [width, 2 * backbone], choose("head", 0, 1))
    model.weight("nextn.post_projection.weight", [backbone, width], choose("head", 0, 1))
    for i in range(shape.count):
        add_layer(model, shape, i, choose, False)
    model.write()


def tower_linear(model, kind, clipped):
    def add(name, rows, columns):
        model.weight(name + ".weight", [rows, columns], kind)
        if clipped:
            for bound, value in (("input_min", -40.0), ("input_max", 40.0), ("output_min", -60.0), ("output_max", 60.0)):
                model.values(name + "." + bound, [value])
    return add


def add_vision(model, config, text_width, kind):
    vision, writer = config["vision_config"], model.writer
    width, inner = vision["hidden_size"], vision["intermediate_size"]
    head, patch = vision["head_dim"], vision["patch_size"]
    writer.add_string("clip.vision.projector_type", "gemma4v")
    for key, value in (("embedding_length", width), ("feed_forward_length", inner), ("block_count", vision["num_hidden_layers"]),
                       ("projection_dim", text_width), ("image_size", 224), ("patch_size", patch),
                       ("attention.head_count", vision["num_attention_heads"]),
                       ("projector.scale_factor", vision["pooling_kernel_size"])):
        writer.add_uint32("clip.vision." + key, value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_array("clip.vision.image_mean", [0.0, 0.0, 0.0])
    writer.add_array("clip.vision.image_std", [1.0, 1.0, 1.0])
    linear = tower_linear(model, kind, vision.get("use_clipped_linears", False))
    model.weight("v.patch_embd.weight", [width, 3, patch, patch], Type.F16)
    model.values("v.position_embd.weight", 0.3 * model.blocks.random.standard_normal((2, vision["position_embedding_size"], width)))
    if vision.get("standardize"):
        model.values("v.std_bias", 0.1 * model.blocks.random.standard_normal(width))
        model.values("v.std_scale", model.blocks.random.uniform(0.9, 1.1, width))
    queries, keys = vision["num_attention_heads"] * head, vision["num_key_value_heads"] * head
    for i in range(vision["num_hidden_layers"]):
        prefix = "v.blk.%d." % i
        for name in ("ln1", "ln2", "attn_post_norm", "ffn_post_norm"):
            model.norm(prefix + name, width)
        model.norm(prefix + "attn_q_norm", head, head ** -0.5)
        model.norm(prefix + "attn_k_norm", head)
        for name, rows, columns in (("attn_q", queries, width), ("attn_k", keys, width), ("attn_v", keys, width),
                                    ("attn_out", width, queries), ("ffn_gate", inner, width), ("ffn_up", inner, width),
                                    ("ffn_down", width, inner)):
            linear(prefix + name, rows, columns)
    model.weight("mm.input_projection.weight", [text_width, width], kind)


def add_audio(model, config, text_width, kind):
    audio, writer = config["audio_config"], model.writer
    width, out, heads = audio["hidden_size"], audio["output_proj_dims"], audio["num_attention_heads"]
    first, second = audio["subsampling_conv_channels"]
    writer.add_string("clip.audio.projector_type", "gemma4a")
    for key, value in (("embedding_length", width), ("feed_forward_length", 4 * width), ("block_count", audio["num_hidden_layers"]),
                       ("projection_dim", out), ("num_mel_bins", 128), ("attention.head_count", heads)):
        writer.add_uint32("clip.audio." + key, value)
    writer.add_float32("clip.audio.attention.layer_norm_epsilon", 1e-6)
    linear = tower_linear(model, kind, audio.get("use_clipped_linears", False))
    model.weight("a.conv1d.0.weight", [first, 1, 3, 3], Type.F32)
    model.norm("a.conv1d.0.norm", first)
    model.weight("a.conv1d.1.weight", [second, first, 3, 3], Type.F32)
    model.norm("a.conv1d.1.norm", second)
    model.weight("a.input_projection.weight", [width, second * 32], kind)
    model.weight("a.pre_encode.out.weight", [out, width], kind)
    model.values("a.pre_encode.out.bias", 0.01 * model.blocks.random.standard_normal(out))
    model.weight("mm.a.input_projection.weight", [text_width, out], kind)
    for i in range(audio["num_hidden_layers"]):
        prefix = "a.blk.%d." % i
        for name in ("ffn_norm", "ffn_post_norm", "ffn_norm_1", "ffn_post_norm_1", "attn_pre_norm", "attn_post_norm", "norm_conv",
                     "conv_norm", "ln2"):
            model.norm(prefix + name, width)
        for name, rows, columns in (("ffn_up", 4 * width, width), ("ffn_down", width, 4 * width), ("ffn_up_1", 4 * width, width),
                                    ("ffn_down_1", width, 4 * width), ("attn_q", width, width), ("attn_k", width, width),
                                    ("attn_v", width, width), ("attn_out", width, width), ("conv_pw1", 2 * width, width),
                                    ("conv_pw2", width, width)):
            linear(prefix + name, rows, columns)
        model.weight(prefix + "attn_k_rel.weight", [width, width], kind)
        model.values(prefix + "per_dim_scale.weight", model.blocks.random.uniform(0.6, 0.8, width // heads))
        model.weight(prefix + "conv_dw.weight", [width, audio["conv_kernel_size"]], Type.F32)


def make_mmproj(options, config):
    model = Model(options.out, "clip", options.seed)
    writer, text_width = model.writer, config["text_config"]["hidden_size"]
    has_audio = bool(config.get("audio_config"))
    writer.add_type("mmproj")
    writer.add_name("random-mmproj")
    writer.add_bool("clip.use_gelu", True)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_audio_encoder", has_audio)
    add_vision(model, config, text_width, Type[options.type])
    if has_audio:
        add_audio(model, config, text_width, Type[options.type])
    model.write()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("text", "mmproj", "drafter"))
    parser.add_argument("config")
    parser.add_argument("--type", default="Q4_0")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--vocab", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--out", required=True)
    options = parser.parse_args()
    with open(options.config, encoding="utf-8") as file:
        config = json.load(file)
    {"text": make_text, "mmproj": make_mmproj, "drafter": make_drafter}[options.what](options, config)


if __name__ == "__main__":
    main()
