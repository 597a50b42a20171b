"""Synthetic pictures with exact ground truth: signs with text, and coloured shapes.

Every picture has a size that the 70-token budget (patches of 16 pixels, pooled 2x2) leaves as it is, so that what is
drawn here is what the vision tower sees.
"""
import glob
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from words import COLORS, OCR_WORDS, SHAPES

TOKEN = 32                                              # pixels that one soft token covers, each way
# Width and height in soft tokens; what is listed twice is drawn twice as often.
GRIDS = [(8, 8), (8, 8), (8, 8), (10, 6), (10, 6), (9, 7), (9, 7), (7, 9), (6, 10), (12, 5), (16, 4)]
LINE_END, TEXT_END = "\n", "\x03"                       # what stands behind the last letter of a line and of the text
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
GREY = (90, 95, 105)                                    # a ground on which black would not be seen


def find_fonts(names):
    """Paths of the fonts that are installed, in the order asked for."""
    found = []
    for name in names:
        found += sorted(glob.glob(f"/usr/share/fonts/**/{name}", recursive=True))[:1]
    return found


# Debian: fonts-dejavu-core, fonts-dejavu-extra, fonts-liberation.
TRAIN_FONTS = find_fonts(["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "LiberationSans-Regular.ttf", "DejaVuSerif.ttf",
                          "DejaVuSansMono.ttf"] * 3 + ["DejaVuSerif-Bold.ttf", "DejaVuSansMono-Bold.ttf"])
# Letters that stand close are the hard ones: a soft token holds up to ten of them.
SMALL_FONTS = TRAIN_FONTS + find_fonts(["LiberationSans-Regular.ttf"] * 6 + ["DejaVuSerif-Bold.ttf", "DejaVuSansMono-Bold.ttf"])
SMALL_SIZES = (22, 27)
# More looks of the same letters, for training alone. Debian: also fonts-open-sans, fonts-crosextra-caladea and -carlito.
MORE_FONTS = find_fonts(["LiberationSans-Bold.ttf", "LiberationMono-Regular.ttf", "DejaVuSerifCondensed.ttf",
                         "OpenSans-Regular.ttf", "Caladea-Regular.ttf", "Carlito-Regular.ttf"])
HELD_OUT_FONTS = find_fonts(["LiberationSerif-Regular.ttf", "DejaVuSansCondensed.ttf"])
_fonts = {}


def font(path, size):
    key = (path, size)
    if key not in _fonts:
        _fonts[key] = ImageFont.truetype(path, size)
    return _fonts[key]


def random_token(r):
    """One 'word' of a sign: a word of the list most of the time, else a number, price, time, date or a made-up word."""
    x = r.random()
    if x < 0.62:
        word, y = r.choice(OCR_WORDS), r.random()
        return word.capitalize() if y < 0.28 else word.upper() if y < 0.40 else word
    if x < 0.70:
        return str(r.randint(0, 10 ** r.randint(1, 5)))
    if x < 0.75:
        return f"${r.randint(1, 99)}.{r.randint(0, 99):02d}"
    if x < 0.79:
        return f"{r.randint(0, 23)}:{r.randint(0, 59):02d}"
    if x < 0.83:
        return r.choice([f"{r.randint(1, 28):02d}/{r.randint(1, 12):02d}/{r.randint(1990, 2030)}",
                         f"{r.randint(2000, 2030)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}",
                         f"{r.randint(1, 28)} {r.choice(MONTHS)}"])
    if x < 0.85:
        return f"{r.randint(1, 100)}%"
    letters = range(r.randint(2, 8))
    word = "".join(r.choice("bcdfghjklmnpqrstvwxyz" if (i + r.randint(0, 1)) % 2 else "aeiou") for i in letters)
    return word if r.random() < .6 else word.capitalize() if r.random() < .6 else word.upper()


