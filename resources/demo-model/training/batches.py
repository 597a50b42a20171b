"""From examples to the tensors of a training step."""
import numpy as np
import torch

import labels
import make_tokenizer
import speech
from pictures import TOKEN

PATCHES = 256                                               # of a picture of 256x256
OFTEN = {"find": 1.5, "point": 2.5}                         # short answers, that a batch of long ones would drown
NOTHING = -1                                                # pointer to the token behind the picture: no (further) shape


def _text_pointers(example, start, answer):
    height, width = example["img"].shape[:2]
    tokens = labels.text_labels(example["marks"], width, height)[1]
    if len(tokens) != len(answer) + 1:                      # a letter that the tokenizer spells in bytes
        return []
    return [(start + j - 1, token) for j, token in enumerate(tokens)]


def _box_pointers(T, example, start, answer):
    """All of an item, and the comma before it, look at the item's shape; the closing bracket looks at no shape."""
    pointers, k = [], -1
    for j, token in enumerate(answer):
        piece = T.id_to_token(token)
        k += piece in ('{"box_2d":[', '{"point":[')
        between = piece != "," or T.id_to_token(answer[j - 1])[-1] == "}"
        if piece in ("\n", "```", "```json", "[") or piece == "," and not between:
            continue
        shape = k + (piece == ",")
        deciding = piece in ("]", ",") or piece[0] == "{"   # the choice of the next shape weighs more than its many digits
        pointers += [(start + j - 1, NOTHING if piece == "]" else example["said"][shape]["token"])] * (3 if deciding else 1)
    return pointers


def _asking(T, example, prompt):
    """First and last token of the name in the question."""
    at = prompt.rindex(example["query"])
    offsets = T.encode(prompt, add_special_tokens=False).offsets
    name = [j for j, (u, v) in enumerate(offsets) if u < at + len(example["query"]) and v > at]
    return name[0], name[-1]


def _description_pointers(T, example, start):
    """While a shape is being named, its middle is the place to look at."""
    pointers, at = [], 0
    offsets = T.encode(example["ans"], add_special_tokens=False).offsets
    for o in example["objs"]:
        at = example["ans"].index(o["label"], at)
        first, end = at - (3 if o["label"][0] in "aeiou" else 2), at + len(o["label"])
        pointers += [(start + j - 1, o["token"]) for j, (u, _) in enumerate(offsets) if first <= u < end]
        at = end
    return pointers


def _speech_pointers(example, start, answer, soft):
    """The letters of a word look at its last soft token; the space behind it looks at the next word already."""
    last = labels.frame_labels(example["meta"], soft)[2]
    pointers, j = [], 0
    for i, word in enumerate(example["meta"]["words"]):
        letters = 1 if word in speech.NUMBERS else len(word)
        for q in range(letters + 1):
            if j < len(answer):
                pointers.append((start + j - 1, last[i] if q < letters else last[min(i + 1, len(last) - 1)]))
                j += 1
    return pointers


