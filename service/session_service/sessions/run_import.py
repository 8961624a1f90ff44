"""Runs that come with a new session: our extension of the create route, as the Go service had it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from session_service.sessions.errors import InvalidContent
from session_service.sessions.stored_json import cleaned_text, stored_json


def imported_runs(runs: Sequence[Mapping[str, Any]]) -> str:
    """The runs as a JSON array to store. Raises InvalidContent unless each has a `run_id` of its own when stored."""
    seen: set[str] = set()
    for run in runs:
        given = run.get("run_id")
        run_id = cleaned_text(given) if isinstance(given, str) else ""
        if not run_id:
            raise InvalidContent("runs", "each run needs a run_id that is a text and not empty")
        if run_id in seen:
            raise InvalidContent("runs", "each run needs a run_id of its own")
        seen.add(run_id)
    return stored_json("runs", list(runs))
