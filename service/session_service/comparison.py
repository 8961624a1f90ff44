"""Where the answers of two servers of the session API differ; pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl

_LONGEST = 80
_SIDES = ("reference", "candidate")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and the body: JSON, or text where it is none."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Found:
    """What two answers differ in, a line each; `tied`: rows with equal sort keys come in another order."""

    lines: tuple[str, ...] = ()
    tied: bool = False


def compare(query: str, reference: Answer, candidate: Answer) -> Found:
    """Compare the answers to one request with this query."""
    if reference.status != candidate.status:
        return Found((f"status: {reference.status} and {candidate.status}",))
    bodies = (_timeless(reference.body), _timeless(candidate.body))
    if not all(_is_page(body) for body in bodies):
        return Found(tuple(_differences(*bodies, "")))
    key = dict(parse_qsl(query)).get("sort_by", "created_at")
    rows = _rows(bodies[0]["data"], bodies[1]["data"], key, _open_ends(bodies[0]["meta"]))
    without_rows = [{name: value for name, value in body.items() if name != "data"} for body in bodies]
    return Found((*rows.lines, *_differences(without_rows[0], without_rows[1], "")), rows.tied)


def _open_ends(meta: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether there are rows before a page, and after it."""
    page = meta.get("page", 1)
    return page > 1, page < meta.get("total_pages", 1)


def _rows(reference: list[Any], candidate: list[Any], key: str, open_ends: tuple[bool, bool]) -> Found:
    """Compare two pages. Rows with equal sort keys are compared by id.

    Those at an open end may have others like them on the next page, so there the two pages need not have the same.
    """
    orders = [[row.get(key) or row.get("created_at") for row in rows] for rows in (reference, candidate)]
    if orders[0] != orders[1]:
        return Found(tuple(_by_id(reference, candidate)) or ("/data: the same rows in another order",))
    lines: list[str] = []
    tied, begin = False, 0
    for _, equal in groupby(orders[0]):
        end = begin + len(list(equal))
        pair = (reference[begin:end], candidate[begin:end])
        ids = [[row["session_id"] for row in rows] for rows in pair]
        is_open = (begin == 0 and open_ends[0]) or (end == len(reference) and open_ends[1])
        if ids[0] != ids[1] and (is_open or len(ids[0]) > 1):
            tied = True
            pair = _shared(*pair) if is_open else pair
        lines += _by_id(*pair)
        begin = end
    return Found(tuple(lines), tied)


def _shared(reference: list[Any], candidate: list[Any]) -> tuple[list[Any], list[Any]]:
    """The rows that are on both pages."""
    ids = {row["session_id"] for row in reference} & {row["session_id"] for row in candidate}
    return [row for row in reference if row["session_id"] in ids], [r for r in candidate if r["session_id"] in ids]


def _by_id(reference: list[Any], candidate: list[Any]) -> Iterator[str]:
    first, second = ({row["session_id"]: row for row in rows} for rows in (reference, candidate))
    yield from _differences(first, second, "/data")


def _differences(reference: Any, candidate: Any, place: str) -> Iterator[str]:
    """Where two values differ, by JSON pointer; the order of members does not count."""
    if isinstance(reference, dict) and isinstance(candidate, dict):
        for name in sorted(reference.keys() | candidate.keys()):
            below = f"{place}/{name}"
            sides = [name in reference, name in candidate]
            if all(sides):
                yield from _differences(reference[name], candidate[name], below)
            else:
                yield f"{below}: only in the {_SIDES[sides.index(True)]}"
    elif isinstance(reference, list) and isinstance(candidate, list) and len(reference) == len(candidate):
        for number, pair in enumerate(zip(reference, candidate, strict=True)):
            yield from _differences(*pair, f"{place}/{number}")
    elif reference != candidate or type(reference) is not type(candidate):
        yield f"{place or '/'}: {_short(reference)} and {_short(candidate)}"


def _is_page(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("data"), list) and "meta" in body


def _timeless(body: Any) -> Any:
    """The body without the time that a search took."""
    meta = body.get("meta") if isinstance(body, dict) else None
    if not isinstance(meta, dict):
        return body
    return body | {"meta": {name: value for name, value in meta.items() if name != "search_time_ms"}}


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}…"
