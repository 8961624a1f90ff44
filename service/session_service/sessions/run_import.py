"""Runs that come with a new session: our extension of the create route, as the Go service had it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from session_service.sessions.errors import InvalidContent
from session_service.sessions.stored_json import stored_json


def imported_runs(runs: Sequence[Mapping[str, Any]]) -> str:
    """The runs as a JSON array to store. Raises InvalidContent unless each has a `run_id` of its own."""
    seen: set[str] = set()
    for run in runs:
        run_id = run.get("run_id")
        if not isinstance(run_id, str) or not run_id:
            raise InvalidContent("runs", "each run needs a run_id that is a text and not empty")
        if run_id in seen:
            raise InvalidContent("runs", "each run needs a run_id of its own")
        seen.add(run_id)
    return stored_json("runs", list(runs))
