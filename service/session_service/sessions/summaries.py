"""A session's summary: as a detail shows it, and as a patch stores it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from session_service.store.text import JsonText

from .errors import InvalidSummary
from .json_text import read_object, read_string, some_object, write_object, write_string
from .long_json import LongJson
from .stored_json import stored_json, stored_object
from .timestamps import iso

_KEYS = ("summary", "topics", "updated_at")


def shown_summary(stored: bytes | None) -> bytes | None:
    """The known members in their order, the date reformatted; None if there are none."""
    members = read_object(stored)
    updated_at = read_string(members.get("updated_at"))
    date = iso(updated_at) if updated_at else None
    return some_object(
        write_object(
            [("summary", members.get("summary")), ("topics", members.get("topics")), ("updated_at", write_string(date))]
        )
    )


def stored_summary(given: Mapping[str, Any] | LongJson) -> JsonText:
    """A summary out of a request, as JSON to store: nulls left out, the date reformatted.

    Raises InvalidSummary for an unknown key, a missing `summary`, or an `updated_at` that is no ISO 8601 date.
    """
    unknown = False
    if isinstance(given, LongJson):
        found = given.members(frozenset(_KEYS))
        unknown = found.unknown
        given = {name: value.value() for name, value in found.values.items()}
    if unknown or not given.keys() <= set(_KEYS):
        raise InvalidSummary("summary", "allowed keys are summary, topics and updated_at")
    if "summary" not in given:
        raise InvalidSummary("summary", "the key summary is required")
    date = given.get("updated_at") or None
    if date is not None:
        date = iso(date) if isinstance(date, str) else None
        if date is None:
            raise InvalidSummary("summary", "updated_at must be an ISO 8601 date")
    summary = {"summary": given["summary"], "topics": given.get("topics"), "updated_at": date}
    return stored_object((name, stored_json("summary", value)) for name, value in summary.items() if value is not None)
