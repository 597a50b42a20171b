"""Shape of the demo model and its construction with transformers."""
import torch
from transformers import (Gemma4AudioConfig, Gemma4Config, Gemma4ForConditionalGeneration, Gemma4TextConfig,
                          Gemma4VisionConfig)

import make_tokenizer


def configuration():
    text = Gemma4TextConfig(
        vocab_size=make_tokenizer.V, vocab_size_per_layer_input=make_tokenizer.V, hidden_size=192, intermediate_size=384,
        num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=1, head_dim=32, global_head_dim=64,
        hidden_size_per_layer_input=16, layer_types=["sliding_attention", "full_attention"] * 3, num_kv_shared_layers=2,
        use_double_wide_mlp=True, sliding_window=512, final_logit_softcapping=30.0, max_position_embeddings=8192,
        pad_token_id=0, eos_token_id=1, bos_token_id=2)
    vision = Gemma4VisionConfig(
        hidden_size=192, intermediate_size=384, num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=6,
        head_dim=32, patch_size=16, pooling_kernel_size=2, position_embedding_size=2240, use_clipped_linears=True)
    audio = Gemma4AudioConfig(hidden_size=128, num_hidden_layers=3, num_attention_heads=4,
                              subsampling_conv_channels=[128, 8], output_proj_dims=128, use_clipped_linears=True)
    return Gemma4Config(text_config=text, vision_config=vision, audio_config=audio, **make_tokenizer.IDS)


AFTER_BLOCK = ("post_attention_layernorm", "post_feedforward_layernorm", "post_per_layer_input_norm", "norm_post_attn",
               "post_layer_norm")


@torch.no_grad()
def _initialise(name, p):
    if name.endswith(("q_norm.weight", "k_norm.weight")):   # scores of about 1 although attention has no scale
        p.fill_(p.numel() ** -0.25)
    elif "position_embedding_table" in name:
        p.normal_(0, 0.02)
    elif any(n in name for n in AFTER_BLOCK):               # each block begins as a small correction
        p.fill_(0.5)
    elif name.endswith("embed_tokens_per_layer.weight"):    # scaled by sqrt(16) in use
        p.normal_(0, 0.25)
    elif name.endswith("embed_tokens.weight"):
        p.normal_(0, 0.05)
    elif "depthwise" in name:
        p.normal_(0, 0.45)
    elif "subsample_conv" in name and p.dim() >= 2:
        torch.nn.init.kaiming_normal_(p)
    elif p.dim() >= 2:
        p.normal_(0, p.shape[-1] ** -0.5 * 0.7)


def build(seed=0):
    torch.manual_seed(seed)
    model = Gemma4ForConditionalGeneration(configuration()).float()
    for name, p in model.named_parameters():
        _initialise(name, p)
    return model


def state_of(model):
    """Everything but the head, which is the embedding."""
    return {k: v for k, v in model.state_dict().items() if k != "lm_head.weight"}


def load_state(model, state):
    result = model.load_state_dict(state, strict=False)
    assert not result.unexpected_keys and set(result.missing_keys) <= {"lm_head.weight"}, result
    model.tie_weights()
    return model
