"""The demo model's tokenizer: BPE with byte fallback in the structure of Gemma 4's, with 640 pieces.

Letters and digits stay single pieces. Only fixed syntax (JSON keys, tool declarations) has long pieces, each grown from a
character that never touches running text, so whatever is read or heard is spelled letter by letter.
usage: make_tokenizer.py FOLDER
"""
import json
import os
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

SPACE, V = "▁", 640
# Low ids as released; the byte pieces and the media tokens keep their order.
FIXED = {0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>", 46: "<|tool>", 47: "<tool|>", 48: "<|tool_call>",
         49: "<tool_call|>", 50: "<|tool_response>", 51: "<tool_response|>", 52: '<|"|>', 98: "<|think|>",
         100: "<|channel>", 101: "<channel|>", 105: "<|turn>", 106: "<turn|>", 107: "\n", 108: "\n\n"}
FIXED.update({238 + b: f"<0x{b:02X}>" for b in range(256)})
MEDIA = {"<|image>": V - 13, "<|audio>": V - 12, "<|image|>": V - 11, "<|audio|>": V - 10, "<image|>": V - 9,
         "<audio|>": V - 8, "<|video|>": V - 7}
FIXED.update({i: s for s, i in MEDIA.items()})
IDS = dict(boi_token_id=MEDIA["<|image>"], boa_token_id=MEDIA["<|audio>"], image_token_id=MEDIA["<|image|>"],
           audio_token_id=MEDIA["<|audio|>"], eoi_token_id=MEDIA["<image|>"], eoa_token_index=MEDIA["<audio|>"],
           video_token_id=MEDIA["<|video|>"])

COLORS = "red green blue yellow orange purple pink black".split()
LEFT = ["```json", '{"box_2d":[', '{"point":['] + ['],"label":"' + c for c in COLORS]       # grown from the left
RIGHT = [SPACE + shape + '"}' for shape in ("circle", "square", "triangle", "star")] + (    # and from the right
    "declaration: description: properties: parameters: required: type: call: response: city: minutes: temperature: "
    "condition: result:").split() + ["get_", "set_"]


def long_pieces():
    pieces = [s[:k] for s in LEFT for k in range(2, len(s) + 1)] + [s[-k:] for s in RIGHT for k in range(2, len(s) + 1)]
    return list(dict.fromkeys(pieces))


def make(folder):
    pieces = long_pieces()
    characters = [chr(c) for c in range(33, 127)] + [SPACE, "°", "é", "ü", "–", "’"]
    free = [i for i in range(V) if i not in FIXED]
    assert len(pieces) + len(characters) <= len(free)
    vocabulary = {s: i for i, s in FIXED.items()}
    vocabulary.update(zip(pieces + characters, free))
    vocabulary.update({f"<unused{k}>": i for k, i in enumerate(free[len(pieces) + len(characters):])})
    known = set(pieces) | set(characters) | {"\n", "\n\n"}
    merges = [(p[:k], p[k:]) for p in ["\n\n"] + pieces for k in range(1, len(p)) if p[:k] in known and p[k:] in known]
    T = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, fuse_unk=True, unk_token="<unk>", byte_fallback=True))
    T.normalizer = normalizers.Replace(" ", SPACE)
    T.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous", False)
    T.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    special = [i for i in sorted(FIXED) if i < 107 or i >= V - 13]
    T.add_special_tokens([AddedToken(FIXED[i], special=True, normalized=False) for i in special])
    os.makedirs(folder, exist_ok=True)
    T.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump(configuration(), file, indent=2, ensure_ascii=False)
    return T


def configuration():
    named = {"audio_token": "<|audio|>", "boa_token": "<|audio>", "boi_token": "<|image>", "eoa_token": "<audio|>",
             "eoc_token": "<channel|>", "eoi_token": "<image|>", "eot_token": "<turn|>", "escape_token": '<|"|>',
             "etc_token": "<tool_call|>", "etd_token": "<tool|>", "etr_token": "<tool_response|>",
             "image_token": "<|image|>", "soc_token": "<|channel>", "sot_token": "<|turn>", "stc_token": "<|tool_call>",
             "std_token": "<|tool>", "str_token": "<|tool_response>", "think_token": "<|think|>"}
    return dict(named, backend="tokenizers", bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
                mask_token="<mask>", extra_special_tokens=["<|video|>"],
                model_max_length=1000000000000000019884624838656, model_specific_special_tokens=named,
                padding_side="left", processor_class="Gemma4Processor", tokenizer_class="GemmaTokenizer")


if __name__ == "__main__":
    make(sys.argv[1])
