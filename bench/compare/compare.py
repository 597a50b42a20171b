#!/usr/bin/env python3
"""Facet and llama.cpp side by side: same files, same threads, runs in turn; writes bench/results.md and a plot.

  bench/compare/compare.py               everything (about an hour; needs 8 GB of disk and a C++ compiler for the peer)
  bench/compare/compare.py --large       what takes long or much memory: 16 384 tokens, 1120 soft tokens, 30 s of sound, 26B-A4B
                                         (an hour more, 14 GB of disk, 20 GB of memory)
  bench/compare/compare.py --quick       cut models, two minutes once the peer is built
  bench/compare/compare.py --no-peer     only Facet

The peer is llama-cpp-python from PyPI, built for this machine in a virtual environment below build/ (or --peer-venv PATH:
one that has it). Models of real shapes with random weights are made by make_model.py. One measurement a run, the two
programs in turn (A B, B A, ..); medians, and the spread of the runs beside them.
"""
import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONFIGS = os.path.join(ROOT, "tests", "fixtures", "real-configs")
sys.path.insert(0, HERE)
import results  # noqa: E402

# Group of tests that share a run: (title, model, flags of both programs, flags of Facet alone)
FULL = [
    ("E2B Q4_0", "e2b-q4_0", ["-p", "128"], []),
    ("E2B Q4_0", "e2b-q4_0", ["-p", "512"], []),
    ("E2B Q4_0", "e2b-q4_0", ["-p", "2048"], []),
    ("E2B Q4_0", "e2b-q4_0", ["-n", "16"], []),
    ("E2B Q4_0", "e2b-q4_0", ["-n", "16", "-d", "4096"], []),
    ("E2B Q4_0", "e2b-q4_0", ["--verify", "1,2,4,8"], []),
    ("E2B Q4_0", "e2b-q4_0", ["--load"], []),
    ("E2B Q4_0, q8_0 cache", "e2b-q4_0", ["-n", "16", "-d", "4096", "-ctk", "q8_0"], []),
    ("E2B Q4_K_M", "e2b-q4_k_m", ["-p", "128", "-n", "16"], []),
    ("E2B Q8_0", "e2b-q8_0", ["-p", "128", "-n", "16"], []),
    ("E2B pictures, F16 projector", "e2b-q4_0", ["--image", "960x672", "--budget", "280"], []),
    ("E2B pictures, F16 projector", "e2b-q4_0", ["--image", "480x336", "--budget", "70"], []),
    ("E2B sound, F16 projector", "e2b-q4_0", ["--audio", "10"], []),
    ("E4B Q4_0", "e4b-q4_0", ["-p", "128", "-n", "8"], []),
]
LARGE = [
    ("E2B pictures, F16 projector", "e2b-q4_0", ["--image", "1920x1344", "--budget", "1120"], []),
    ("E2B sound, F16 projector", "e2b-q4_0", ["--audio", "30"], []),
    ("26B-A4B Q4_0", "26b-a4b-q4_0", ["-p", "128", "-n", "8"], []),
    ("E2B Q4_0", "e2b-q4_0", ["-n", "8", "-d", "16384"], []),
    ("E2B Q4_0", "e2b-q4_0", ["-n", "8", "-d", "32768"], []),
]
QUICK = [
    ("E2B cut to 7 layers, Q4_0", "cut-e2b-q4_0", ["-p", "128,512", "-n", "32"], []),
    ("E2B cut to 7 layers, Q4_0", "cut-e2b-q4_0", ["-n", "32", "-d", "4096"], []),
    ("E2B cut to 7 layers, Q4_0", "cut-e2b-q4_0", ["--verify", "1,2,4,8"], []),
    ("E2B cut to 7 layers, Q4_0", "cut-e2b-q4_0", ["--load"], []),
]
# name: (kind, configuration, further arguments of make_model.py)
MODELS = {
    "e2b-q4_0": ("text", "E2B", ["--type", "Q4_0"]),
    "e2b-q4_k_m": ("text", "E2B", ["--type", "Q4_K_M"]),
    "e2b-q8_0": ("text", "E2B", ["--type", "Q8_0"]),
    "e4b-q4_0": ("text", "E4B", ["--type", "Q4_0"]),
    "26b-a4b-q4_0": ("text", "26B-A4B", ["--type", "Q4_0"]),
    "e2b-mmproj-f16": ("mmproj", "E2B", ["--type", "F16"]),
    "cut-e2b-q4_0": ("text", "E2B", ["--type", "Q4_0", "--layers", "7", "--vocab", "8192"]),
}


