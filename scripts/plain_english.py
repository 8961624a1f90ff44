"""Find the words that CONTRIBUTING.md rejects, in code, tests and documents; `make lint` runs this.

CONTRIBUTING.md holds both lists, between comments: the words, and the files that are not clean yet. A listed file that
has become clean is reported as well, so that nobody has to remember it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
LISTS = "CONTRIBUTING.md"
READ = re.compile(r"(?:\.(?:conf|css|html|md|py|sh|toml|tpl|ya?ml)|(?:^|/)(?:Makefile|Dockerfile[^/]*))$")
VENDORED = re.compile(r"/swagger-ui/")


def listed(page: str, name: str) -> list[str]:
    """The texts in backticks of the first column or item of each line between `<!-- name -->` and `<!-- /name -->`."""
    found = re.search(rf"<!-- {name} -->(.*?)<!-- /{name} -->", page, re.DOTALL)
    if found is None:
        raise SystemExit(f"{LISTS} has no list {name}")
    first = (re.match(r"[|-] (`[^|]*`)", line) for line in found[1].splitlines())
    return [text for line in first if line for text in re.findall(r"`([^`]+)`", line[1])]


def pattern(words: list[str]) -> re.Pattern[str]:
    """Any of these as whole words: with a capital exactly as written, else in either case; a line may end within."""

    def one(word: str) -> str:
        text = re.escape(word).replace(r"\ ", r"\s+(?:[#*]\s+)?")
        return f"(?i:{text})" if word == word.lower() else text

    return re.compile(rf"\b(?:{'|'.join(map(one, words))})\b")


def problems(texts: Mapping[str, str], words: list[str], waiting: list[str]) -> Iterator[str]:
    """What to mend, a line for each. `texts` are the files by their paths."""
    rejected = pattern(words)
    for path, text in texts.items():
        found = list(rejected.finditer(text))
        if path in waiting and not found:
            yield f"{path} is clean: take it off the list in {LISTS}"
        if path not in waiting:
            for match in found:
                line, word = text.count("\n", 0, match.start()) + 1, " ".join(match[0].split())
                yield f"{path}:{line}: {word!r}: {LISTS} says what to write instead"
    yield from (f"{path} does not exist: take it off the list in {LISTS}" for path in waiting if path not in texts)


def texts(page: str) -> dict[str, str]:
    """The files of the repository that people write, without the lists themselves."""
    command = ["git", "ls-files", "-z"]
    paths = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    written = [path for path in paths.split("\0") if READ.search(path) and not VENDORED.search(path)]
    found = {path: (ROOT / path).read_text() for path in written if (ROOT / path).exists()}
    return found | {LISTS: re.sub(r"<!-- (words|waiting) -->.*?<!-- /\1 -->", "", page, flags=re.DOTALL)}


if __name__ == "__main__":
    contributing = (ROOT / LISTS).read_text()
    lines = list(problems(texts(contributing), listed(contributing, "words"), listed(contributing, "waiting")))
    sys.exit("\n".join(lines) or None)
