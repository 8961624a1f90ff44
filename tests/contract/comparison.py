"""What two answers have to have in common, and how far they may differ: ids and clock values."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def kind(value: Any) -> Any:
    """What stands in place of a value that depends on the clock or on chance."""
    if isinstance(value, str) and TIMESTAMP.fullmatch(value):
        return "<timestamp>"
    if isinstance(value, str) and UUID.fullmatch(value):
        return "<uuid>"
    return f"<{type(value).__name__}>"


def without(body: Any, pointers: list[str]) -> Any:
    """The body with the values at these JSON pointers replaced by their kind."""
    body = json.loads(json.dumps(body))
    for pointer in pointers:
        *parents, last = [int(key) if key.isdigit() else key for key in pointer.split("/")[1:]]
        place = body
        try:
            for key in parents:
                place = place[key]
            place[last] = kind(place[last])
        except (KeyError, IndexError, TypeError):
            continue  # an absent value is reported by the comparison
    return body


def differences(expected: Any, actual: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values differ, by pointer: in type, value, or the order of keys."""
    if type(expected) is not type(actual):
        yield f"{where or '/'}: expected {expected!r}, got {actual!r}"
    elif isinstance(expected, dict):
        if list(expected) != list(actual):
            yield f"{where or '/'}: expected the keys {list(expected)}, got {list(actual)}"
        for key in expected.keys() & actual.keys():
            yield from differences(expected[key], actual[key], f"{where}/{key}")
    elif isinstance(expected, list):
        if len(expected) != len(actual):
            yield f"{where or '/'}: expected {len(expected)} items, got {len(actual)}"
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(one, other, f"{where}/{index}")
    elif json.dumps(expected) != json.dumps(actual):
        yield f"{where or '/'}: expected {expected!r}, got {actual!r}"


Rows = list[dict[str, Any]]


def page_differences(expected: Rows, actual: Rows, keys: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    """Where two pages of a list differ, when rows with equal sort keys may come in any order.

    `keys` gives each session's sort key. A tie at the edge of a page that is not the `whole` list may be cut
    differently, and then shows other rows.
    """
    wanted, got = ({row["session_id"]: row for row in rows} for rows in (expected, actual))
    order = [keys[session_id] for session_id in wanted]
    yield from differences(order, [keys.get(session_id) for session_id in got], "/data sorted by")
    edges = [] if whole or not order else [order[0], order[-1]]
    for session_id in wanted.keys() ^ got.keys():
        if keys[session_id] not in edges:
            yield f"/data: {session_id!r} is in one page only"
    for session_id in wanted.keys() & got.keys():
        yield from differences(wanted[session_id], got[session_id], f"/data/{session_id}")