def with_noise(image, r):
    pixels = np.asarray(image, dtype=np.float32)
    if r.random() < 0.4:
        g = np.random.default_rng(r.getrandbits(32))
        pixels = pixels + g.standard_normal(pixels.shape, dtype=np.float32) * r.uniform(1, 6)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _fit_lines(r, f, count, width, level, word):
    """Lines of one to four words that fit into the width, or None."""
    lines = []
    for _ in range(count):
        line = word(r)
        for _ in range(r.choice([0, 1, 1, 2, 2, 3]) if level >= 0 else 0):
            longer = line + " " + word(r)
            if f.getlength(longer) > width - 14:
                break
            line = longer
        if f.getlength(line) > width - 14:
            line = ""
        if line and r.random() < 0.08:
            line += r.choice([".", "!", "?", ","])
        if not line or f.getlength(line) > width - 12:
            return None
        lines.append(line)
    return lines


def _colors(r):
    """Ground and ink, far enough apart to be read."""
    if r.random() < 0.75:
        ground, ink = tuple(r.randint(200, 255) for _ in range(3)), tuple(r.randint(0, 110) for _ in range(3))
    else:
        ground, ink = tuple(r.randint(0, 90) for _ in range(3)), tuple(r.randint(185, 255) for _ in range(3))
    if r.random() < 0.35:
        white, black = (255, 255, 255), (0, 0, 0)
        ground, ink = r.choice([(white, black), (white, black), (black, white)])
    return ground, ink


def _marks(f, line, x, y, size, last, width):
    """[(character, x, y)] of the middle of every letter of a line and of its end."""
    middle = y + f.getmetrics()[0] - 0.36 * size
    marks, left = [], 0.0
    for i, c in enumerate(line):
        right = f.getlength(line[:i + 1])
        marks.append((c, x + (left + right) / 2, middle))
        left = right
    marks.append((TEXT_END if last else LINE_END, min(width - 1, x + left + 0.28 * size), middle))
    return marks


def text_picture(r, fonts=None, level=1.0, lines=None, grid=None, word=random_token, sizes=None):
    """-> picture uint8 [H, W, 3], text, marks. level 0..1 is the curriculum: bigger letters at 0; below 0 one word a line;
    sizes: smallest and largest letters instead"""
    fonts = fonts or TRAIN_FONTS
    grid_w, grid_h = grid or r.choice(GRIDS)
    width, height = grid_w * TOKEN, grid_h * TOKEN
    for _ in range(50):
        path = r.choice(fonts)
        size = r.randint(*(sizes or (22 if r.random() < level else 28, 36)))
        f = font(path, size)
        pitch = int(size * r.uniform(1.15, 1.6))
        most = min(4, (height - 8) // pitch)
        if most < 1:
            continue
        count = lines if lines is not None else r.randint(1, most) if r.random() < .55 else most
        if count > most:
            continue
        text = _fit_lines(r, f, count, width, level, word)
        if text:
            break
    else:
        return text_picture(r, fonts, level, 1, (8, 8), word)
    ground, ink = _colors(r)
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    y = r.randint(2, max(2, height - 4 - pitch * len(text)))
    centred = r.random() < 0.3
    widest = max(f.getlength(line) for line in text)
    left = r.randint(4, 4 + max(0, int(min(width - 8 - widest, width * 0.5))))
    marks = []
    for i, line in enumerate(text):
        x = max(4, int((width - f.getlength(line)) / 2)) if centred else left
        draw.text((x, y), line, font=f, fill=ink)
        marks += _marks(f, line, x, y, size, i == len(text) - 1, width)
        y += pitch
    if r.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(r.uniform(0.3, 0.7)))
    return with_noise(image, r), "\n".join(text), marks


def dense_picture(r, fonts=None, grid=None):
    """A picture full of text, every line in its own font, size and colour: many letters a picture for the vision tower."""
    fonts = fonts or TRAIN_FONTS
    grid_w, grid_h = grid or r.choice(GRIDS)
    width, height = grid_w * TOKEN, grid_h * TOKEN
    if r.random() < 0.7:
        ground, low, high = tuple(r.randint(200, 255) for _ in range(3)), 0, 120
    else:
        ground, low, high = tuple(r.randint(0, 90) for _ in range(3)), 180, 255
    if r.random() < 0.3:
        ground = r.choice([(255, 255, 255), (0, 0, 0)])
        low, high = (0, 110) if ground[0] else (185, 255)
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    marks, y = [], r.randint(0, 12)
    while True:
        size = r.randint(22, 36)
        f = font(r.choice(fonts), size)
        if y + size * 1.1 > height:
            break
        x = r.randint(3, 30 if r.random() < .8 else width // 2)
        line = random_token(r)
        for _ in range(12):
            longer = line + " " + random_token(r)
            if x + f.getlength(longer) > width - 8:
                break
            line = longer
        while line and x + f.getlength(line) > width - 8:
            line = line[:-1].rstrip()
        if line:
            draw.text((x, y), line, font=f, fill=tuple(r.randint(low, high) for _ in range(3)))
            marks += _marks(f, line, x, y, size, False, width)
        y += int(size * r.uniform(1.1, 1.45))
    if marks:
        marks[-1] = (TEXT_END,) + marks[-1][1:]
    if r.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(r.uniform(0.3, 0.7)))
    return with_noise(image, r), marks


