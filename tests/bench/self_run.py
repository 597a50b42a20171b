#!/usr/bin/env python3
"""facet-bench on the models of the repository: every kind of test, every output, wrong usage. No figure is judged."""
import json
import math
import os
import subprocess
import sys

BENCH, ROOT = sys.argv[1], sys.argv[2]
DEMO = os.path.join(ROOT, "resources", "demo-model")
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
failures = []


def check(right, what):
    if not right:
        failures.append(what)
        print("FAILED: " + what)


def run(*arguments, expected=0):
    result = subprocess.run([BENCH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(result.returncode == expected, "%s: exit %d instead of %d: %s" % (" ".join(arguments), result.returncode, expected,
                                                                             result.stderr.strip()[-300:]))
    return result.stdout, result.stderr


def tests_of(*arguments):
    """{name of the test: its line}"""
    out, _ = run(*arguments, "-o", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        for key in ("n_prompt", "n_gen", "n_depth", "n_threads", "avg_ts", "samples_ts", "avg_ns", "samples_ns", "type_k", "peak_rss"):
            check(key in line, "%s lacks %s" % (line.get("test"), key))
        check(all(math.isfinite(value) for value in line["samples_ts"]), "%s: a rate is no number" % line["test"])
    return {line["test"]: line for line in lines}


def demo():
    found = tests_of("-m", DEMO, "-t", "1,2", "-p", "40", "-n", "3", "-pg", "8,2", "-d", "0,24", "-r", "2", "--verify", "1,3",
                     "--parallel", "2", "--image", "96x96", "--audio", "1", "--profile")
    wanted = {"pp40", "tg3", "pp8+tg2", "verify1", "verify3", "parallel2"}
    wanted |= {name + " @ d24" for name in wanted} | {"image 96x96 <= 280", "audio 1 s"}
    check(set(found) == wanted, "tests of the demo model: " + ", ".join(sorted(set(found) ^ wanted)))
    for name, line in found.items():
        check(len(line["samples_ts"]) == 2, name + ": not two samples")
        check(line["bytes"] > 0 and line["operations"] > 0, name + ": no work was counted")
        check(line["roofline"]["read_gb_s"] > 0 and line["roofline"]["fp32_gflop_s"] > 0, name + ": no limits")
        parts = line["profile"]
        check(any(part["operation"] == "matmul" for part in parts), name + ": no matrix product in the profile")
        check(all(part["ms"] >= -1e-3 for part in parts), name + ": negative time")
        counted = sum(part["bytes"] for part in parts)
        check(abs(counted - line["bytes"]) <= 1e-9 * counted, name + ": the profile's work is not the test's")
    # A row more of a pass reads the weights no second time.
    check(found["verify3"]["bytes"] < 1.5 * found["verify1"]["bytes"], "verify3 counts weights once for each row")
    check(found["pp40"]["operations"] > 5 * found["verify1"]["operations"], "a prompt's work does not grow with its length")
    check(found["image 96x96 <= 280"]["n_soft"] > 0, "a picture of no soft tokens")


def others():
    gguf = os.path.join(FIXTURES, "gguf", "tiny-e2b-Q4_K_M.gguf")
    projector = os.path.join(FIXTURES, "gguf", "mmproj-tiny-e2b-bf16.gguf")
    found = tests_of("-m", gguf, "--mmproj", projector, "-t", "2", "-p", "33", "-n", "2", "-r", "1", "-ctk", "f16,f32", "--image",
                     "64x64", "--no-roofline", "-fa", "1", "-ngl", "0")
    check({"pp33", "tg2", "image 64x64 <= 280"} <= set(found), "tests of a GGUF model: " + ", ".join(found))
    check("roofline" not in found["pp33"], "limits although none were wanted")
    drafter = os.path.join(FIXTURES, "checkpoints", "tiny-e2b-assistant")
    found = tests_of("-m", os.path.join(FIXTURES, "checkpoints", "tiny-e2b"), "--drafter", drafter, "-t", "1", "-r", "1", "--no-roofline")
    check(set(found) == {"draft step"}, "tests of a drafter: " + ", ".join(found))
    # Deeper than what is really read: the rest repeats it.
    found = tests_of("-m", os.path.join(FIXTURES, "checkpoints", "tiny-26b-a4b"), "-t", "2", "-n", "2", "-d", "0,2500", "-r", "1",
                     "--no-roofline")
    check(set(found) == {"tg2", "tg2 @ d2500"}, "tests of a model with experts: " + ", ".join(found))
    if len(found) == 2:
        check(found["tg2 @ d2500"]["bytes"] > found["tg2"]["bytes"], "a deep cache costs no reading")
    found = tests_of("-m", DEMO, "--load", "-t", "2", "-r", "1", "--no-roofline")
    line = found.get("load", {})
    check(line.get("first_token_ms", 0) >= line.get("median_ms", 1) > 0, "load: ready after the first token")
    check(not sys.platform.startswith("linux") or line.get("peak_rss", 0) > 1 << 20, "load: no peak memory")


def outputs():
    plain = ("-m", DEMO, "-t", "1", "-p", "4", "-n", "0", "-r", "1", "--no-roofline")
    out, _ = run(*plain)
    check(out.count("\n") == 3 and "| pp4 |" in out, "Markdown: " + out)
    out, _ = run(*plain, "-o", "json")
    check(len(json.loads(out)) == 1, "JSON: " + out)
    out, _ = run(*plain, "-o", "csv")
    names, row = out.strip().split("\n")
    check("avg_ts" in names and "pp4" in row, "CSV: " + out)
    _, table = run(*plain, "--profile")
    check("matmul" in table and "everything" in table, "profile table: " + table)
    out, _ = run("--roofline", "-t", "1")
    check("GB/s" in out, "limits: " + out)
    out, _ = run("--help")
    check("--verify" in out and "--profile" in out, "help: " + out)


def errors():
    for wrong in (["-p", "x", "-m", DEMO], ["-m"], [], ["-m", DEMO, "--image", "9by9"], ["-m", DEMO, "-ctk", "q9"], ["--unknown", "1"],
                  ["-m", DEMO, "-ctk", "f16", "-ctv", "f32"], ["-m", DEMO, "-t", "0"], ["-m", DEMO, "-o", "xml"]):
        _, said = run(*wrong, expected=2)
        check(said.startswith("facet-bench: "), "%s: %s" % (wrong, said))
    run("-m", os.path.join(ROOT, "no-such-model"), expected=1)
    run("-m", os.path.join(FIXTURES, "gguf", "tiny-26b-a4b-Q4_0.gguf"), "--audio", "1", "-t", "1", expected=1)


demo()
others()
outputs()
errors()
sys.exit(1 if failures else 0)
