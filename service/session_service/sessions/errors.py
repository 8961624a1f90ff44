"""Errors in the content of a session that a client sends."""

from __future__ import annotations


class InvalidContent(Exception):
    """A value that Postgres can't hold or AgentOS could not read back. The message never repeats the value."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class InvalidIdentifier(InvalidContent):
    """An id that Postgres can't hold as text."""


class InvalidSummary(InvalidContent):
    """A session summary of another form than `{"summary": any, "topics": any, "updated_at": ISO 8601}`."""