def say(text):
    print("compare: " + text, flush=True)


def lines_of(command, log):
    """The JSON lines that a program prints; its other words go to the log."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    log.write("$ %s\n%s%s\n" % (" ".join(command), result.stdout, result.stderr))
    log.flush()
    if result.returncode:
        say("failed (%d): %s: %s" % (result.returncode, " ".join(command), result.stderr.strip()[-300:]))
        return []
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


class Peer:
    def __init__(self, options):
        self.folder = options.peer_venv or os.path.join(options.work, "peer")
        self.python = os.path.join(self.folder, "bin", "python")
        if not self.works():
            self.install()
        self.version = self.ask("import llama_cpp; print(llama_cpp.__version__)")
        self.system = self.ask("import llama_cpp; print(llama_cpp.llama_print_system_info().decode())")

    def ask(self, code):
        return subprocess.run([self.python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False).stdout.strip()

    def works(self):
        return os.path.exists(self.python) and self.ask("import llama_cpp, numpy, gguf; print('yes')") == "yes"

    def install(self):
        say("building the peer in %s (once; tens of minutes)" % self.folder)
        if not os.path.exists(self.python):
            venv.create(self.folder, with_pip=True)
        environment = dict(os.environ, CMAKE_ARGS="-DGGML_NATIVE=ON -DCMAKE_BUILD_TYPE=Release")
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", "--no-binary", "llama-cpp-python", "llama-cpp-python",
                        "numpy", "gguf"], check=True, env=environment)


def python_with_gguf(options, peer):
    """A Python that can make models."""
    candidates = [sys.executable] + ([peer.python] if peer else [os.path.join(options.work, "tools", "bin", "python")])
    for python in candidates:
        if os.path.exists(python) and not subprocess.run([python, "-c", "import numpy, gguf"], stderr=subprocess.DEVNULL,
                                                         check=False).returncode:
            return python
    folder = os.path.join(options.work, "tools")
    venv.create(folder, with_pip=True)
    python = os.path.join(folder, "bin", "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy", "gguf"], check=True)
    return python


def model_file(options, peer, name):
    # Not beside the models: Facet would load the towers with them, and the peer would not.
    path = os.path.join(options.models, "towers" if MODELS[name][0] == "mmproj" else "", name + ".gguf")
    if not os.path.exists(path):
        kind, config, more = MODELS[name]
        say("making %s" % path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run([python_with_gguf(options, peer), os.path.join(HERE, "make_model.py"), kind, os.path.join(CONFIGS, config, "config.json"), "-o",
                        path + ".part"] + more, check=True)
        os.replace(path + ".part", path)
    return path


def only(flags, option):
    return flags[flags.index(option) + 1] if option in flags else None


def measure(options, group, files, peer, log, found, keep):
    """{test: {"facet": [result, ..], "peer": [..]}} of one group, the programs in turn; kept after each run."""
    _, name, flags, own = group
    model = files[name]
    media = []
    if "--image" in flags or "--audio" in flags:
        media = ["--mmproj", files["e2b-mmproj-f16"]]
    common = ["-m", model, "-t", str(options.threads), "-r", "1"] + media + flags
    wrapper = options.wrapper.split() if options.wrapper else []
    cache = ["-ctv", only(flags, "-ctk")] if only(flags, "-ctk") else []
    commands = {"facet": wrapper + [options.facet_bench, "-o", "jsonl"] + common + cache + own}
    if peer:
        commands["peer"] = wrapper + [peer.python, os.path.join(HERE, "peer_bench.py")] + common
    found.clear()
    for turn in range(options.rounds):
        order = list(commands) if turn % 2 == 0 else list(reversed(commands))
        for who in order:
            for line in lines_of(commands[who], log):
                found.setdefault(line["test"], {}).setdefault(who, []).append(line)
            keep()


def warm(path):
    """Both find the file in the page cache."""
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass


def machine():
    name = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    flags = open("/proc/cpuinfo", encoding="utf-8").read().split("flags", 1)[-1].split("\n", 1)[0].split()
    wanted = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8") if flag in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return "%s, %d cores, %.0f GiB, %s" % (name, os.cpu_count(), memory, " ".join(wanted) or "no AVX2")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facet-bench", default=os.path.join(ROOT, "build", "release", "bin", "facet-bench"))
    parser.add_argument("--peer-venv", help="a virtual environment that has llama-cpp-python, numpy and gguf")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "bench"), help="models, peer, log")
    parser.add_argument("--models", help="folder of the models (WORK/models)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="groups whose title and flags match this regular expression")
    parser.add_argument("--wrapper", help="command put before every measured program (taskset, chrt, ..)")
    parser.add_argument("--out", help="results.md (bench/results.md; with --quick WORK/quick.md)")
    parser.add_argument("--remark", default="", help="a sentence about this machine or these runs, for the top of the results")
    parser.add_argument("--keep", action="store_true", help="go on with what an earlier run of today measured")
    options = parser.parse_args()
    options.models = options.models or os.path.join(options.work, "models")
    os.makedirs(options.work, exist_ok=True)
    if not os.path.exists(options.facet_bench):
        sys.exit("compare: %s is missing: cmake --preset release && cmake --build --preset release --target facet-bench"
                 % options.facet_bench)
    peer = None if options.no_peer else Peer(options)
    groups = [group for group in (QUICK if options.quick else LARGE if options.large else FULL)
              if not options.only or re.search(options.only, group[0] + " " + " ".join(group[2]))]
    names = {group[1] for group in groups}
    if any("--image" in group[2] or "--audio" in group[2] for group in groups):
        names.add("e2b-mmproj-f16")
    files = {name: model_file(options, peer, name) for name in sorted(names)}

    version = subprocess.run(["git", "-C", os.path.dirname(options.facet_bench), "rev-parse", "--short", "HEAD"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()
    about = {"machine": machine(), "date": datetime.date.today().isoformat(), "facet": version,
             "peer": "llama-cpp-python %s (%s)" % (peer.version, peer.system.rstrip(" |")) if peer else "",
             "threads": options.threads, "rounds": options.rounds, "remark": options.remark}
    kept = os.path.join(options.work, "quick.json" if options.quick else "results.json")
    tables = {}
    if options.keep and os.path.exists(kept):
        with open(kept, encoding="utf-8") as file:
            tables = json.load(file)["tables"]

    def save(title, found):
        tables.setdefault(title, {}).update(found)
        with open(kept, "w", encoding="utf-8") as file:
            json.dump({"about": about, "tables": tables}, file)

    with open(os.path.join(options.work, "log.txt"), "a", encoding="utf-8") as log:
        for group in groups:
            say("%s: %s" % (group[0], " ".join(group[2])))
            warm(files[group[1]])
            found = {}
            measure(options, group, files, peer, log, found, lambda: save(group[0], found))
    out = options.out or (os.path.join(options.work, "quick.md") if options.quick else os.path.join(ROOT, "bench", "results.md"))
    results.write(out, about, tables)
    say("wrote " + out)


if __name__ == "__main__":
    main()
