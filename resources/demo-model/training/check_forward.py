"""Holds forward.py against transformers on a checkpoint: one sample of each kind of input, largest difference of the logits.
usage: check_forward.py CHECKPOINT WORK
"""
import random
import sys

import torch

import batches
import evaluate
import tasks
from chat import Chat
from forward import audio_forward, soft_tokens, text_logits, text_states, vision_forward
from speech import SpeechSet


def ours(model, T, example):
    batch = batches.TextBatch(T, [example])
    g, soft = model.model, None
    if example.get("img") is not None:
        seen = batches.PictureBatch([example["img"]])
        states = vision_forward(g.vision_tower, seen.patches, seen.positions, seen.pooled)
        soft = soft_tokens(g.embed_vision, states[0, :batch.soft[0]].float())
    elif "aud" in example:
        x, mask = batches.pack_sound([example["mel"]])
        soft = soft_tokens(g.embed_audio, audio_forward(g.audio_tower, x, mask)[0][0, :batch.soft[0]].float())
    states, _, _ = text_states(g.language_model, batch.ids, soft, batch.soft_at)
    return text_logits(g.language_model, states)[0, batch.starts[0] - 1]


def main():
    checkpoint, work = sys.argv[1:]
    runner, chat, r = evaluate.Runner(checkpoint), Chat(checkpoint + "/chat_template.jinja"), random.Random(1)
    speech_set, worst = SpeechSet(work + "/data/speech_val"), 0.0
    examples = [tasks.ocr(r, chat), tasks.detect(r, chat), tasks.hear(r, chat, speech_set, 0, augment=False),
                tasks.talk(r, chat, "talk")]
    T = runner.processor.tokenizer._tokenizer
    for example in examples:
        example["prefix"] = ""
        _, inputs = runner.inputs(example)
        with torch.no_grad():
            theirs = runner.model(**inputs).logits[0, -1].float()
            difference = (ours(runner.model, T, example) - theirs).abs().max().item()
        print(f"{example['task']}: largest difference {difference:.2g}")
        worst = max(worst, difference)
    sys.exit(worst > 1e-3)


if __name__ == "__main__":
    main()
