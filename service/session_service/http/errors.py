"""Errors that become answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from session_service.database.errors import DatabaseError, Forbidden, StatementFailed, TimedOut, Unstorable

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


def no_room() -> ApiError:
    """503 where too many answers wait to be read."""
    detail = "Answers that are not read yet hold all the memory that answers may"
    return ApiError(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def after_change(error: ApiError) -> ApiError:
    """The same failure of a request whose change was made before it: only the answer is missing."""
    if error.status < 500 or not isinstance(error.detail, str):
        return error
    return ApiError(error.status, f"{error.detail}. The change was made: read the session to see it", error.headers)


def authentication_unavailable() -> ApiError:
    """503 where nobody can tell now whether a token is valid."""
    return ApiError(503, "Authentication is temporarily unavailable", {"Retry-After": str(RETRY_AFTER_SECONDS)})


def database_failure(error: DatabaseError, db_id: str) -> ApiError:
    """What a client is told when a database fails; the id is known to the client, the rest of the DSN is not.

    An outage is never an empty answer: 503 with `Retry-After`, or 504 where a statement ran out of time.
    """
    match error:
        case TimedOut():
            return ApiError(504, f"Database '{db_id}' did not answer in time")
        case Unstorable():
            return ApiError(422, f"Database '{db_id}' can't store this value (SQLSTATE {error.reason})")
        case StatementFailed():
            return ApiError(500, f"Database '{db_id}' refused the statement (SQLSTATE {error.reason})")
        case Forbidden() if error.reason != "ReadOnlyDatabase":  # until a person changes it; a replica may be promoted
            return ApiError(503, f"Database '{db_id}' is unavailable ({error.reason})")
    seconds = RETRY_AFTER_SECONDS if error.retry_after is None else max(1, math.ceil(error.retry_after))
    return ApiError(503, f"Database '{db_id}' is unavailable ({error.reason})", {"Retry-After": str(seconds)})
