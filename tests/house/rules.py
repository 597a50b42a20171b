#!/usr/bin/env python3
"""Checks the dependency rule, file sizes and words of CONTRIBUTING.md over the source tree.

rules.py ROOT         exit 1 and one line for every break
rules.py --self-test  plants breaks in a scratch tree and expects each to be found
"""
import os
import re
import sys
import tempfile

# folder -> prefixes that its quoted includes may begin with (besides files of the same folder)
ALLOWED = {
    "engine/base": ["facet/"],
    "engine/machine": ["facet/", "machine/"],
    "engine/kernels": ["facet/", "kernels/"],
    "engine/load": ["facet/", "kernels/", "load/"],
    "engine/text": ["facet/", "text/"],
    "engine/sample": ["facet/", "sample/"],
    "engine/grammar": ["facet/", "text/tokenizer.h", "grammar/"],
    "engine/model": ["facet/", "kernels/", "load/", "model/"],
    "engine/run": ["facet/", "kernels/", "load/", "model/", "text/", "sample/", "grammar/", "run/"],
    "media/prepare": ["facet/", "prepare/"],
    "media/decode": ["facet/", "decode/"],
    "media/capture": ["facet/", "capture/"],
    "app/tasks": ["facet/", "tasks/"],
    "app/host": ["facet/", "host/", "tasks/"],
    "app/cli": ["facet/", "host/", "tasks/", "cli/"],
    "app/store": ["facet/answer.h", "facet/result.h", "store/", "chat/types.h"],
    "app/tools": ["facet/answer.h", "facet/result.h", "tools/", "chat/types.h"],
    "app/client": ["facet/answer.h", "facet/output_parser.h", "facet/result.h", "client/", "chat/types.h", "store/"],
    "app/chat": ["facet/answer.h", "facet/result.h", "facet/version.h", "chat/", "client/", "store/", "tools/"],
    "app/desktop": ["chat/", "client/", "store/", "tools/", "ui/", "capture/", "facet/version.h", "facet/result.h"],
    "ui": ["ui/", "chat/types.h", "chat/chat_controller.h", "facet/answer.h", "facet/version.h"],
}
# third-party headers -> folders that may include them
THIRD = [
    (r"lib(av|sw)\w+/", ["media/decode"]),
    (r"httplib\.h", ["app/host"]),
    (r"CLI/", ["app/cli"]),
    (r"openssl/", ["media/decode"]),
    (r"md4c", ["ui/markdown"]),
    (r"(QAudio|QMedia|QtMultimedia)", ["media/capture"]),
    (r"(QSql|QtSql)", ["app/store"]),
    (r"(QNetwork|QTcp|QHttp|QtNetwork)", ["app/client"]),
    (r"(Q[A-Z]\w+|Qt\w+/.*)$", ["app/client", "app/store", "app/tools", "app/chat", "app/desktop", "ui", "media/capture"]),
]
MAX_LINES = 800
WORDS = re.compile(r"/work/|/root/|\.library|\bCEO\b|sub-?agent|claude|anthropic", re.I)
WORDS_ALLOWED = re.compile(r"/v1/messages|anthropic-version", re.I)


# Folders whose sentences reach the user through the window: in tr(), or in forModel() if the model reads them.
TRANSLATED = ("app/store/", "app/tools/", "app/chat/", "app/client/", "ui/")
NOT_TRANSLATED = {
    "app/chat/fake_engine.cpp",    # a tool of developers
    "app/tools/expression.cpp",    # results of a tool, read by the model
}
LITERALS = re.compile(r'(\w*)\(?\s*((?:"(?:[^"\\\n]|\\.)*"\s*)+)')
SENTENCE = re.compile(r"[A-Z][a-z]+,? \S+ \S+ .*[.!?:;]\s*$")
SQL = re.compile(r"(SELECT|UPDATE|CREATE|INSERT|DELETE|ALTER|PRAGMA|VACUUM) ")


def untranslated(path, text):
    if not path.startswith(TRANSLATED) or path in NOT_TRANSLATED:
        return []
    bad = []
    for m in LITERALS.finditer(text):
        words = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', m.group(2)))
        inside = m.group(1) in ("tr", "forModel", "Q_LOGGING_CATEGORY", "QT_TRANSLATE_NOOP")
        inside = inside or re.search(r'(translate\(\s*"\w+",|\bqC?(Debug|Info|Warning|Critical)\([^;]*)\s*$', text[:m.start(2)])
        if SENTENCE.match(words) and not SQL.match(words) and not inside:
            number = text.count("\n", 0, m.start(2)) + 1
            bad.append(f"{path}:{number}: a sentence outside of tr() or forModel(): {words[:50]}")
    return bad


def folder_rule(path):
    parts = path.split("/")
    for n in (2, 1):
        key = "/".join(parts[:n])
        if key in ALLOWED:
            return key
    return None