def _corners(kind, cx, cy, size):
    if kind == "triangle":
        return [(cx, cy - size / 2), (cx - size / 2, cy + size / 2), (cx + size / 2, cy + size / 2)]
    points = []
    for i in range(10):                                 # a star
        angle, radius = -math.pi / 2 + i * math.pi / 5, size / 2 * (1 if i % 2 == 0 else 0.42)
        points.append((cx + radius * math.cos(angle), cy + radius * math.sin(angle)))
    return points


def draw_shape(draw, kind, x, y, size, color, scale):
    """Draws enlarged by `scale` (the caller shrinks it: smooth edges) -> box (y1, x1, y2, x2) in pixels."""
    if kind in ("circle", "square"):
        paint = draw.ellipse if kind == "circle" else draw.rectangle
        paint([x * scale, y * scale, (x + size) * scale, (y + size) * scale], fill=color)
        return y, x, y + size, x + size
    points = _corners(kind, x + size / 2, y + size / 2, size)
    draw.polygon([(px * scale, py * scale) for px, py in points], fill=color)
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(ys), min(xs), max(ys), max(xs)


def shapes_picture(r, n=None, grid=None):
    """-> picture, objects [{label, color, shape, box (y1, x1, y2, x2) in pixels, token, cx}] in the reading order of the
    soft token that holds their middle."""
    grid_w, grid_h = grid or r.choice(GRIDS)
    width, height = grid_w * TOKEN, grid_h * TOKEN
    n = n if n is not None else r.choice([1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6])
    ground = r.choice([(255, 255, 255), (255, 255, 255), (238, 238, 238), (250, 245, 230), (225, 235, 245),
                       (220, 240, 225), GREY])
    if ground == (255, 255, 255) and r.random() < .5:
        ground = tuple(r.randint(215, 255) for _ in range(3))
    scale = 2
    image = Image.new("RGB", (width * scale, height * scale), ground)
    draw = ImageDraw.Draw(image)
    objects, tries = [], 0

    def apart(a, x, y, size):
        y1, x1, y2, x2 = a["box"]
        return x + size + 5 < x1 or x2 + 5 < x or y + size + 5 < y1 or y2 + 5 < y

    while len(objects) < n and tries < 200:
        tries += 1
        size = r.randint(34, min(110, height - 10, width - 10) if n < 4 else 72)
        x, y = r.randint(3, width - size - 3), r.randint(3, height - size - 3)
        if not all(apart(o, x, y, size) for o in objects):
            continue
        kind, name = r.choice(SHAPES), r.choice(list(COLORS))
        if ground == GREY and name == "black":
            continue
        color = tuple(max(0, min(255, c + r.randint(-12, 12))) for c in COLORS[name])
        box = draw_shape(draw, kind, x, y, size, color, scale)
        middle_y, middle_x = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        objects.append({"label": f"{name} {kind}", "color": name, "shape": kind, "box": box, "cx": middle_x,
                        "token": int(middle_y // TOKEN) * grid_w + int(middle_x // TOKEN)})
    image = image.resize((width, height), Image.BOX)
    objects.sort(key=lambda o: (o["token"], o["cx"]))
    return with_noise(image, r), objects


def box1000(box, width, height):
    """Pixels -> thousandths of the picture, the order y1, x1, y2, x2 that the model writes."""
    y1, x1, y2, x2 = box
    return [round(1000 * y1 / height), round(1000 * x1 / width), round(1000 * y2 / height), round(1000 * x2 / width)]
