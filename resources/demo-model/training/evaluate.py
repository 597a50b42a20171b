"""Measures a checkpoint folder with transformers alone: greedy generate(), one sample at a time, float32 from bf16 weights.
usage: evaluate.py CHECKPOINT WORK [--n 40] [--seed 9001] [--unseen] [--show 2]
"""
import argparse
import json
import random
import time

import torch
from PIL import Image

import pictures
import tasks
from chat import Chat
from scores import Scores, split_output
from speech import SpeechSet


def load_processor(path):
    """The library's processor without its film part, which would need torchvision."""
    from transformers import AutoTokenizer
    from transformers.models.gemma4.feature_extraction_gemma4 import Gemma4AudioFeatureExtractor
    from transformers.models.gemma4.image_processing_pil_gemma4 import Gemma4ImageProcessorPil
    from transformers.models.gemma4.processing_gemma4 import Gemma4Processor
    with open(path + "/processor_config.json", encoding="utf-8") as file:
        config = json.load(file)
    with open(path + "/chat_template.jinja", encoding="utf-8") as file:
        template = file.read()

    class NoFilm:
        model_input_names = []

    def part(kind, name):
        return kind(**{k: v for k, v in config[name].items() if not k.endswith("_type")})
    Gemma4Processor.check_argument_for_proper_class = lambda self, name, value: type(value)
    return Gemma4Processor(
        feature_extractor=part(Gemma4AudioFeatureExtractor, "feature_extractor"),
        image_processor=part(Gemma4ImageProcessorPil, "image_processor"), video_processor=NoFilm(),
        tokenizer=AutoTokenizer.from_pretrained(path), image_seq_length=config["image_seq_length"],
        audio_seq_length=config["audio_seq_length"], audio_ms_per_token=config["audio_ms_per_token"], chat_template=template)


class Runner:
    """The reference implementation."""

    def __init__(self, path, threads=1):
        from transformers import AutoModelForMultimodalLM
        torch.set_num_threads(threads)
        self.processor = load_processor(path)
        self.model = AutoModelForMultimodalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()

    def inputs(self, example):
        """-> rendered prompt, tensors"""
        text = self.processor.apply_chat_template(example["messages"], tools=example["tools"], tokenize=False,
                                                  enable_thinking=example["think"], add_generation_prompt=True)
        media = {}
        if example.get("img") is not None:
            media["images"] = [[Image.fromarray(example["img"])]]
        if example.get("aud") is not None:
            media["audio"] = [example["aud"]]
        return text, self.processor(text=[text], return_tensors="pt", add_special_tokens=False, **media)

    def __call__(self, example, longest=260):
        """-> prompt, its ids, ids of the answer, raw answer, smallest gap between the best and the second-best logit"""
        text, inputs = self.inputs(example)
        with torch.no_grad():
            out = self.model.generate(**inputs, do_sample=False, max_new_tokens=longest, top_k=None, top_p=None,
                                      temperature=None, output_logits=True, return_dict_in_generate=True)
        prompt = inputs["input_ids"][0].tolist()
        ids = out.sequences[0, len(prompt):].tolist()
        gap = min(float(step[0].topk(2).values.diff().abs()[0]) for step in out.logits)
        return text, prompt, ids, self.processor.tokenizer.decode(ids, skip_special_tokens=False), gap


def samples(seed, n, chat, speech_set, fonts=None):
    r = random.Random(seed)
    for _ in range(n):
        yield tasks.ocr(r, chat, fonts=fonts)
    for mode, count in (("detect", n), ("find", n // 2), ("point", n // 2), ("count", n // 2), ("describe", n // 2)):
        for _ in range(count):
            yield tasks.detect(r, chat, mode=mode)
    for i in range(min(n, len(speech_set))):
        yield tasks.hear(r, chat, speech_set, i, augment=False)
    for mode in ("talk", "tool", "answer", "picture"):
        for _ in range(n // 2):
            yield tasks.talk(r, chat, mode)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("checkpoint")
    options.add_argument("work")
    options.add_argument("--n", type=int, default=40)
    options.add_argument("--seed", type=int, default=9001, help="training draws from other seeds")
    options.add_argument("--unseen", action="store_true", help="the two fonts and the voice that are held out")
    options.add_argument("--show", type=int, default=0, help="print so many wrong answers of each task")
    options.add_argument("--out", help="the sums, as JSON")
    given = options.parse_args()
    run, chat, scores = Runner(given.checkpoint), Chat(given.checkpoint + "/chat_template.jinja"), Scores()
    speech_set = SpeechSet(given.work + "/data/" + ("speech_unseen" if given.unseen else "speech_val"))
    fonts = pictures.HELD_OUT_FONTS if given.unseen else None
    started, shown = time.time(), {}
    for example in samples(given.seed, given.n, chat, speech_set, fonts):
        text, _, _, raw, _ = run(example)
        assert text == example["pre"], (text, example["pre"])
        answer = split_output(raw)[1]
        scores.add(example, answer)
        if answer != example["ans"] and shown.setdefault(example["task"], 0) < given.show:
            shown[example["task"]] += 1
            print(f"--- {example['task']}\nwanted {example['ans']!r}\n   got {answer!r}", flush=True)
    print("\n".join(scores.lines()))
    print(f"{time.time() - started:.0f} s")
    if given.out:
        with open(given.out, "w", encoding="utf-8") as file:
            json.dump(scores.sums, file, indent=1)


if __name__ == "__main__":
    main()
