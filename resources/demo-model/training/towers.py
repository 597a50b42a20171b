"""Stage 1: each tower alone, with throw-away heads. Both go on from their snapshot if there is one."""
import os
import random
import time

import torch

import batches
import heads
import labels
import model
import pictures
from forward import audio_forward, vision_forward
from muon import Muon
from speech import SpeechSet


def save(path, state):
    """A kill at any moment leaves the old file or the new one."""
    torch.save(state, path + ".tmp")
    os.replace(path + ".tmp", path)


def optimiser(tower, other, rate, others_rate):
    matrices = [p for p in tower.parameters() if p.dim() == 2]
    rest = [p for p in tower.parameters() if p.dim() != 2]
    return Muon(matrices, rest + [p for m in other for p in m.parameters()], rate, others_rate)


def annealed(step, steps, warm_up, hold):
    """Share of the full rate: a short rise, a plateau, a straight line to (nearly) nothing."""
    done = step / steps
    return min(1, (step + 1) / warm_up) * (1 if done < hold else max(0.03, (1 - done) / (1 - hold)))


def picture_batch(r, n):
    """Mostly dense text, some signs as they will be asked about, some shapes."""
    images, marks, objects = [], [], []
    for _ in range(n):
        x, mark, things = r.random(), None, None
        if x < 0.62:
            image, mark = pictures.dense_picture(r)
        elif x < 0.76:
            image, _, mark = pictures.text_picture(r)
        else:
            image, things = pictures.shapes_picture(r)
        images.append(image)
        marks.append(mark)
        objects.append(things)
    return batches.PictureBatch(images, marks, objects)


def resumed(path, tower, extra, opt):
    """Takes up what was saved there, if anything; the step it was saved at."""
    if not os.path.exists(path):
        return 0
    state = torch.load(path)
    tower.load_state_dict(state["tower"])
    extra.load_state_dict(state["heads"])
    opt.load(state["opt"])
    return state["step"]


def train_vision(path, steps, size=32, rate=0.02):
    tower = model.build().model.vision_tower
    extra = heads.vision_heads(tower.config.hidden_size)
    opt = optimiser(tower, [extra], rate, 3e-3)
    step = resumed(path, tower, extra, opt)
    r, held_out, started = random.Random(1234 + step), picture_batch(random.Random(99), 64), time.time()

    def losses(batch):
        return heads.vision_losses(extra, vision_forward(tower, batch.patches, batch.positions, batch.pooled), batch)
    while step < steps:
        text, classes, box, right = losses(picture_batch(r, size))
        opt.zero()
        (text + classes + box).backward()
        opt.step(annealed(step, steps, 60, .55))
        step += 1
        if step % 20 == 0:
            print(f"vision {step} text {text:.3f} letters {right:.3f} classes {classes:.3f} box {box:.3f} "
                  f"{time.time() - started:.0f} s", flush=True)
        if step % 100 == 0 or step == steps:
            with torch.no_grad():
                print("vision, held out: letters {3:.4f}, losses {0:.3f} {1:.3f} {2:.3f}".format(*losses(held_out)), flush=True)
            save(path, {"tower": tower.state_dict(), "heads": extra.state_dict(), "opt": opt.state(), "step": step})


def speech_batch(r, speech_set, ids, augment):
    features, about = [], []
    for i in ids:
        samples, meta = speech_set.get(i)
        features.append(labels.features(labels.augment(samples, r) if augment else labels.as_float(samples)))
        about.append(meta)
    x, mask = batches.pack_sound(features)
    return x, mask, batches.SoundLabels(about, list(map(len, features)), x.shape[1] // 4)


def train_audio(path, data, steps, size=32, rate=0.02):
    tower = model.build().model.audio_tower
    extra = heads.audio_heads(tower.config.output_proj_dims)
    opt = optimiser(tower, [extra], rate, 2e-3)
    step = resumed(path, tower, extra, opt)
    train, held_out = SpeechSet(data + "/speech_train"), SpeechSet(data + "/speech_val")
    r, started = random.Random(4 + step), time.time()

    def losses(x, mask, truth):
        return heads.audio_losses(extra, audio_forward(tower, x, mask)[0], truth)
    while step < steps:
        word, begin, right = losses(*speech_batch(r, train, train.similar(r, size), True))
        opt.zero()
        (word + 0.5 * begin).backward()
        opt.step(annealed(step, steps, 50, .5))
        step += 1
        if step % 20 == 0:
            print(f"audio {step} word {word:.3f} begin {begin:.3f} right {right:.3f} {time.time() - started:.0f} s", flush=True)
        if step % 100 == 0 or step == steps:
            with torch.no_grad():
                result = losses(*speech_batch(random.Random(1), held_out, range(64), False))
            print("audio, held out: words right {2:.4f}, losses {0:.3f} {1:.3f}".format(*result), flush=True)
            save(path, {"tower": tower.state_dict(), "heads": extra.state_dict(), "opt": opt.state(), "step": step})
