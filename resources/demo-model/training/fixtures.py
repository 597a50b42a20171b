"""The samples that the end-to-end tests read: draws them, or answers them anew after training.

A folder holds media and one file of JSON lines, either expected.jsonl (prompt ids and the whole reference answer) or
samples.jsonl (the reference's raw answer). `smallest_margin` is the smallest gap between the best and the second-best logit on
the way: where it is large, every engine must answer alike.
usage: fixtures.py answer CHECKPOINT FOLDER
       fixtures.py draw CHECKPOINT FOLDER --seed 20001 [--n 16] [--unseen]
"""
import argparse
import copy
import json
import os
import random
import subprocess
import wave

import numpy as np
from PIL import Image

import labels
import pictures
import speech
import tasks
from chat import Chat
from evaluate import Runner
from scores import split_output


def read_sound(path):
    """16 kHz mono, WAV or FLAC -> int16"""
    if path.endswith(".flac"):
        data = subprocess.run(["flac", "-dcs", path], check=True, stdout=subprocess.PIPE).stdout[44:]
        return np.frombuffer(data, np.int16)
    with wave.open(path) as w:
        assert (w.getframerate(), w.getnchannels(), w.getsampwidth()) == (16000, 1, 2), path
        return np.frombuffer(w.readframes(w.getnframes()), np.int16)


def write_sound(path, samples):
    with wave.open(path + ".wav", "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(samples.tobytes())
    subprocess.run(["flac", "-s", "-8", "-f", "--delete-input-file", path + ".wav", "-o", path + ".flac"], check=True)


def without_files(messages):
    """The messages as the template takes them."""
    messages = copy.deepcopy(messages)
    for message in messages:
        if isinstance(message.get("content"), list):
            for part in message["content"]:
                part.pop("file", None)
    return messages


def reference(run, folder, row):
    example = {"messages": without_files(row["messages"]), "tools": row["tools"], "think": row["enable_thinking"]}
    if row.get("image"):
        example["img"] = np.asarray(Image.open(os.path.join(folder, row["image"])).convert("RGB"))
    if row.get("audio"):
        example["aud"] = labels.as_float(read_sound(os.path.join(folder, row["audio"])))
    return run(example)


def answer(run, folder):
    path = next(p for p in (os.path.join(folder, n) for n in ("expected.jsonl", "samples.jsonl")) if os.path.exists(p))
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    right = {}
    for row in rows:
        text, prompt, ids, raw, margin = reference(run, folder, row)
        thought, got = split_output(raw)
        row["smallest_margin"] = round(margin, 3)
        if path.endswith("expected.jsonl"):
            assert (text, prompt) == (row["prompt"], row["prompt_ids"]), row["id"]
            row.update(expected_ids=ids, expected_raw=raw, expected_thought=thought, expected=got, correct=got == row["truth"])
        else:
            row["reference"] = got
        right.setdefault(row["task"], []).append(got == row["truth"])
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    for task, hits in sorted(right.items()):
        print(f"{task}: {sum(hits)} of {len(hits)} exact")


class NewVoices:
    """Stands for a SpeechSet that never repeats itself."""

    def __init__(self, seed, voices, variants):
        self.espeak, self.r, self.voices = speech.Espeak(), random.Random(seed), (voices, variants)

    def __len__(self):
        return 1

    def get(self, _):
        while True:
            words = speech.sentence(self.r)
            samples, _, _ = speech.synthesise(self.espeak, self.r, words, *self.voices)
            if len(samples) <= 4.6 * speech.RATE:
                return samples, {"words": words}


def draw(folder, chat, seed, n, unseen):
    os.makedirs(folder, exist_ok=True)
    voices = speech.HELD_OUT_VOICE if unseen else (speech.VOICES, speech.VARIANTS)
    fonts = pictures.HELD_OUT_FONTS if unseen else None
    r, sounds, rows = random.Random(seed), NewVoices(seed + 1, *voices), []
    plan = {"ocr": n, "detect": n, "find": n // 2, "point": n // 2, "count": n // 2, "describe": n // 2, "speech": n,
            "talk": n // 2, "tool": n // 2, "answer": n // 2, "picture": n // 2}
    for kind in (k for k, count in plan.items() for _ in range(count)):
        if kind == "ocr":
            example = tasks.ocr(r, chat, fonts=fonts)
        elif kind == "speech":
            example = tasks.hear(r, chat, sounds, augment=False, tools=False)
        elif kind in ("talk", "tool", "answer", "picture"):
            example = tasks.talk(r, chat, kind)
        else:
            example = tasks.detect(r, chat, mode=kind)
        name = f"{len(rows):03d}-{kind}"
        row = {"id": name, "task": example["task"]}
        if example.get("img") is not None:
            row["image"] = name + ".png"
            Image.fromarray(example["img"]).save(os.path.join(folder, row["image"]), optimize=True)
        if "aud" in example:
            row["audio"] = name + ".flac"
            samples = np.round(np.clip(example["aud"], -1, 1) * 32767).astype(np.int16)
            write_sound(os.path.join(folder, name), samples)
        messages = copy.deepcopy(example["messages"])
        for message in messages:
            for part in message["content"] if isinstance(message.get("content"), list) else []:
                if part["type"] in ("image", "audio"):
                    part["file"] = row[part["type"]]
        row.update(messages=messages, tools=example["tools"], enable_thinking=example["think"], truth=example["ans"])
        if example.get("said") is not None:
            height, width = example["img"].shape[:2]
            row["truth_boxes"] = [{"box_2d": pictures.box1000(o["box"], width, height), "label": o["label"]}
                                  for o in example["said"]]
        rows.append(row)
    with open(os.path.join(folder, "samples.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["answer", "draw"])
    options.add_argument("checkpoint")
    options.add_argument("folder")
    options.add_argument("--seed", type=int, default=20001)
    options.add_argument("--n", type=int, default=16)
    options.add_argument("--unseen", action="store_true")
    given = options.parse_args()
    if given.what == "draw":
        draw(given.folder, Chat(given.checkpoint + "/chat_template.jinja"), given.seed, given.n, given.unseen)
    answer(Runner(given.checkpoint), given.folder)


if __name__ == "__main__":
    main()
