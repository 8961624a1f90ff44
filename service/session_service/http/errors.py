"""Errors that become answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from session_service.database.errors import (
    DatabaseError,
    LayoutChanged,
    Refused,
    StatementFailed,
    TimedOut,
    Unavailable,
)

RETRY_AFTER_SECONDS = 5


class ApiError(Exception):
    """An answer other than success: `{"detail": detail}` under an HTTP status."""

    def __init__(
        self, status: int, detail: str | list[dict[str, Any]], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def not_found(session_id: str) -> ApiError:
    """404 of a single session."""
    return ApiError(404, f"Session with id '{session_id}' not found")


def database_failure(error: DatabaseError, db_id: str) -> ApiError:
    """What a client is told when a database fails; the id is known to the client, the rest of the DSN is not.

    An outage is never an empty answer: 503 with `Retry-After`, or 504 where a statement ran out of time.
    """
    match error:
        case Unavailable() | Refused() | LayoutChanged():
            detail = f"Database '{db_id}' is unavailable ({error.reason})"
            return ApiError(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})
        case TimedOut():
            return ApiError(504, f"Database '{db_id}' did not answer in time")
        case StatementFailed() if error.reason[:2] == "22":
            return ApiError(422, f"Database '{db_id}' can't store this value (SQLSTATE {error.reason})")
    return ApiError(500, f"Database '{db_id}' refused the statement (SQLSTATE {error.reason})")
