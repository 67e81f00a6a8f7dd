"""Real rows for the token check: the same ones for the same repository and requirements.

    python texts.py <repository> <count> > rows.jsonl

From the projects in datasets/, Django's translations (one to four messages of a language as the turns of a conversation),
Python functions of the installed packages, and the paragraphs of README and licence files. A source that has more than its share is thinned by a
hash of each row's text.
"""

import ast
import hashlib
import json
import re
import sys
import warnings
from importlib import metadata
from itertools import zip_longest
from pathlib import Path

SEED = "gitune-parity-1"
SHARES = {"datasets": 0.4, "translations": 0.35, "functions": 0.15, "documents": 0.1}
PACKAGES = ["Django", "transformers", "peft", "accelerate", "numpy", "sympy", "torch"]
MAX_CHARS = 4000


def order(row: dict) -> str:
    return hashlib.sha256((SEED + json.dumps(row, sort_keys=True)).encode()).hexdigest()


def dataset_rows(root: Path) -> list:
    files = sorted((root / "datasets").glob("*/train/*.jsonl")) + sorted((root / "datasets").glob("*/validation.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [{"messages": row["messages"]} for row in rows]


def package_files(package: str, pattern: str) -> list:
    files = [file for file in metadata.files(package) or [] if re.search(pattern, str(file))]
    return [Path(file.locate()) for file in sorted(files, key=str)]


def unescape(text: str) -> str:
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\").replace("\\t", "\t")


def translations() -> list:
    """Of each language a list of conversations; then one of each in turn, so that all languages have a like share."""
    languages = {}
    entry = re.compile(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n)+)', re.MULTILINE)
    join = lambda lines: unescape("".join(line[1:-1] for line in lines.splitlines()))
    for file in package_files("Django", r"locale/[^/]+/LC_MESSAGES/django\.po$"):
        pairs = [(join(id), join(text)) for id, text in entry.findall(file.read_text(encoding="utf-8"))]
        pairs = [(id, text) for id, text in pairs if id and text and id != text]
        language = languages.setdefault(file.parts[-3], [])
        while pairs:
            turns, pairs = pairs[: 1 + len(language) % 4], pairs[1 + len(language) % 4 :]
            messages = [{"role": "system", "content": f"Translate to {file.parts[-3]}."}] if len(language) % 3 == 0 else []
            for id, text in turns:
                messages += [{"role": "user", "content": id}, {"role": "assistant", "content": text}]
            language.append({"messages": messages})
    by_turn = zip_longest(*(sorted(rows, key=order) for _, rows in sorted(languages.items())))
    return [row for turn in by_turn for row in turn if row]


def functions() -> list:
    rows = []
    for package in PACKAGES:
        for file in package_files(package, r"^[a-z].*\.py$")[::10]:
            source = file.read_text(encoding="utf-8", errors="replace")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    nodes = ast.parse(source).body
                except SyntaxError:  # templates and files for other versions of Python
                    continue
            lines = source.splitlines(keepends=True)
            found = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
            rows += [{"text": "".join(lines[node.lineno - 1 : node.end_lineno])} for node in found]
    return [row for row in rows if len(row["text"]) <= MAX_CHARS]


def documents(root: Path) -> list:
    files = [root / "README.md", *sorted((root / "docs").rglob("*.md")), *sorted((root / "packages").glob("*/*.md"))]
    for distribution in sorted(metadata.distributions(), key=lambda d: d.metadata["Name"].lower()):
        named = [file for file in distribution.files or [] if re.search(r"(?i)METADATA$|licen[cs]e|notice", str(file))]
        files += [Path(file.locate()) for file in sorted(named, key=str) if not str(file).endswith((".py", ".pyc"))]
    texts = {part for file in files for part in re.split(r"\n\s*\n", file.read_text(encoding="utf-8", errors="replace"))}
    return [{"text": text} for text in sorted(texts) if 40 <= len(text) <= MAX_CHARS]


def main(root: Path, count: int) -> None:
    sources = {
        "datasets": sorted(dataset_rows(root), key=order),
        "translations": translations(),
        "functions": sorted(functions(), key=order),
        "documents": sorted(documents(root), key=order),
    }
    for name, rows in sources.items():
        share = round(count * SHARES[name])
        if len(rows) < share:
            sys.exit(f"{name}: {len(rows)} rows, {share} are needed")
        for row in rows[:share]:
            print(json.dumps({"source": name, **row}, ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
