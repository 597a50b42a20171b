"""Makes sample files to try the app with: a sign, shapes, a sentence and a short film (shapes that come one by one, a voice
that counts them).
usage: samples.py FOLDER [--seed 5]
"""
import argparse
import os
import random
import subprocess
import tempfile
import wave

import numpy as np
from PIL import Image, ImageDraw

import pictures
import speech
from words import COLORS

SIDE = 256                                                  # a frame of 70 soft tokens or fewer stays as it is
SCENES = [("red", "circle", (24, 24)), ("blue", "square", (140, 30)), ("green", "triangle", (30, 140)),
          ("yellow", "star", (138, 136))]
COUNT = ["one", "two", "three", "four"]
SCENE_SECONDS, FRAMES_A_SECOND = 2, 5


def film(path, r):
    """Every two seconds one shape more. Needs the ffmpeg program."""
    espeak, voice, size = speech.Espeak(), [], 92
    with tempfile.TemporaryDirectory() as folder:
        for i in range(len(SCENES)):
            image = Image.new("RGB", (2 * SIDE, 2 * SIDE), (245, 245, 245))
            draw = ImageDraw.Draw(image)
            for color, kind, (x, y) in SCENES[:i + 1]:
                pictures.draw_shape(draw, kind, x, y, size, COLORS[color], 2)
            image = image.resize((SIDE, SIDE), Image.BOX)
            for k in range(SCENE_SECONDS * FRAMES_A_SECOND):
                image.save(os.path.join(folder, f"{i * SCENE_SECONDS * FRAMES_A_SECOND + k:03d}.png"))
            samples, _, _ = speech.synthesise(espeak, r, [COUNT[i]], ["en-gb"], ["f2"])
            silence = np.zeros(SCENE_SECONDS * speech.RATE - len(samples), np.int16)
            voice.append(np.concatenate([samples, silence]))
        write_wave(os.path.join(folder, "voice.wav"), np.concatenate(voice))
        subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-framerate", str(FRAMES_A_SECOND), "-i", folder + "/%03d.png",
                        "-i", folder + "/voice.wav", "-c:v", "libx264", "-crf", "24", "-pix_fmt", "yuv420p", "-c:a", "aac",
                        "-b:a", "32k", "-movflags", "+faststart", "-fflags", "+bitexact", path], check=True)


def write_wave(path, samples):
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(speech.RATE)
        w.writeframes(samples.tobytes())


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder")
    options.add_argument("--seed", type=int, default=5)
    given = options.parse_args()
    os.makedirs(given.folder, exist_ok=True)
    r = random.Random(given.seed)
    sign, text, _ = pictures.text_picture(r, lines=3, grid=(8, 8))
    Image.fromarray(sign).save(os.path.join(given.folder, "sign.png"), optimize=True)
    shapes, objects = pictures.shapes_picture(r, n=4, grid=(8, 8))
    Image.fromarray(shapes).save(os.path.join(given.folder, "shapes.png"), optimize=True)
    samples, _, _ = speech.synthesise(speech.Espeak(), r, "the teacher has a big book and my red lamp".split())
    write_wave(os.path.join(given.folder, "sentence.wav"), samples)
    film(os.path.join(given.folder, "film.mp4"), r)
    print(repr(text), [o["label"] for o in objects])


if __name__ == "__main__":
    main()
