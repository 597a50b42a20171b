#!/usr/bin/env python3
"""compare.py's short version without the peer, on a model of real shapes cut to a few layers. Needs numpy and gguf to make
it; where they are missing the test is skipped (77). No figure is judged."""
import importlib.util
import os
import subprocess
import sys
import tempfile

bench, root = sys.argv[1], sys.argv[2]
if any(importlib.util.find_spec(name) is None for name in ("numpy", "gguf")):
    print("numpy or gguf is missing")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    out = os.path.join(folder, "quick.md")
    subprocess.run([sys.executable, os.path.join(root, "bench", "compare", "compare.py"), "--quick", "--no-peer", "--rounds", "1",
                    "--facet-bench", bench, "--work", folder, "--out", out], check=True)
    with open(out, encoding="utf-8") as file:
        text = file.read()
wanted = ["read 512 tokens", "write 32 tokens behind 4096", "one pass over 8 rows", "start to ready", "peak memory"]
missing = [each for each in wanted if each not in text]
print(text, "missing:", missing)
sys.exit(1 if missing else 0)
