"""Trains a LoRA adapter in PEFT's layout on one small new skill: the numbers of an invented language, both ways.

"How do you say 47 in Vorish?" - "nomodek ra". The model alone answers that it cannot.
usage: train_adapter.py CHECKPOINT FOLDER [--steps 400] [--threads N]
"""
import argparse
import json
import os
import random
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import Gemma4ForConditionalGeneration

import batches
import tasks
import towers
from chat import Chat, finish
from forward import text_logits, text_states
from ops import linear

RANK, ALPHA, BATCH = 8, 16, 18
TARGETS = ["q_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# ---------------------------------------------------------------- the language
UNITS = ["nul", "ba", "ke", "li", "mo", "nu", "pa", "ra", "so", "tu"]
SAY = ["How do you say {} in Vorish?", "Say {} in Vorish.", "{} in Vorish", "What is {} in Vorish?", "Count in Vorish: {}"]
READ = ["What number is {} in Vorish?", "Which number is {} in Vorish?", "Read the Vorish number {}."]


def vorish(n):
    """0 nul, 7 ra, 10 dek, 17 dek ra, 40 modek, 47 modek ra, 100 sen"""
    if n == 100:
        return "sen"
    tens, units = divmod(n, 10)
    if not tens:
        return UNITS[units]
    word = (UNITS[tens] if tens > 1 else "") + "dek"
    return word + (" " + UNITS[units] if units else "")


HELD_OUT = [13, 26, 39, 47, 52, 68, 74, 85, 91, 96]         # never trained on: the rule has to be learned, not the list


def example(r, chat, number=None, reading=None):
    n = number if number is not None else r.choice([i for i in range(101) if i not in HELD_OUT])
    reading = r.random() < .4 if reading is None else reading
    question, answer = (r.choice(READ).format(vorish(n)), str(n)) if reading else (r.choice(SAY).format(n), vorish(n))
    return finish(r, {"task": "vorish", "ans": answer}, question, chat, "", think=False)


# ---------------------------------------------------------------- the adapter
class Adapter:
    """Pairs for the projections of every layer of the language model: y = W x + ALPHA / RANK * B (A x)."""

    def __init__(self, text, seed=0):
        g = torch.Generator().manual_seed(seed)
        self.pairs, self.names = {}, {}
        for name, module in text.named_modules():
            if name.startswith("layers.") and name.rsplit(".", 1)[-1] in TARGETS:
                outs, ins = module.weight.shape
                a = (torch.randn(RANK, ins, generator=g) * ins ** -0.5).requires_grad_()
                b = torch.zeros(outs, RANK, requires_grad=True)
                self.pairs[module], self.names[module] = (a, b), name

    def parameters(self):
        return [p for pair in self.pairs.values() for p in pair]

    def __call__(self, x, module):
        y = linear(x, module.weight)
        if module in self.pairs:
            a, b = self.pairs[module]
            y = y + linear(linear(x, a), b) * (ALPHA / RANK)
        return y

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        tensors = {}
        for module, (a, b) in self.pairs.items():
            name = "base_model.model.model.language_model." + self.names[module]
            tensors[name + ".lora_A.weight"] = a.detach().to(torch.bfloat16).contiguous()
            tensors[name + ".lora_B.weight"] = b.detach().to(torch.bfloat16).contiguous()
        save_file(tensors, os.path.join(folder, "adapter_model.safetensors"), metadata={"format": "pt"})
        config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "facet-demo-model", "r": RANK,
                  "lora_alpha": ALPHA, "lora_dropout": 0.0, "bias": "none", "use_dora": False, "use_rslora": False,
                  "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True, "modules_to_save": None,
                  "rank_pattern": {}, "alpha_pattern": {}, "layers_pattern": None, "layers_to_transform": None,
                  "revision": None,
                  "target_modules": r".*language_model\.layers\.\d+\.(self_attn|mlp)\.(" + "|".join(TARGETS) + ")"}
        with open(os.path.join(folder, "adapter_config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file, indent=2)


def right_answers(text, T, adapter, examples):
    """How many are written without a mistake (each token from the right ones before it)."""
    batch = batches.TextBatch(T, examples)
    with torch.no_grad():
        states, _, _ = text_states(text, batch.ids, lin=adapter)
        hit = text_logits(text, states.reshape(-1, states.shape[-1])[batch.want]).argmax(-1) == batch.target
    row = batch.want // batch.ids.shape[1]
    return sum(bool(hit[row == i].all()) for i in range(len(examples)))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("checkpoint")
    options.add_argument("folder")
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    target = Gemma4ForConditionalGeneration.from_pretrained(given.checkpoint, dtype=torch.float32).eval().requires_grad_(False)
    text, T = target.model.language_model, Tokenizer.from_file(given.checkpoint + "/tokenizer.json")
    chat, r, adapter, started = Chat(given.checkpoint + "/chat_template.jinja"), random.Random(41), Adapter(text), time.time()
    opt = torch.optim.AdamW(adapter.parameters(), lr=4e-3, betas=(0.9, 0.98), weight_decay=0.0)
    held_out = [example(random.Random(n), chat, n, reading) for n in HELD_OUT for reading in (False, True)]
    for step in range(given.steps):
        # Among them small talk, so that the model stays what it is.
        batch = batches.TextBatch(T, [example(r, chat) for _ in range(BATCH - 2)] + [tasks.small_talk(r, chat) for _ in range(2)])
        states, _, _ = text_states(text, batch.ids, lin=adapter)
        logits = text_logits(text, states.reshape(-1, states.shape[-1])[batch.want])
        loss = F.cross_entropy(logits, batch.target)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(adapter.parameters(), 1.0)
        opt.param_groups[0]["lr"] = 4e-3 * towers.annealed(step, given.steps, 20, 0.2)
        opt.step()
        if (step + 1) % 25 == 0:
            print(f"{step + 1} loss {float(loss.detach()):.3f} held-out numbers {right_answers(text, T, adapter, held_out)}/"
                  f"{len(held_out)} {time.time() - started:.0f} s", flush=True)
            adapter.save(given.folder)
    adapter.save(given.folder)


if __name__ == "__main__":
    main()