def check(root):
    bad = []
    tops = ["engine", "media", "app", "ui", "tests", "bench"]
    for top in tops:
        for base, dirs, names in os.walk(os.path.join(root, top)):
            dirs[:] = [d for d in dirs if d not in ("fixtures", "corpus")]
            for name in names:
                full = os.path.join(base, name)
                path = os.path.relpath(full, root)
                if not name.endswith((".h", ".cpp", ".in")):
                    continue
                with open(full, encoding="utf-8") as file:
                    lines = file.read().split("\n")
                if len(lines) > MAX_LINES and "generated table" not in "\n".join(lines[:5]):
                    bad.append(f"{path}: {len(lines)} lines, more than {MAX_LINES}")
                for number, line in enumerate(lines, 1):
                    if WORDS.search(line) and not WORDS_ALLOWED.search(line):
                        bad.append(f"{path}:{number}: a word that does not belong here: {line.strip()[:60]}")
                if top in ("tests", "bench"):
                    continue
                bad += includes(path, lines, root)
                if name.endswith((".cpp", ".h")):
                    code = "\n".join("" if line.lstrip().startswith(("//", "#include")) else line for line in lines)
                    bad += untranslated(path, code)
    return bad + recipe(root)


def recipe(root):
    """The demo model's recipe: no words that do not belong here, every file of it named in its README."""
    bad, folder = [], os.path.join(root, "resources", "demo-model", "training")
    if not os.path.isdir(folder):
        return bad
    readme = os.path.join(folder, "README.md")
    with open(readme, encoding="utf-8") as file:
        guide = file.read()
    for name in sorted(os.listdir(folder)):
        if not name.endswith((".py", ".cpp", ".md", ".txt")):
            continue
        path = os.path.join("resources", "demo-model", "training", name)
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            lines = file.read().split("\n")
        for number, line in enumerate(lines, 1):
            if WORDS.search(line):
                bad.append(f"{path}:{number}: a word that does not belong here: {line.strip()[:60]}")
        if name.endswith((".py", ".cpp")) and name not in guide:
            bad.append(f"{path}: not in the README of its folder")
    return bad


def includes(path, lines, root):
    bad = []
    rule = folder_rule(path)
    public = path.startswith(("engine/include", "media/include"))
    for number, line in enumerate(lines, 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        target = m.group(2)
        for pattern, folders in THIRD:
            if re.match(pattern, target) and m.group(1) == "<":
                if not any(path.startswith(f + "/") for f in folders):
                    bad.append(f"{path}:{number}: <{target}> belongs to {', '.join(folders)}")
                break
        if m.group(1) != '"':
            continue
        if public:
            if not target.startswith("facet/"):
                bad.append(f"{path}:{number}: a public header may include public headers only, not \"{target}\"")
            continue
        if rule is None:
            bad.append(f"{path}: this folder has no line in tests/house/rules.py")
            break
        same = os.path.exists(os.path.join(root, os.path.dirname(path), target)) and "/" not in target
        moc = target.endswith(".moc")
        if not same and not moc and not any(target.startswith(p) for p in ALLOWED[rule]):
            bad.append(f"{path}:{number}: {rule} may not include \"{target}\"")
        if rule.startswith("engine/") and target.startswith("facet/media/"):
            bad.append(f"{path}:{number}: the engine knows no media code")
    return bad


def self_test():
    plants = {
        "engine/kernels/a.cpp": '#include "model/text_model.h"\n',
        "engine/run/b.cpp": "#include <QString>\n",
        "ui/c.cpp": '#include "model/text_model.h"\n',
        "media/prepare/d.cpp": "#include <libavcodec/avcodec.h>\n",
        "app/chat/e.cpp": "#include <QSqlQuery>\n",
        "engine/include/facet/f.h": '#include "kernels/ops.h"\n',
        "engine/text/g.cpp": "\n" * (MAX_LINES + 5),
        "engine/load/h.cpp": "// see /work/" + "x\n",
        "app/store/j.cpp": 'Error e{Code::X, "The disk is full and nothing was saved."};\n',
        "app/chat/k.cpp": 'emit problem(QStringLiteral("The engine is not there "\n    "any more."));\n',
        "engine/newfolder/i.cpp": '#include "facet/engine.h"\n',
        "resources/demo-model/training/README.md": "# nothing\n",
        "resources/demo-model/training/l.py": "pass\n",
        "resources/demo-model/training/m.py": "# m.py: see /root/" + "x\n",
    }
    with tempfile.TemporaryDirectory() as root:
        for path, text in plants.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        found = check(root)
        missed = [p for p in plants if not p.endswith(".md") and not any(b.startswith(p) for b in found)]
    for path in missed:
        print(f"not caught: {path}")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    problems = check(sys.argv[1])
    print("\n".join(problems) or "all rules kept")
    sys.exit(1 if problems else 0)
