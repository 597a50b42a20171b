"""Synthetic speech: a small spoken grammar read by espeak-ng's voices, with the start time of every word."""
import ctypes
import json
import random

import numpy as np
from scipy.signal import resample_poly

from words import (DIGITS, SP_ADJ, SP_CMD, SP_COLOR, SP_DAY, SP_NOUN, SP_PLACE, SP_THING, SP_VERB, SP_WHO)

RATE = 16000
NUMBERS = {w: str(i) for i, w in enumerate(DIGITS)}
VOICES = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029"]
VARIANTS = ["", "", "f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4", "m6", "m7", "Andy", "Annie", "steph", "michael",
            "alex", "linda", "belinda", "benjamin"]
HELD_OUT_VOICE = (["en-gb-x-gbclan"], ["", "f5", "m5"])     # Lancashire, in variants that are not trained on either


def vocabulary():
    words = set(DIGITS) | set(SP_COLOR) | set(SP_NOUN) | set(SP_ADJ) | set(SP_PLACE) | set(SP_VERB) | set(SP_DAY)
    words |= set(SP_CMD)
    glue = ("please the a my is in on at we will go to meet me set timer for minutes turn off hello good morning evening "
            "how many are there two three what time it call number and has")
    for phrase in SP_WHO + SP_THING + [glue]:
        words |= set(phrase.split())
    return sorted(words)


WORDS = vocabulary()
WORD_INDEX = {w: i + 1 for i, w in enumerate(WORDS)}        # 0 = no word


def sentence(r):
    """-> the spoken words, lower case"""
    x, choose = r.random(), r.choice

    def thing():
        words = [choose(["the", "a", "my"])]
        if r.random() < .4:
            words.append(choose(SP_ADJ))
        if r.random() < .6:
            words.append(choose(SP_COLOR))
        return words + [choose(SP_NOUN)]

    def who():
        return choose(SP_WHO).split()

    def please():
        return choose([[], ["please"]])

    if x < 0.34:
        return [choose(DIGITS) for _ in range(r.randint(2, 8))]
    if x < 0.50:
        return who() + [choose(SP_VERB)] + thing()
    if x < 0.58:
        return thing() + ["is", "in", "the", choose(SP_PLACE)]
    if x < 0.66:
        start, place = choose([["we", "will", "go", "to"], ["meet", "me", "at"]]), choose(SP_PLACE)
        return start + ["the", place] + choose([[], ["on"] + [choose(SP_DAY[:7])], [choose(SP_DAY[7:])]])
    if x < 0.74:
        return please() + [choose(SP_CMD)] + choose(SP_THING).split()
    if x < 0.80:
        return please() + ["set", "a", "timer", "for", choose(DIGITS[2:]), "minutes"]
    if x < 0.85:
        return please() + ["turn", choose(["on", "off"]), "the", choose(["lamp", "phone"])]
    if x < 0.89:
        return choose([["good", "morning"], ["good", "evening"], ["hello"]]) + choose([[], ["my", "friend"]])
    if x < 0.93:
        return ["call", "the", "number"] + [choose(DIGITS) for _ in range(r.randint(3, 5))]
    if x < 0.96:
        return choose([["what", "time", "is", "it"], ["how", "many", choose(["cat", "dog", "bird"]), "are", "there"]])
    return who() + ["has"] + thing() + ["and"] + thing()


def transcript(words):
    """Digits as figures; a sentence starts with a capital and ends with its stop."""
    if all(w in NUMBERS for w in words):
        return " ".join(NUMBERS[w] for w in words)
    text = " ".join(NUMBERS.get(w, w) for w in words)
    return text[0].upper() + text[1:] + ("?" if words[0] in ("what", "how") else ".")


class _Event(ctypes.Structure):                             # espeak_EVENT of speak_lib.h
    _fields_ = [("type", ctypes.c_int), ("uid", ctypes.c_uint), ("text_position", ctypes.c_int),
                ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
                ("user", ctypes.c_void_p), ("id", ctypes.c_uint64)]


