"""What an answer is worth: sums per task, and their percentages."""
import json
import re

from pictures import box1000


def split_output(raw):
    """-> thought, answer without the last token"""
    thought, m = "", re.match(r"<\|channel>thought\n(.*?)<channel\|>(.*)$", raw, re.S)
    if m:
        thought, raw = m.group(1).strip(), m.group(2)
    return thought, re.sub(r"(<turn\|>|<\|tool_response>|<eos>)$", "", raw)


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def overlap(a, b):
    """Intersection over union of two boxes y1, x1, y2, x2."""
    inside = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside
    return inside / union if union > 0 else 0.0


def items(text, key, size):
    """[(label, numbers)] of the JSON list in an answer."""
    try:
        found = json.loads(re.search(r"\[.*\]", text, re.S).group(0))
    except (AttributeError, ValueError):
        return []
    return [(str(o.get("label")), o[key]) for o in found
            if isinstance(o, dict) and isinstance(o.get(key), list) and len(o[key]) == size]


class Scores:
    def __init__(self):
        self.sums = {}

    def add(self, example, got):
        task, wanted = example["task"], example["ans"]
        s = self.sums.setdefault(task, {})

        def count(**what):
            for k, v in what.items():
                s[k] = s.get(k, 0) + v
        count(samples=1, exact=got == wanted)
        if task == "ocr":
            lines, read = wanted.split("\n"), got.split("\n")
            count(lines=len(lines), lines_exact=sum(x == y for x, y in zip(lines, read)), letters=len(wanted),
                  letter_errors=edit_distance(wanted, got))
        elif task in ("detect", "find"):
            self._boxes(example, got, count)
        elif task == "point":
            self._points(example, got, count)
        elif task == "speech":
            words, heard = (t.lower().strip(".?").split() for t in (wanted, got))
            count(words=len(words), word_errors=edit_distance(words, heard))

    @staticmethod
    def _truth(example):
        height, width = example["img"].shape[:2]
        return [(o["label"], box1000(o["box"], width, height)) for o in example["said"]]

    def _boxes(self, example, got, count):
        """Every true box takes the best answer that is still free."""
        answers, taken = items(got, "box_2d", 4), set()
        count(answers=len(answers))
        for label, box in self._truth(example):
            best = max(((overlap(box, b), j) for j, (_, b) in enumerate(answers) if j not in taken), default=(0, -1))
            hit = best[0] >= .5
            if hit:
                taken.add(best[1])
            count(boxes=1, found=hit, right=hit and answers[best[1]][0] == label)

    def _points(self, example, got, count):
        """Inside the right shape, and within 3 % of the picture of its middle."""
        answers = items(got, "point", 2)
        for label, (y1, x1, y2, x2) in self._truth(example):
            mine = [p for name, p in answers if name == label]
            inside = any(y1 <= y <= y2 and x1 <= x <= x2 for y, x in mine)
            near = any(abs(y - (y1 + y2) / 2) <= 30 and abs(x - (x1 + x2) / 2) <= 30 for y, x in mine)
            count(points=1, inside=inside, near=near)

    def lines(self):
        for task, s in sorted(self.sums.items()):
            def share(a, b):
                return f"{100 * s.get(a, 0) / max(1, s.get(b, 0)):.1f} %"
            text = f"{task} ({s['samples']}): exact {share('exact', 'samples')}"
            if "lines" in s:
                text += f", lines {share('lines_exact', 'lines')}, character errors {share('letter_errors', 'letters')}"
            if "boxes" in s:
                text += f", recall {share('right', 'boxes')}, precision {share('right', 'answers')} at IoU 0.5"
                text += f" (boxes without label {share('found', 'boxes')})"
            if "points" in s:
                text += f", inside the shape {share('inside', 'points')}, within 3 % {share('near', 'points')}"
            if "words" in s:
                text += f", word errors {share('word_errors', 'words')}"
            yield text
