"""Times: unix seconds in columns and runs, ISO 8601 in answers."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from .json_text import number, read_string


@lru_cache(maxsize=4096)
def from_unix(seconds: int | None) -> bytes | None:
    """Unix seconds as a JSON string, `"2025-10-09T09:10:00Z"`; None stays None, as does a year beyond four digits."""
    return None if seconds is None else _printed(_at(seconds))


def from_run(created_at: bytes | None) -> bytes | None:
    """A run's own `created_at` as a JSON string: unix seconds with their fraction, or ISO 8601 reformatted.

    UTC is printed as `Z`, other offsets stay, none stays none. Anything else: None.
    """
    if created_at is not None and number(created_at):
        return _from_seconds(float(created_at))
    return _printed(_moment(created_at))


@lru_cache(maxsize=4096)
def _from_seconds(seconds: float) -> bytes | None:
    return _printed(_at(seconds))


def unix(created_at: bytes | None) -> float | None:
    """A run's own `created_at` as unix seconds. ISO 8601 without an offset is taken as UTC. Anything else: None."""
    moment = _moment(created_at)
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso(text: str) -> str | None:
    """ISO 8601 as Python's `isoformat` prints it (`Z` becomes `+00:00`), None if it is not a valid date."""
    moment = _parsed(text)
    return moment.isoformat() if moment else None


def _moment(created_at: bytes | None) -> datetime | None:
    if created_at is None:
        return None
    if number(created_at):
        return _at(float(created_at))
    text = read_string(created_at)
    return None if text is None else _parsed(text)


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _at(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _printed(moment: datetime | None) -> bytes | None:
    return b'"%b"' % moment.isoformat().replace("+00:00", "Z").encode() if moment else None
