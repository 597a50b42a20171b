#!/usr/bin/env python3
"""The table and the plot of bench/compare from made-up measurements."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(sys.argv[1], "bench", "compare"))
import results  # noqa: E402


def line(**values):
    limits = {"read_gb_s": 20.0, "read_4bit_gb_s": 22.0, "int8_gop_s": 300.0, "int4_gop_s": 600.0, "bf16_gflop_s": 0.0, "fp32_gflop_s": 250.0}
    return dict({"roofline": limits}, **values)


tables = {"Model": {
    "pp128": {"facet": [line(avg_ts=rate, of_integers=0.3) for rate in (90, 100, 120)], "peer": [{"avg_ts": 25}, {"avg_ts": 20}]},
    "tg16 @ d4096": {"facet": [line(avg_ts=4.0, of_streaming=0.25)], "peer": [{"avg_ts": 8.0}]},
    "load": {"facet": [{"median_ms": 100, "first_token_ms": 200, "peak_rss": 2**30}],
             "peer": [{"median_ms": 300, "first_token_ms": 300, "peak_rss": 2**32}]},
    "verify4": {"facet": [line(median_ms=50, of_integers=0.5)]},
}}
about = {"machine": "m", "date": "2026-01-01", "facet": "abc", "peer": "p", "threads": 2, "rounds": 3}
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "results.md")
    results.write(path, about, tables)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(folder, "results.svg"), encoding="utf-8") as file:
        picture = file.read()
wanted = ["| read 128 tokens | tokens/s | 100.0 (90.0 to 120.0) | 22.5 (20.0 to 25.0) | **4.44x** | 4.80x | 30 % of integers |",
          "| write 16 tokens behind 4096 | tokens/s | 4.00 (one run) | 8.00 (one run) | **0.50x** | 0.50x | 25 % of streaming |",
          "| start to ready | ms | 100 (one run) | 300 (one run) | **3.00x** | 3.00x |  |", "| peak memory | GiB | 1.00 (one run) | 4.00 (one run) | **4.00x** | 4.00x |  |",
          "| one pass over 4 rows | ms | 50 (one run) | — |  |  | 50 % of integers |", "streaming 22.0"]
missing = [each for each in wanted if each not in text]
for each in missing:
    print("missing: " + each)
print(text if missing else "")
sys.exit(1 if missing or picture.count("<rect") != 6 else 0)
