"""From pictures and sound to what the towers take, and the labels their throw-away heads learn from."""
import numpy as np

from pictures import TOKEN, box1000
from speech import RATE, WORD_INDEX
from words import COLORS, SHAPES

MAX_TOKENS = 64                                             # soft tokens of a picture of 256x256
PATCH = 16
# ---------------------------------------------------------------- pictures
CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:/$%-!?' \n\x03"
CHARACTER_INDEX = {c: i + 1 for i, c in enumerate(CHARACTERS)}
CHARACTER_CLASSES = len(CHARACTERS) + 1                     # 0 = nothing
SLOTS = 3                                                   # letters that may stand in a quarter of a soft token


def patchify(image):
    """[H, W, 3] uint8 -> patches [n, 768] (row, column, channel), positions [n, 2] (x, y), pooling index [tokens, 4]"""
    height, width, _ = image.shape
    rows, columns = height // PATCH, width // PATCH
    patches = image.reshape(rows, PATCH, columns, PATCH, 3).transpose(0, 2, 1, 3, 4).reshape(rows * columns, 768)
    y, x = np.mgrid[0:rows, 0:columns]
    positions = np.stack([x, y], -1).reshape(-1, 2)
    ty, tx = (a.reshape(-1) for a in np.mgrid[0:rows // 2, 0:columns // 2])
    pooled = np.stack([(2 * ty + a) * columns + 2 * tx + b for a in (0, 1) for b in (0, 1)], -1)
    return patches, positions, pooled


def text_labels(marks, width, height):
    """-> classes [tokens, 4 quarters, SLOTS], and the soft token of every mark"""
    grid_w = width // TOKEN
    classes = np.zeros((MAX_TOKENS, 4, SLOTS), np.int64)
    used = np.zeros((MAX_TOKENS, 4), np.int64)
    tokens = []
    for c, x, y in marks:
        px = min(int(x // PATCH), grid_w * 2 - 1)
        py = int(min(max(y, 0), height - 1) // PATCH)
        token, quarter = (py // 2) * grid_w + px // 2, (py % 2) * 2 + px % 2
        tokens.append(token)
        if used[token, quarter] < SLOTS:
            classes[token, quarter, used[token, quarter]] = CHARACTER_INDEX[c]
            used[token, quarter] += 1
    return classes, tokens


def shape_labels(objects, width, height):
    """-> [tokens, 11]: is the middle, shape + 1, colour + 1, hundreds of the box (0..10), its tens; and which tokens
    are covered by a shape"""
    grid_w, grid_h = width // TOKEN, height // TOKEN
    labels, covered = np.zeros((MAX_TOKENS, 11), np.int64), np.zeros(MAX_TOKENS, bool)
    colors = list(COLORS)
    for o in objects:
        box = box1000(o["box"], width, height)
        y1, x1, y2, x2 = o["box"]
        for token in range(grid_w * grid_h):
            my, mx = token // grid_w * TOKEN + TOKEN // 2, token % grid_w * TOKEN + TOKEN // 2
            inside = y1 <= my <= y2 and x1 <= mx <= x2
            if token != o["token"] and (not inside or labels[token, 0]):
                continue
            labels[token, :3] = token == o["token"], SHAPES.index(o["shape"]) + 1, colors.index(o["color"]) + 1
            labels[token, 3:7] = [min(10, v // 100) for v in box]
            labels[token, 7:] = [v // 10 % 10 for v in box]
            covered[token] = True
    return labels, covered


# ---------------------------------------------------------------- sound: the released front end
# 128 mel bins, frames of 20 ms every 10 ms, 512-point FFT.
def _mel_filters():
    def to_mel(hz):
        return 2595.0 * np.log10(1 + hz / 700.0)

    def to_hz(mel):
        return 700.0 * (10 ** (mel / 2595.0) - 1)
    bins = np.linspace(0, RATE / 2, 257)
    points = to_hz(np.linspace(to_mel(0.0), to_mel(8000.0), 130))
    rise = (bins[:, None] - points[None, :-2]) / (points[1:-1] - points[:-2])
    fall = (points[None, 2:] - bins[:, None]) / (points[2:] - points[1:-1])
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


MEL = _mel_filters()
WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(320) / 320)).astype(np.float32)


def features(x):
    """Samples in -1..1 -> log-mel [frames, 128]; only frames that lie wholly inside the sound."""
    x = np.concatenate([np.zeros(160, np.float32), x.astype(np.float32)])
    n = (len(x) - 321) // 160 + 1
    frames = np.lib.stride_tricks.as_strided(x, (n, 320), (x.strides[0] * 160, x.strides[0]))
    return np.log(np.abs(np.fft.rfft(frames * WINDOW, 512, axis=-1)).astype(np.float32) @ MEL + 1e-3)


def soft_count(frames):
    """Soft tokens of so many frames: halved twice, rounded up."""
    return ((frames + 1) // 2 + 1) // 2


def as_float(samples):
    return samples.astype(np.float32) / 32768.


def augment(samples, r):
    """Another loudness and, mostly, a little noise."""
    x = as_float(samples)
    g = np.random.default_rng(r.getrandbits(32))
    x = x * r.uniform(0.4, 1.2)
    if r.random() < 0.7:
        x = x + g.standard_normal(len(x), dtype=np.float32) * 10 ** r.uniform(-4.2, -2.2)
    return np.clip(x, -1, 1)


def frame_labels(about, count, delay=0.09):
    """-> per soft token of 40 ms the word that is spoken (0 = none) and whether one has just begun; the last soft token of
    every word. The tower sees only what was: `delay` seconds later it can know."""
    words, begins, last = np.zeros(count, np.int64), np.zeros(count, np.int64), []
    starts = about["starts"]
    for i, w in enumerate(about["words"]):
        first = min(count - 1, int(round((starts[i] + delay) / 0.04)))
        end = max(first + 1, min(count, int(round((starts[i + 1] + delay) / 0.04))))
        words[first:end] = WORD_INDEX[w]
        begins[first] = 1
        last.append(min(count - 1, end - 1))
    return words, begins, last
