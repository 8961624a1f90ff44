"""readme.py [CHART...]: write the table of values into the README of each chart, from the comments of its values.yaml.

A comment right above a key describes that key and all below it that has no comment of its own.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHARTS = [chart.parent for chart in sorted(Path(__file__).parent.glob("*/Chart.yaml"))]
TABLE = re.compile(r"(?<=<!-- values -->\n).*(?=<!-- /values -->)", re.DOTALL)
KEY = re.compile(r"( *)(\w+):")


def described(text: str) -> Iterator[tuple[str, Any, str]]:
    """Each key that has a comment: its path, its default and the comment."""
    values, path, comment = yaml.safe_load(text), [], []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.strip("# "))
            continue
        if key := KEY.match(line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if comment:
                default = functools.reduce(lambda below, name: below[name], path, values)
                yield ".".join(path), default, " ".join(comment)
        comment = []


def with_table(chart: Path) -> str:
    """The README of a chart with a table that is up to date."""
    lines = ["| value | default | meaning |", "| --- | --- | --- |"]
    for path, default, comment in described((chart / "values.yaml").read_text()):
        lines.append(
            f"| `{path}` | `{json.dumps(default, ensure_ascii=False)}` | {comment.replace('|', chr(92) + '|')} |"
        )
    return TABLE.sub(lambda _: "\n".join(lines) + "\n", (chart / "README.md").read_text())


if __name__ == "__main__":
    for chart in [Path(name) for name in sys.argv[1:]] or CHARTS:
        (chart / "README.md").write_text(with_table(chart))