def encode(T, example):
    """-> ids with the placeholders expanded, where the answer starts, number of soft tokens, pointers
    [(position, soft token)]: what one attention head is shown to look at while it writes the next token, and asked
    [(position, first, last)]: the name in the question, at which another head looks meanwhile"""
    prompt, soft = example["pre"], 0
    if example.get("img") is not None:
        soft = (example["img"].shape[0] // TOKEN) * (example["img"].shape[1] // TOKEN)
        prompt = prompt.replace("<|image|>", "<|image>" + "<|image|>" * soft + "<image|>")
    if "aud" in example:
        example["mel"] = labels.features(example["aud"])
        soft = labels.soft_count(len(example["mel"]))
        prompt = prompt.replace("<|audio|>", "<|audio>" + "<|audio|>" * soft + "<audio|>")
    before, thought, answer, end = (T.encode(example[k] if k else prompt, add_special_tokens=False).ids
                                    for k in ("", "prefix", "ans", "end"))
    start, task, pointers, asked = len(before) + len(thought), example["task"], [], []
    if task == "ocr":
        pointers = _text_pointers(example, start, answer)
    elif task in ("detect", "find", "point"):
        pointers = _box_pointers(T, example, start, answer)
        if task != "detect":
            name = _asking(T, example, prompt)
            asked = [(position, *name) for position, _ in pointers]
    elif task == "describe" and example.get("objs"):
        pointers = _description_pointers(T, example, start)
    elif task == "speech":
        pointers = _speech_pointers(example, start, answer, soft)
    return before + thought + answer + end, len(before), soft, pointers, asked


class TextBatch:
    """ids [B, T] (soft places hold the padding id); soft_at: their flat places; want, target, weight: flat places whose
    next token is learned; pointers: (row, position, key) or None; asked: (row, position, first key, last key) or None;
    soft: soft tokens of each row."""

    def __init__(self, T, examples):
        encoded = [encode(T, e) for e in examples]
        length = (max(len(e[0]) for e in encoded) + 15) // 16 * 16
        ids = np.zeros((len(examples), length), np.int64)
        want, target, weight, soft_at, pointers, asked = [], [], [], [], [], []
        for i, ((x, start, soft, looks, names), example) in enumerate(zip(encoded, examples)):
            ids[i, :len(x)] = x
            kind = "image_token_id" if example.get("img") is not None else "audio_token_id"
            at = [j for j, v in enumerate(x) if v == make_tokenizer.IDS[kind]] if soft else []
            assert len(at) == soft, (len(at), soft)
            ids[i, at] = 0
            soft_at += [i * length + j for j in at]
            boxes = example["task"] in ("detect", "find", "point")
            often = OFTEN.get(example["task"], 1.0)
            for j in range(start, len(x)):
                want.append(i * length + j - 1)
                target.append(x[j])
                weight.append(often * (0.25 if boxes and self._last_digit(T, x, j) else 1.0))
            pointers += [(i, position, at[-1] + 1 if k == NOTHING else at[min(k, soft - 1)]) for position, k in looks]
            asked += [(i, *name) for name in names]
        self.ids, self.soft_at = torch.from_numpy(ids), torch.tensor(soft_at, dtype=torch.long)
        self.want, self.target, self.weight = torch.tensor(want), torch.tensor(target), torch.tensor(weight)
        self.pointers = tuple(torch.tensor(c) for c in zip(*pointers)) if pointers else None
        self.asked = tuple(torch.tensor(c) for c in zip(*asked)) if asked else None
        self.soft = [e[2] for e in encoded]
        self.starts = [e[1] for e in encoded]
        self.lengths = [len(e[0]) for e in encoded]

    @staticmethod
    def _last_digit(T, x, j):
        """The units of a coordinate are noise to the network: they shall not drown the rest."""
        def digit(i):
            return T.id_to_token(x[i]).isdigit()
        return digit(j) and j + 1 < len(x) and not digit(j + 1) and digit(j - 1)


class PictureBatch:
    """What the vision tower and its heads take, padded to 256 patches."""

    def __init__(self, images, marks=None, objects=None):
        n = len(images)
        patches = np.zeros((n, PATCHES, 768), np.uint8)
        positions = np.full((n, PATCHES, 2), -1, np.int64)
        pooled = np.zeros((n, labels.MAX_TOKENS, 4), np.int64)
        valid = np.zeros((n, labels.MAX_TOKENS), bool)
        text = np.zeros((n, labels.MAX_TOKENS, 4, labels.SLOTS), np.int64)
        shapes = np.zeros((n, labels.MAX_TOKENS, 11), np.int64)
        covered = np.zeros((n, labels.MAX_TOKENS), bool)
        for i, image in enumerate(images):
            p, q, k = labels.patchify(image)
            patches[i, :len(p)], positions[i, :len(q)], pooled[i, :len(k)], valid[i, :len(k)] = p, q, k, True
            height, width = image.shape[:2]
            if marks and marks[i]:
                text[i] = labels.text_labels(marks[i], width, height)[0]
            elif objects and objects[i]:
                shapes[i], covered[i] = labels.shape_labels(objects[i], width, height)
        self.patches, self.positions, self.pooled = map(torch.from_numpy, (patches, positions, pooled))
        self.text, self.shapes, self.covered, self.valid = map(torch.from_numpy, (text, shapes, covered, valid))


def pack_sound(features):
    """[[frames, 128], ...] -> padded [B, frames, 128], and which frames are real"""
    longest = (max(map(len, features)) + 31) // 32 * 32
    x = np.zeros((len(features), longest, 128), np.float32)
    mask = np.zeros((len(features), longest), bool)
    for i, f in enumerate(features):
        x[i, :len(f)], mask[i, :len(f)] = f, True
    return torch.from_numpy(x), torch.from_numpy(mask)


class SoundLabels:
    """Per soft token the word and whether it begins (-100: padding), and the words' last soft tokens."""

    def __init__(self, about, frames, tokens):
        word = np.full((len(about), tokens), -100, np.int64)
        begin, self.last, self.about = word.copy(), [], about
        for i, (a, n) in enumerate(zip(about, map(labels.soft_count, frames))):
            word[i, :n], begin[i, :n], last = labels.frame_labels(a, n)
            self.last.append(last)
        self.word, self.begin = torch.from_numpy(word), torch.from_numpy(begin)
