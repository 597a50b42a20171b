"""Throw-away linear heads that tell the towers what to see and hear. They are no part of the shipped model."""
import torch
import torch.nn.functional as F

import labels
from ops import rms
from speech import WORD_INDEX, WORDS

WORD_CLASSES = len(WORDS) + 1


def vision_heads(width):
    """text: letters in the quarters of a soft token; det: middle, shape, colour, hundreds, tens; reg: the box itself."""
    sizes = {"text": 4 * labels.SLOTS * labels.CHARACTER_CLASSES, "det": 2 + 5 + 9 + 44 + 40, "reg": 4}
    heads = torch.nn.ModuleDict({name: torch.nn.Linear(width, n) for name, n in sizes.items()})
    for p in heads.parameters():
        torch.nn.init.normal_(p, 0, 0.02)
    return heads


def vision_losses(heads, pooled, batch):
    """-> losses of text, classes, boxes, and the share of right letters"""
    h = rms(pooled)
    text = heads["text"](h)[batch.valid].reshape(-1, labels.CHARACTER_CLASSES)
    wanted = batch.text[batch.valid].reshape(-1)
    each, letter = F.cross_entropy(text, wanted, reduction="none"), wanted > 0
    # Most places hold nothing: letters and nothing weigh the same.
    l_text = each[letter].sum() / max(1, int(letter.sum())) + each[~letter].sum() / max(1, int((~letter).sum()))
    right = (text.argmax(-1) == wanted)[letter].float().mean() if letter.any() else torch.tensor(0.)
    o, d, covered = heads["det"](h)[batch.valid], batch.shapes[batch.valid], batch.covered[batch.valid]
    l_class = (F.cross_entropy(o[:, :2], d[:, 0]) * 4 + F.cross_entropy(o[:, 2:7], d[:, 1]) +
               F.cross_entropy(o[:, 7:16], d[:, 2]))
    l_box = torch.zeros((), device=o.device)
    if covered.any():
        oc, dc = o[covered], d[covered]
        value = (dc[:, 3:7] * 10 + dc[:, 7:]).float() / 100 + 0.005
        guess = heads["reg"](h)[batch.valid][covered] + 0.5
        l_box = (F.cross_entropy(oc[:, 16:60].reshape(-1, 11), dc[:, 3:7].reshape(-1)) +
                 0.1 * F.cross_entropy(oc[:, 60:].reshape(-1, 10), dc[:, 7:].reshape(-1)) +
                 10 * F.smooth_l1_loss(guess, value, beta=0.02))
    return l_text, l_class, l_box, right


def audio_heads(width):
    return torch.nn.ModuleDict({"word": torch.nn.Linear(width, WORD_CLASSES), "beg": torch.nn.Linear(width, 2)})


def audio_losses(heads, states, truth):
    """truth: SoundLabels -> losses of the word and of its beginning, share of words right at their end"""
    h = rms(states.float())
    words, begins = heads["word"](h), heads["beg"](h)
    weight = torch.ones(truth.word.shape)
    for i, last in enumerate(truth.last):
        for t in last:                                      # at its end a word must be known
            weight[i, max(0, t - 1)] = 3.
            weight[i, t] = 4.
    weight = weight.to(h.device)
    each = F.cross_entropy(words.reshape(-1, WORD_CLASSES), truth.word.reshape(-1), ignore_index=-100, reduction="none")
    l_word = (each.view(truth.word.shape) * weight).sum() / weight[truth.word >= 0].sum()
    l_begin = F.cross_entropy(begins.reshape(-1, 2), truth.begin.reshape(-1), ignore_index=-100,
                              weight=torch.tensor([1., 3.], device=h.device))
    right = count = 0
    for i, last in enumerate(truth.last):
        for t, word in zip(last, truth.about[i]["words"]):
            right += int(words[i, t].argmax() == WORD_INDEX[word])
            count += 1
    return l_word, l_begin, right / max(1, count)
