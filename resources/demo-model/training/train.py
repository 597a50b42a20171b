"""Trains the demo model, or goes on where it was stopped.

1. the vision tower alone, 2. the audio tower alone (towers.py), 3. the language model on frozen towers, 4. everything
together, the rate falling in a straight line to nothing at the end of --minutes. Each stage writes its state every few
minutes; the same command goes on from there. A run of stage 4 that has ended is trained on by giving --again.

usage: train.py WORK [--minutes 600] [--threads N] [--start CHECKPOINT_FOLDER] [--again]
"""
import argparse
import json
import os
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import batches
import heads
import model
import tasks
import towers
from chat import Chat
from forward import audio_forward, soft_tokens, text_logits, text_states, vision_forward
from grow import grow
from muon import Muon
from speech import SpeechSet
from team import Team, run

# Examples of a step: signs, shapes, speech, talk and tools; and what a group's loss weighs.
GROUPS = {"read": (18, 1.0), "shapes": (12, 1.0), "speech": (4, 0.5), "talk": (5, 0.5)}
HEADS_WEIGHT, POINTING_WEIGHT = 0.3, 0.3
VISION_STEPS, AUDIO_STEPS, LANGUAGE_STEPS = 2500, 900, 1000
SAVE_SECONDS, AVERAGE = 150, 0.985


def draw(r, chat, speech_set, level=1.0, team=Team()):
    """One process's examples of a step, by group."""
    n = {name: team.share(count) for name, (count, _) in GROUPS.items()}
    return {"read": [tasks.practise_ocr(r, chat, level) for _ in range(n["read"])],
            "shapes": [tasks.detect(r, chat) for _ in range(n["shapes"])],
            "speech": [tasks.hear(r, chat, speech_set, i) for i in speech_set.similar(r, n["speech"])],
            "talk": [tasks.talk(r, chat) for _ in range(n["talk"])]}


def split_by_length(groups):
    """[(group, weight, examples)]: two halves a group, of similar length, so that little is padding."""
    parts = []
    for name, examples in groups.items():
        examples = sorted(examples, key=lambda e: len(e["pre"]) + len(e["ans"]))
        half = len(examples) // 2 if len(examples) > 3 else len(examples)
        for part in (examples[:half], examples[half:]):
            if part:
                parts.append((name, GROUPS[name][1] * len(part) / len(examples), part))
    return parts


