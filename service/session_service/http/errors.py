"""Errors that become answers."""

from typing import Any


class ApiError(Exception):
    """An answer other than success: `{"detail": detail}` under an HTTP status."""

    def __init__(self, status: int, detail: str | list[dict[str, Any]]) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
