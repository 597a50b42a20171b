"""Writes the trained model as a Hugging Face folder (bf16).
usage: export.py WORK FOLDER [--average]
"""
import argparse
import json
import os
import shutil

import torch

import make_tokenizer
import model

# The processor's configuration with the released structure; only the pooling and the default budget differ.
PICTURE = {"do_convert_rgb": True, "do_normalize": False, "do_rescale": True, "do_resize": True,
           "image_mean": [0.0] * 3, "image_processor_type": "Gemma4ImageProcessor", "image_seq_length": 70,
           "image_std": [1.0] * 3, "max_soft_tokens": 70, "patch_size": 16, "pooling_kernel_size": 2, "resample": 3,
           "rescale_factor": 0.00392156862745098}
FILM = {"do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, "do_sample_frames": True,
        "image_mean": [0.0] * 3, "image_std": [1.0] * 3, "max_soft_tokens": 70, "num_frames": 32, "patch_size": 16,
        "pooling_kernel_size": 2, "resample": 3, "rescale_factor": 0.00392156862745098, "return_metadata": False,
        "video_processor_type": "Gemma4VideoProcessor"}
SOUND = {"dither": 0.0, "feature_extractor_type": "Gemma4AudioFeatureExtractor", "feature_size": 128, "fft_length": 512,
         "fft_overdrive": False, "frame_length": 320, "hop_length": 160, "input_scale_factor": 1.0,
         "max_frequency": 8000.0, "mel_floor": 0.001, "min_frequency": 0.0, "padding_side": "right",
         "padding_value": 0.0, "per_bin_mean": None, "per_bin_stddev": None, "preemphasis": 0.0,
         "preemphasis_htk_flavor": True, "return_attention_mask": True, "sampling_rate": 16000}
PROCESSOR = {"audio_ms_per_token": 40, "audio_seq_length": 750, "image_seq_length": 70,
             "processor_class": "Gemma4Processor", "feature_extractor": SOUND, "image_processor": PICTURE,
             "video_processor": FILM}
STOP = [1, 106, 50]                                         # <eos>, <turn|>, <|tool_response>


def export(state, folder, tokenizer):
    m = model.load_state(model.build(), state)
    for name, bound in m.named_buffers():                   # finite clamp bounds as released ones have, never reached
        if name.endswith(("input_min", "output_min")):
            bound.fill_(-1024.0)
        if name.endswith(("input_max", "output_max")):
            bound.fill_(1024.0)
    m.config.eos_token_id = STOP
    m.generation_config.update(bos_token_id=2, eos_token_id=STOP, pad_token_id=0, do_sample=True, temperature=1.0,
                               top_k=64, top_p=0.95)
    m.to(torch.bfloat16).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(os.path.join(tokenizer, name), folder)
    with open(os.path.join(folder, "processor_config.json"), "w", encoding="utf-8") as file:
        json.dump(PROCESSOR, file, indent=2)
    path = os.path.join(folder, "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    # The mark by which the app knows that this is no full model comes first.
    config = {"facet_demo_model": True, **config, "vision_soft_tokens_per_image": 70}
    config.setdefault("eoa_token_id", make_tokenizer.IDS["eoa_token_index"])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("work")
    options.add_argument("folder")
    options.add_argument("--average", action="store_true", help="running averages instead of the last weights")
    given = options.parse_args()
    state = torch.load(os.path.join(given.work, "joint.pt"))
    export(state["ema" if given.average else "model"], given.folder, os.path.join(given.work, "tok"))
    size = os.path.getsize(os.path.join(given.folder, "model.safetensors"))
    print(f"step {state['step']}: {given.folder}, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
