"""What the API server says when it refuses."""

from __future__ import annotations

import json

_LONGEST = 4096
"""Characters of a message: the server quotes what it refuses, however long."""


class ApiError(Exception):
    """The API server refused: HTTP status, its reason and its message; for how many seconds to leave it alone."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0) -> None:
        message = message[:_LONGEST]
        super().__init__(f"{status} {reason}: {message}")
        self.retry_after = retry_after
        self.status = status
        self.reason = reason
        self.message = message


def error_of(code: int, text: str, retry_after: str = "") -> ApiError:
    """The error of an answer with an HTTP status, a Status as JSON or plain text, and a Retry-After."""
    seconds = float(retry_after) if retry_after.isdecimal() else 0
    try:
        status = json.loads(text)
    except (ValueError, RecursionError):  # of paths that it does not know, the API server speaks plain text
        return ApiError(code, "Unknown", text.strip()[:200], seconds)
    return ApiError(status.get("code", code), status.get("reason", "Unknown"), status.get("message", ""), seconds)
