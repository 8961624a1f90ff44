"""Errors, and the answers that clients get for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from session_service.database.errors import DatabaseError, Forbidden, StatementFailed, TimedOut, Unstorable

RETRY_AFTER_SECONDS = 5


class ApiError(Exception):
    """An error answer: `{"detail": detail}` with an HTTP status."""

    def __init__(
        self, status: int, detail: str | list[dict[str, Any]], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def not_found(session_id: str) -> ApiError:
    """404 for a single session."""
    return ApiError(404, f"Session with id '{session_id}' not found")


def no_room() -> ApiError:
    """503 when the answers that clients have not read yet use up the budget."""
    detail = "Answers that are not read yet hold all the memory that answers may"
    return ApiError(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def after_change(error: ApiError) -> ApiError:
    """The same failure after the change of the request was made: only the answer is missing."""
    if error.status < 500 or not isinstance(error.detail, str):
        return error
    return ApiError(error.status, f"{error.detail}. The change was made: read the session to see it", error.headers)


def authentication_unavailable() -> ApiError:
    """503 when the service cannot decide whether a token is valid."""
    return ApiError(503, "Authentication is temporarily unavailable", {"Retry-After": str(RETRY_AFTER_SECONDS)})


def database_failure(error: DatabaseError, db_id: str) -> ApiError:
    """The answer when a database fails. It names the id, which the client knows, and nothing else of the DSN.

    An outage never looks like an empty answer: it is 503 with `Retry-After`, or 504 if a statement timed out.
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
