"""Runs that come with a new session: our extension of the create route, as the Go service had it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from session_service.sessions.errors import InvalidContent
from session_service.sessions.long_json import LongJson
from session_service.sessions.stored_json import cleaned_text, stored_json
from session_service.store.text import JsonText

_ID = frozenset({"run_id"})


def imported_runs(runs: Sequence[Mapping[str, Any]] | LongJson) -> JsonText:
    """The runs as a JSON array to store. Raises InvalidContent unless each has a `run_id` of its own when stored."""
    if isinstance(runs, LongJson):
        return b"".join([*_pieces(runs), b"]"])
    seen: set[str] = set()
    for run in runs:
        _look_at_id(run.get("run_id"), seen)
    return stored_json("runs", list(runs))


def _pieces(runs: LongJson) -> Iterator[bytes]:
    """The array run by run, without its end."""
    seen: set[str] = set()
    yield b"["
    comma = b""
    for long in runs.items():
        run = long.value()
        if isinstance(run, LongJson):
            given = run.members(_ID).values.get("run_id")
            _look_at_id(given.decoded() if given and given.first == b'"' else None, seen)
        else:
            _look_at_id(run.get("run_id"), seen)
        text = stored_json("runs", run)
        yield comma
        yield text.encode() if isinstance(text, str) else text
        comma = b","


def _look_at_id(given: object, seen: set[str]) -> None:
    run_id = cleaned_text(given) if isinstance(given, str) else ""
    if not run_id:
        raise InvalidContent("runs", "each run needs a run_id that is a text and not empty")
    if run_id in seen:
        raise InvalidContent("runs", "each run needs a run_id of its own")
    seen.add(run_id)
