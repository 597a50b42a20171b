"""Trains the drafter to say what the target will say, or goes on where it was stopped; writes its folder at the end.

The target reads the training tasks; from every place of its answers the drafter guesses the next four tokens. Learned is
what the target chooses, not what would be right.
usage: train_drafter.py CHECKPOINT WORK FOLDER [--steps 600] [--threads N] [--start DRAFTER --anneal-again]
"""
import argparse
import os
import random
import shutil
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import Gemma4ForConditionalGeneration

import batches
import drafter
import tasks
import towers
from chat import Chat
from forward import audio_forward, rotary, soft_tokens, text_logits, text_states, vision_forward
from muon import Muon
from speech import SpeechSet

LENGTH = 4                                                  # tokens of a draft
EXAMPLES = {"read": 5, "shapes": 4, "speech": 3, "talk": 5}


def draw(r, chat, speech_set, n):
    groups = [[tasks.ocr(r, chat) for _ in range(n["read"])], [tasks.detect(r, chat) for _ in range(n["shapes"])],
              [tasks.hear(r, chat, speech_set, i, tools=False) for i in speech_set.similar(r, n["speech"])],
              [tasks.talk(r, chat) for _ in range(n["talk"])]]
    return [g for g in groups if g]


class Target:
    """The model that drafts are made for; its weights stay as they are."""

    def __init__(self, folder):
        self.model = Gemma4ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.text = self.model.model.language_model
        self.T = Tokenizer.from_file(folder + "/tokenizer.json")

    @torch.no_grad()
    def read(self, examples):
        """-> batch, states, shared keys and values, the target's choice behind every place [B, T]"""
        batch, g, soft = batches.TextBatch(self.T, examples), self.model.model, []
        shown = [e for e in examples if e.get("img") is not None]
        if shown:
            p = batches.PictureBatch([e["img"] for e in shown])
            seen = iter(vision_forward(g.vision_tower, p.patches, p.positions, p.pooled))
        heard = [e for e in examples if "aud" in e]
        if heard:
            listened = iter(audio_forward(g.audio_tower, *batches.pack_sound([e["mel"] for e in heard]))[0])
        for example, count in zip(examples, batch.soft):
            if example.get("img") is not None:
                soft.append(soft_tokens(g.embed_vision, next(seen)[:count].float()))
            elif "aud" in example:
                soft.append(soft_tokens(g.embed_audio, next(listened)[:count].float()))
        states, shared, _ = text_states(self.text, batch.ids, torch.cat(soft) if soft else None, batch.soft_at)
        return batch, states, shared, text_logits(self.text, states).argmax(-1)


def places(batch, choice):
    """-> at [B, A]: places of the answers to draft from (padded by repeating), real [B, A], agree [B, T]: the target would
    write the token that stands there"""
    longest = max(n - s for n, s in zip(batch.lengths, batch.starts))
    at = torch.stack([(s + torch.arange(longest)).clamp(max=n - 2) for s, n in zip(batch.starts, batch.lengths)])
    real = torch.stack([s + torch.arange(longest) <= n - 2 for s, n in zip(batch.starts, batch.lengths)])
    agree = torch.zeros_like(batch.ids, dtype=torch.bool)
    agree[:, 1:] = choice[:, :-1] == batch.ids[:, 1:]
    return at, real, agree


