"""Previews of runs: who, when, the input and the result."""

from __future__ import annotations

from session_service.store.records import SessionOfRuns

from .json_text import read_string, write_object, write_string
from .plain_text import as_line
from .runs import Run

_PREVIEW_LENGTH = 280
_BEFORE = ("run_id", "parent_run_id", "agent_id", "team_id", "workflow_id", "user_id", "status")


PREVIEWED = frozenset({*_BEFORE, "run_input", "content", "created_at"})
"""The fields of a run that a preview needs."""


def run_preview(run: Run, session: SessionOfRuns, listed_as: str) -> bytes | None:
    """The preview of a run in a session that is listed as that type, without nulls; None if the list leaves it out.

    Input and content are cut to 280 characters.
    """
    shape = run.shape(session, listed_as)
    if shape is None:
        return None
    return write_object(
        [
            *((name, shape.get(name)) for name in _BEFORE),
            ("run_input", _cut(read_string(shape["run_input"]))),
            ("content_preview", _cut(as_line(shape["content"]))),
            ("created_at", shape["created_at"]),
        ]
    )


def _cut(text: str | None) -> bytes | None:
    return None if text is None else write_string(text[:_PREVIEW_LENGTH])
