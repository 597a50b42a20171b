#!/usr/bin/env python3
"""Turns what compare.py measured into results.md and a plot beside it.

  results.py results.json bench/results.md     once more, from the kept measurements
"""
import json
import os
import statistics
import sys

NOTE = """How it was measured: `bench/compare/compare.py`; both programs in turn on the same file, which lies in the page cache; one
measurement a run, the median of the runs, and (lowest to highest) beside it. Ratio: how many times faster Facet is, median against median;
best against best beside it, since whatever else ran on the machine only ever slows a run. Shares are
of what the machine streamed and computed in the same run (`facet-bench --roofline`: the best of its loops), of streaming from
memory or of integer products, whichever is the larger share; work that is skipped counts for the ratio, not for the
share. Random weights of real shapes: speed does not depend on the values. A missing peer column: it was not measured."""


def values(found, who, key):
    return [line[key] for line in found.get(who, []) if key in line]


def spread(numbers, digits):
    if not numbers:
        return "—"
    middle = statistics.median(numbers)
    text = "%.*f" % (digits, middle)
    if len(numbers) < 2:
        return text + " (one run)"
    return "%s (%.*f to %.*f)" % (text, digits, min(numbers), digits, max(numbers))


def ratio(facet, peer, faster_is_more, of=statistics.median):
    if not facet or not peer:
        return None
    a, b = of(facet), of(peer)
    return (a / b if faster_is_more else b / a) if a and b else None


def share(found):
    """The larger of the two shares: what bounds the test."""
    best = ""
    most = 0
    for key, what in (("of_streaming", "streaming"), ("of_integers", "integers")):
        numbers = [line[key] for line in found.get("facet", []) if line.get(key)]
        if numbers and statistics.median(numbers) > most:
            most = statistics.median(numbers)
            best = "%.0f %% of %s" % (100 * most, what)
    return best


def rows_of(test, found):
    """(test, unit, facet, peer, faster is more) of one measurement."""
    if test == "load":
        yield "start to ready", "ms", values(found, "facet", "median_ms"), values(found, "peer", "median_ms"), False
        yield "start to first token", "ms", values(found, "facet", "first_token_ms"), values(found, "peer", "first_token_ms"), False
        yield "peak memory", "GiB", [each / 2**30 for each in values(found, "facet", "peak_rss")], \
            [each / 2**30 for each in values(found, "peer", "peak_rss")], False
    elif test.startswith(("pp", "tg")):
        words = test.replace("pp", "read ", 1) if test.startswith("pp") else test.replace("tg", "write ", 1)
        words = words.replace(" @ d", " tokens behind ")
        yield words + (" tokens" if "behind" not in words else ""), "tokens/s", values(found, "facet", "avg_ts"), \
            values(found, "peer", "avg_ts"), True
    elif test.startswith("verify"):
        yield "one pass over %s rows" % test[6:].replace(" @ d", " behind "), "ms", values(found, "facet", "median_ms"), \
            values(found, "peer", "median_ms"), False
    else:
        yield test, "ms", values(found, "facet", "median_ms"), values(found, "peer", "median_ms"), False


def table(title, tests):
    out = ["## " + title, "", "| | | Facet | llama.cpp | ratio | best / best | Facet's share of the limit |", "|---|---|---|---|---|---|---|"]
    bars = []
    for test, found in tests.items():
        for words, unit, facet, peer, more in rows_of(test, found):
            gain, best = ratio(facet, peer, more), ratio(facet, peer, more, max if more else min)
            digits = 2 if unit == "GiB" or (facet and statistics.median(facet) < 10) else 1 if unit == "tokens/s" else 0
            out.append("| %s | %s | %s | %s | %s | %s | %s |" % (
                words, unit, spread(facet, digits), spread(peer, digits), "**%.2fx**" % gain if gain else "",
                "%.2fx" % best if best else "",
                share(found) if unit != "GiB" and test != "load" else ""))
            if gain:
                bars.append((title + ": " + words, gain))
    return out + [""], bars


def limits(tables):
    found = [line["roofline"] for tests in tables.values() for test in tests.values() for line in test.get("facet", [])
             if "roofline" in line]
    if not found:
        return ""
    def of(key):
        return spread([line[key] for line in found], 0)
    return ("Limits measured with the runs: streaming %s GB/s, int8 products %s GOP/s, 4 x 8 bits %s GOP/s, bf16 %s, fp32 %s GFLOP/s."
            % (spread([max(line["read_gb_s"], line["read_4bit_gb_s"]) for line in found], 1), of("int8_gop_s"), of("int4_gop_s"),
               of("bf16_gflop_s"), of("fp32_gflop_s")))


def plot(path, bars):
    """Bars of the ratios, 1 marked: plain SVG."""
    row, left, width = 20, 330, 760
    scale = (width - left - 60) / max([1.5] + [gain for _, gain in bars])
    height = row * len(bars) + 40
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">' % (width, height),
             '<rect width="100%" height="100%" fill="#ffffff"/>']
    for i, (name, gain) in enumerate(bars):
        y = 10 + row * i
        colour = "#2f7d4f" if gain >= 1 else "#b4442f"
        parts.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (left - 8, y + 13, name))
        parts.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (left, y + 2, gain * scale, row - 5, colour))
        parts.append('<text x="%.1f" y="%d">%.2fx</text>' % (left + gain * scale + 5, y + 13, gain))
    parts.append('<line x1="%.1f" y1="5" x2="%.1f" y2="%d" stroke="#444" stroke-dasharray="3 3"/>' % (
        left + scale, left + scale, 12 + row * len(bars)))
    parts.append('<text x="%.1f" y="%d" text-anchor="middle">llama.cpp = 1</text></svg>' % (left + scale, height - 8))
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n")


def write(path, about, tables):
    out = ["# Facet and llama.cpp on the same machine", "", "| | |", "|---|---|", "| machine | %s |" % about["machine"],
           "| date | %s |" % about["date"], "| Facet | commit %s |" % about["facet"]]
    if about["peer"]:
        out.append("| peer | %s |" % about["peer"].replace(" |", ","))
    out += ["| threads, runs | %d, %d of each program in turn |" % (about["threads"], about["rounds"]), ""]
    out += [about["remark"], ""] if about.get("remark") else []
    out += [NOTE, "", limits(tables), ""]
    bars = []
    for title, tests in tables.items():
        lines, some = table(title, tests)
        out += lines
        bars += some
    if bars:
        picture = os.path.splitext(path)[0] + ".svg"
        plot(picture, bars)
        out += ["![Ratios, llama.cpp = 1](%s)" % os.path.basename(picture), ""]
    for name in ("zen4.md", "alone.md", "drafting.md"):     # measured by facet-bench and by a test, not here
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), encoding="utf-8") as file:
            out += [file.read()]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as kept:
        everything = json.load(kept)
    write(sys.argv[2], everything["about"], everything["tables"])