class Trainer:
    def __init__(self, work, rate, team=Team()):
        self.work, self.path, self.team = work, os.path.join(work, "joint.pt"), team
        self.T, self.chat = Tokenizer.from_file(work + "/tok/tokenizer.json"), Chat(work + "/tok/chat_template.jinja")
        self.model = model.build()
        g = self.model.model
        self.vision, self.audio, self.text = g.vision_tower, g.audio_tower, g.language_model
        self.vision_heads = heads.vision_heads(self.vision.config.hidden_size)
        self.audio_heads = heads.audio_heads(self.audio.config.output_proj_dims)
        self.step, self.joint, self.average = 0, False, None
        self.blind_until = 0                                # until this step the heads teach nothing but themselves
        self.run = {}                                       # of the present run of stage 4: when it began, when it ends

        def split(named):
            matrices = [p for n, p in named if p.dim() == 2 and "embed_tokens" not in n]
            return matrices, [p for n, p in named if p.dim() != 2 or "embed_tokens" in n]
        in_tower = ("vision_tower", "audio_tower")
        named = list(g.named_parameters())
        matrices, rest = split([(n, p) for n, p in named if not n.startswith(in_tower)])
        self.opt = Muon(matrices, rest, rate, 0.15 * rate, team=team)
        matrices, rest = split([(n, p) for n, p in named if n.startswith(in_tower)])
        rest += list(self.vision_heads.parameters()) + list(self.audio_heads.parameters())
        self.tower_opt = Muon(matrices, rest, 0.5 * rate, 0.075 * rate, team=team)
        self.all = list(g.parameters()) + list(self.vision_heads.parameters()) + list(self.audio_heads.parameters())

    def load(self):
        if not os.path.exists(self.path):
            return False
        state = torch.load(self.path)
        model.load_state(self.model, state["model"])
        self.opt.load(state["opt"])
        self.vision_heads.load_state_dict(state["vh"])
        self.audio_heads.load_state_dict(state["ah"])
        self.step, self.joint, self.run = state["step"], state["towers_trained"], state.get("run", {})
        if self.joint:
            self.tower_opt.load(state["topt"])
        if "ema" in state:
            self.average = [state["ema"][n].clone() for n, _ in self.model.named_parameters()]
        return True

    def start_from(self, folder):
        """The weights of a shipped checkpoint; the heads and the optimisers begin anew."""
        from safetensors.torch import load_file
        weights = {k: v.float() for k, v in load_file(os.path.join(folder, "model.safetensors")).items()}
        fresh = model.state_of(self.model)
        model.load_state(self.model, {**fresh, **grow(weights, fresh)})
        self.joint, self.blind_until = True, 150            # new heads have nothing to tell the towers yet

    def take_towers(self):
        for name, tower, extra in (("vision", self.vision, self.vision_heads), ("audio", self.audio, self.audio_heads)):
            state = torch.load(os.path.join(self.work, name + ".pt"))
            tower.load_state_dict(state["tower"])
            extra.load_state_dict(state["heads"])

    def averaged(self):
        """The state with running averages in place of the parameters."""
        if self.average is None:
            return model.state_of(self.model)
        smooth = {n: v for (n, _), v in zip(self.model.named_parameters(), self.average)}
        return {k: smooth.get(k, v) for k, v in model.state_of(self.model).items()}

    def save(self):
        if self.team.rank:
            return
        towers.save(self.path, {
            "model": model.state_of(self.model), "ema": self.averaged(), "step": self.step, "run": self.run,
            "opt": self.opt.state(), "topt": self.tower_opt.state(), "towers_trained": self.joint,
            "vh": self.vision_heads.state_dict(), "ah": self.audio_heads.state_dict()})

    # ------------------------------------------------------------ one step
    def see(self, parts, stats):
        """-> the vision tower's output for every picture of the step, loss of the heads"""
        shown = [e for _, _, part in parts for e in part if e.get("img") is not None]
        if not shown:
            return None, 0.0
        batch = batches.PictureBatch([e["img"] for e in shown], [e.get("marks") for e in shown], [e.get("objs") for e in shown])
        states = vision_forward(self.vision, batch.patches, batch.positions, batch.pooled)
        if not self.joint:
            return states, 0.0
        text, classes, box, right = heads.vision_losses(self.vision_heads, self._for_heads(states), batch)
        stats["letters"] = float(right)
        return states, HEADS_WEIGHT * (text + classes + box)

    def _for_heads(self, states):
        return states.detach() if self.step < self.blind_until else states

    def listen(self, parts, stats):
        heard = [e for _, _, part in parts for e in part if "aud" in e]
        if not heard:
            return None, 0.0
        x, mask = batches.pack_sound([e["mel"] for e in heard])
        states = audio_forward(self.audio, x, mask)[0]
        if not self.joint:
            return states, 0.0
        truth = batches.SoundLabels([e["meta"] for e in heard], [len(e["mel"]) for e in heard], x.shape[1] // 4)
        word, begin, right = heads.audio_losses(self.audio_heads, self._for_heads(states), truth)
        stats["words"] = right
        return states, HEADS_WEIGHT * (word + 0.5 * begin)

    def learn(self, groups):
        """Forward and backward; -> {what: figure}. Towers and language model are cut apart at the soft tokens, so that each
        part's graph is freed after its own backward pass."""
        parts, stats, right = split_by_length(groups), {}, {}
        texts = [batches.TextBatch(self.T, part) for _, _, part in parts]
        with torch.set_grad_enabled(self.joint):
            seen, see_loss = self.see(parts, stats)
            heard, hear_loss = self.listen(parts, stats)
        cut = {k: v.detach().requires_grad_(self.joint) if v is not None else None for k, v in (("see", seen), ("hear", heard))}
        nth = {"see": 0, "hear": 0}
        for (name, weight, part), batch in zip(parts, texts):
            soft = []
            for example, count in zip(part, batch.soft):
                way = "see" if example.get("img") is not None else "hear" if "aud" in example else None
                if way:
                    embedder = self.model.model.embed_vision if way == "see" else self.model.model.embed_audio
                    soft.append(soft_tokens(embedder, cut[way][nth[way], :count].float()))
                    nth[way] += 1
            soft = torch.cat(soft) if soft else None
            states, _, pointing = text_states(self.text, batch.ids, soft, batch.soft_at, batch.pointers, batch.asked)
            logits = text_logits(self.text, states.reshape(-1, states.shape[-1])[batch.want])
            each = F.cross_entropy(logits, batch.target, reduction="none")
            loss = (each * batch.weight).sum() / batch.weight.sum()
            (weight * loss + (POINTING_WEIGHT * pointing if pointing is not None else 0)).backward()
            stats[name] = float(loss.detach())
            if pointing is not None:
                stats[name + " pointing"] = float(pointing.detach())
            hit, row = logits.argmax(-1) == batch.target, batch.want // batch.ids.shape[1]
            for i, example in enumerate(part):
                right.setdefault(example["task"], []).append(bool(hit[row == i].all()))
        if self.joint:
            outputs = [(v, cut[k].grad) for k, v in (("see", seen), ("hear", heard)) if v is not None]
            extra = see_loss + hear_loss
            torch.autograd.backward([v for v, _ in outputs] + [extra], [g for _, g in outputs] + [torch.ones_like(extra)])
        return stats, right

    def update(self, scale):
        self.team.average_gradients(self.all)
        self.opt.clip()
        self.opt.step(scale)
        self.opt.zero()
        if self.joint:
            self.tower_opt.step(scale)
        self.tower_opt.zero()
        self.step += 1
        with torch.no_grad():
            now = [p.detach() for p in self.model.parameters()]
            if self.average is None:
                self.average = [p.clone() for p in now]
            else:
                torch._foreach_lerp_(self.average, now, 1 - AVERAGE)


class Report:
    """Means of twenty steps on one line."""

    def __init__(self):
        self.figures, self.right = {}, {}

    def add(self, stats, right):
        for k, v in stats.items():
            self.figures.setdefault(k, []).append(v)
        for k, v in right.items():
            self.right.setdefault(k, []).extend(v)

    def line(self):
        text = " ".join(f"{k} {np.mean(v):.3f}" for k, v in self.figures.items())
        return text + " | exact " + " ".join(f"{k} {sum(v)}/{len(v)}" for k, v in sorted(self.right.items()))


def loop(trainer, speech_set, scale_of, level_of=lambda step: 1.0):
    """Steps until scale_of(step) says None."""
    team = trainer.team
    r, report, first, saved = random.Random(7000 + trainer.step + 500009 * team.rank), Report(), trainer.step, time.time()
    while (scale := team.agree(scale_of(trainer.step))) is not None:
        report.add(*trainer.learn(draw(r, trainer.chat, speech_set, level_of(trainer.step), team)))
        trainer.update(scale * min(1, (trainer.step - first + 1) / 20))
        if trainer.step % 20 == 0 and not team.rank:
            print(trainer.step, time.strftime("%H:%M:%S"), f"rate {scale:.2f}", report.line(), flush=True)
            report = Report()
        if time.time() - saved > SAVE_SECONDS:
            trainer.save()
            saved = time.time()
    trainer.save()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("work")
    options.add_argument("--minutes", type=float, default=600, help="length of stage 4")
    options.add_argument("--processes", type=int, default=os.cpu_count(), help="each trains on its share of a step")
    options.add_argument("--threads", type=int, default=1, help="of each process")
    options.add_argument("--rate", type=float, default=None, help="0.02 from the beginning, 0.012 for training on")
    options.add_argument("--start", help="begin stage 4 with the weights of this checkpoint folder")
    options.add_argument("--again", action="store_true", help="another run of stage 4 on a finished one")
    given = options.parse_args()
    run(given.processes, given.threads, train, given)


def train(team, given):
    torch.manual_seed(5)                                    # every process begins with the same weights
    data = os.path.join(given.work, "data")
    speech_set = SpeechSet(data + "/speech_train")
    trained_on = given.start or given.again
    trainer = Trainer(given.work, given.rate or (0.012 if trained_on else 0.02), team)
    found = trainer.load()
    if given.start and not found:
        trainer.start_from(given.start)
    elif not found or not trainer.joint:
        if not team.rank:
            torch.set_num_threads(given.threads * team.size)
            towers.train_vision(given.work + "/vision.pt", VISION_STEPS)
            towers.train_audio(given.work + "/audio.pt", data, AUDIO_STEPS)
            torch.set_num_threads(given.threads)
        team.agree(0)                                       # the others wait
        trainer.take_towers()
        loop(trainer, speech_set, lambda step: 1.0 if step < LANGUAGE_STEPS else None, lambda step: min(1, step / 400))
        trainer.joint = True
    if given.again or not trainer.run:
        trainer.run = {"began": time.time(), "ends": time.time() + 60 * given.minutes}
    began, ends = trainer.run["began"], trainer.run["ends"]

    def falling(_):
        left = (ends - time.time()) / (ends - began)        # by the clock: a pause costs steps, not the end
        return max(0.01, left) if left > 0 else None
    loop(trainer, speech_set, falling)
    print(json.dumps({"step": trainer.step, "next": "export.py"}))


if __name__ == "__main__":
    main()