def losses(target, m, clusters, examples):
    """-> loss, {task: [drafts, accepted tokens]}"""
    batch, states, shared, choice = target.read(examples)
    at, real, agree = places(batch, choice)
    rows, ends = torch.arange(len(at))[:, None], torch.tensor(batch.lengths)[:, None]
    going, total, weight = real.clone(), 0.0, 0
    accepted, standing = torch.zeros_like(at), real.clone()
    steps = drafter.draft(m, target.text.embed_tokens.weight, batch.ids, states, shared, rotary(target.text, batch.ids.shape[1]),
                          at, LENGTH)
    for step, z in enumerate(steps):
        here = (at + step).clamp(max=batch.ids.shape[1] - 1)
        # What the target says counts only while the text before is its own.
        going = going & (at + step <= ends - 2) & (agree[rows, here] if step else True)
        wanted = choice[rows, here]
        logits = (z @ m.model.embed_tokens.weight.T).float()
        each = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none").view(wanted.shape)
        cluster = F.cross_entropy(m.masked_embedding.centroids(z).float().flatten(0, 1), clusters[wanted].flatten(),
                                  reduction="none").view(wanted.shape)
        total = total + ((each + 0.3 * cluster) * going).sum()
        weight += int(going.sum())
        with torch.no_grad():
            standing = standing & going & (drafter.choose(m, z) == wanted)
            accepted += standing
    by_task = {}
    for i, example in enumerate(examples):
        s = by_task.setdefault(example["task"], [0, 0])
        s[0] += int(real[i].sum())
        s[1] += int(accepted[i].sum())
    return total / max(1, weight), by_task


def frequencies(T, chat, speech_set, vocabulary):
    """How often each token is written."""
    r, counts = random.Random(17), torch.zeros(vocabulary)
    for _ in range(40):
        for group in draw(r, chat, speech_set, EXAMPLES):
            for example in group:
                ids = T.encode(example["prefix"] + example["ans"] + example["end"], add_special_tokens=False).ids
                counts += torch.bincount(torch.tensor(ids), minlength=vocabulary)
    return counts


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("checkpoint")
    options.add_argument("work")
    options.add_argument("folder")
    options.add_argument("--steps", type=int, default=600)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--start", help="begin with the weights of this drafter's folder")
    options.add_argument("--anneal-again", action="store_true", help="a finished one is fitted to a newer target")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    target, chat = Target(given.checkpoint), Chat(given.checkpoint + "/chat_template.jinja")
    speech_set = SpeechSet(given.work + "/data/speech_train")
    m = drafter.Drafter(target.text.config)
    matrices = [p for n, p in m.named_parameters() if p.dim() == 2 and "embed_tokens" not in n]
    rest = [p for n, p in m.named_parameters() if p.dim() != 2 or "embed_tokens" in n]
    opt, path, step = Muon(matrices, rest, 0.02, 3e-3), given.work + "/drafter.pt", 0
    if os.path.exists(path):
        state = torch.load(path)
        m.load_state_dict(state["model"])
        opt.load(state["opt"])
        step = 0 if given.anneal_again else state["step"]
    elif given.start:
        m.load_state_dict(load_file(os.path.join(given.start, "model.safetensors")), strict=False)
    else:
        drafter.order_tokens(m, frequencies(target.T, chat, speech_set, target.text.config.vocab_size))
    clusters, r, sums, started = drafter.cluster_of(m), random.Random(3100 + step), {}, time.time()
    hold = 0.0 if given.anneal_again else 0.3
    while step < given.steps:
        shown = []
        for group in draw(r, chat, speech_set, EXAMPLES):
            loss, by_task = losses(target, m, clusters, group)
            (loss * len(group) / sum(EXAMPLES.values())).backward()
            shown.append(float(loss.detach()))
            for task, (drafts, accepted) in by_task.items():
                s = sums.setdefault(task, [0, 0])
                s[0] += drafts
                s[1] += accepted
        opt.clip()
        opt.step(towers.annealed(step, given.steps, 20, hold) * (0.5 if given.anneal_again else 1))
        opt.zero()
        step += 1
        if step % 20 == 0:
            rates = " ".join(f"{k} {a / max(1, d):.2f}" for k, (d, a) in sorted(sums.items()))
            print(f"{step} losses {' '.join(f'{v:.2f}' for v in shown)} accepted of {LENGTH}: {rates} "
                  f"{time.time() - started:.0f} s", flush=True)
            sums = {}
        if step % 40 == 0 or step == given.steps:
            towers.save(path, {"model": m.state_dict(), "opt": opt.state(), "step": step})
    m.save(given.folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(given.checkpoint, name), given.folder)


if __name__ == "__main__":
    main()