class Espeak:
    """The library itself: only it tells when each word begins."""
    SYNCHRONOUS, WORD_EVENT, RATE_PARAMETER, PITCH_PARAMETER = 2, 1, 1, 3

    def __init__(self):
        self.synthesiser = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self.synthesiser.espeak_Initialize(self.SYNCHRONOUS, 400, None, 0)
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

        def collect(samples, count, events):
            if samples and count > 0:
                self.samples.append(np.ctypeslib.as_array(samples, (count,)).copy())
            i = 0
            while events[i].type != 0:
                if events[i].type == self.WORD_EVENT:
                    self.events.append((events[i].text_position - 1, events[i].audio_position / 1000.))
                i += 1
            return 0
        self.callback = kind(collect)
        self.synthesiser.espeak_SetSynthCallback(self.callback)

    def say(self, text, voice, rate, pitch):
        """-> samples, [(offset in the text, seconds)]"""
        self.samples, self.events = [], []
        self.synthesiser.espeak_SetVoiceByName(voice.encode())
        self.synthesiser.espeak_SetParameter(self.RATE_PARAMETER, rate, 0)
        self.synthesiser.espeak_SetParameter(self.PITCH_PARAMETER, pitch, 0)
        data = text.encode() + b"\0"
        self.synthesiser.espeak_Synth(data, len(data), 0, 1, 0, 1, None, None)
        self.synthesiser.espeak_Synchronize()
        return np.concatenate(self.samples), self.events


def synthesise(espeak, r, words, voices=VOICES, variants=VARIANTS):
    """-> int16 samples at 16 kHz, starts of the words in seconds (and the end of the last), name of the voice"""
    voice, variant = r.choice(voices), r.choice(variants)
    samples, events = espeak.say(" ".join(words), voice + ("+" + variant if variant else ""), r.randint(130, 205),
                                 r.randint(25, 75))
    x = samples.astype(np.float32)
    if espeak.rate == 22050:
        x = resample_poly(x, 320, 441)
    x = x / (np.abs(x).max() + 1) * r.uniform(6000, 26000)
    offsets, at = [], 0
    for w in words:
        offsets.append(at)
        at += len(w) + 1
    times = dict(events)
    starts = [times.get(offset) for offset in offsets]
    loud = np.where(np.abs(x) > 300)[0]
    end = (loud[-1] if len(loud) else len(x)) / RATE
    known = [(i, s) for i, s in enumerate(starts) if s is not None] + [(len(words), end)]
    starts = list(np.interp(range(len(words)), [i for i, _ in known], [s for _, s in known]))
    lead, tail = int(r.uniform(0.02, 0.25) * RATE), int(r.uniform(0.05, 0.3) * RATE)
    x = np.concatenate([np.zeros(lead, np.float32), x[:int((end + 0.05) * RATE)], np.zeros(tail, np.float32)])
    return x.astype(np.int16), [s + lead / RATE for s in starts] + [end + lead / RATE], f"{voice}+{variant}"


def make_set(path, count, seed, voices=VOICES, variants=VARIANTS, longest=4.6):
    """Writes path.npy (all samples behind each other) and path.json (words, starts, voice, number of samples)."""
    espeak, r, audio, about = Espeak(), random.Random(seed), [], []
    while len(about) < count:
        words = sentence(r)
        samples, starts, voice = synthesise(espeak, r, words, voices, variants)
        if len(samples) > longest * RATE:
            continue
        audio.append(samples)
        about.append({"words": words, "starts": [round(s, 3) for s in starts], "voice": voice, "n": len(samples)})
    np.save(path + ".npy", np.concatenate(audio))
    with open(path + ".json", "w", encoding="utf-8") as file:
        json.dump(about, file)


class SpeechSet:
    """What make_set() wrote."""

    def __init__(self, path):
        self.samples = np.load(path + ".npy", mmap_mode="r")
        with open(path + ".json", encoding="utf-8") as file:
            self.about = json.load(file)
        self.offsets = np.concatenate([[0], np.cumsum([a["n"] for a in self.about])])

    def __len__(self):
        return len(self.about)

    def get(self, i):
        return np.array(self.samples[self.offsets[i]:self.offsets[i + 1]]), self.about[i]

    def similar(self, r, n):
        """Indices of n utterances of similar length: little padding."""
        drawn = sorted((r.randrange(len(self)) for _ in range(5 * n)), key=lambda i: self.about[i]["n"])
        first = r.randrange(4 * n)
        return drawn[first:first + n]
