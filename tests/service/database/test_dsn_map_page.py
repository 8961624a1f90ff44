"""docs/reference/dsn-map.md: its example loads, and its table has every key and default that is read, and no other."""

import ast
import inspect
import json
import re
from pathlib import Path

from session_service.database import dsn_map
from session_service.database.dsn_map import DsnMap

PAGE = (Path(__file__).parents[3] / "docs/reference/dsn-map.md").read_text()


def read():
    """Each key that the code takes from an entry or from its pool, and what stands without it."""
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(dsn_map))) if isinstance(node, ast.Call))
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in {"_take", "_name"}:
            _, place, name, *kinds, default = call.args
            if isinstance(name, ast.Constant) and not (kinds and kinds[0].id == "dict"):
                # of `a or b`, the last is what stands without anything else
                last = default.values[-1] if isinstance(default, ast.BoolOp) else default
                yield ("pool." if place.id == "pool" else "") + name.value, last.value


def test_every_key_is_in_the_table_with_its_default():
    rows = re.findall(r"^\| `([^`]*)` \| ([^|]*) \|", PAGE, re.MULTILINE)
    shown = {name: None if default in ("required", "none") else default.strip("`") for name, default in rows}

    assert shown == {name: default and str(default) for name, default in read()}


def test_the_example_loads():
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]

    found = DsnMap.parse(example.replace("…", "word"), None)

    assert list(found.sources) == list(json.loads(example))
    assert [source.session_table for source in found.sources["archive"]] == ["agno_sessions", "sessions_2024"]
