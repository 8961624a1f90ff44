"""Errors of the API server."""

from __future__ import annotations

import json

_LONGEST = 4096
"""Characters of a message. The server quotes the refused object, at any length."""


class ApiError(Exception):
    """An error answer of the API server: HTTP status, reason, message, and the seconds of its Retry-After."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0) -> None:
        message = message[:_LONGEST]
        super().__init__(f"{status} {reason}: {message}")
        self.retry_after = retry_after
        self.status = status
        self.reason = reason
        self.message = message


def error_of(code: int, text: str, retry_after: str = "") -> ApiError:
    """The error in an answer. Its body is a Status as JSON, or plain text."""
    seconds = float(retry_after) if retry_after.isdecimal() else 0
    try:
        status = json.loads(text)
    except (ValueError, RecursionError):  # for an unknown path the API server answers in plain text
        return ApiError(code, "Unknown", text.strip()[:200], seconds)
    return ApiError(status.get("code", code), status.get("reason", "Unknown"), status.get("message", ""), seconds)
