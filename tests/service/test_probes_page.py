"""docs/reference/probes.md knows every state and reason that the code does, and no other."""

import ast
import re
from pathlib import Path
from typing import get_args

from session_service.database.database import State

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/probes.md").read_text()
CODE = sorted((ROOT / "service/session_service/database").glob("*.py"))


def first_column(heading):
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_every_state_is_on_the_page():
    assert first_column("States") == list(get_args(State))


def test_every_reason_is_on_the_page():
    texts = {
        node.value
        for file in CODE
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    texts -= {name for file in CODE for name in re.findall(r'NewType\("(\w+)"', file.read_text())}
    reasons = {text for text in texts if re.fullmatch(r"(?:[A-Z][a-z]+)+", text)}
    assert sorted(first_column("Reasons")) == sorted(reasons)
