"""JSON values as text in names, inputs and previews. AgentOS uses Python's `str` and `json`, so this does too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .json_text import read_string

_HALVES = re.compile("[\ud800-\udfff]")


def as_text(value: bytes | None) -> str | None:
    """A string as it is, an object as JSON of 2-space indentation, a list or scalar as Python's `str` prints it.

    Of a list that starts with a user message, the content of that message. None if it has no text.
    """
    return _read(value, _text)


def as_line(value: bytes | None) -> str | None:
    """A string as it is, anything else as JSON on one line, non-ASCII escaped."""
    return _read(value, lambda found: found if isinstance(found, str) else json.dumps(found))


def as_word(value: bytes | None) -> str | None:
    """Python's `str` of the value; None for every empty value."""
    return _read(value, lambda found: str(found) if found else None)


def _text(found: Any) -> str | None:
    if isinstance(found, dict):
        return json.dumps(found, indent=2)
    if isinstance(found, list) and found and isinstance(found[0], dict):
        first = found[0]
        if first.get("role") == "user" and "content" in first:
            return first["content"] if isinstance(first["content"], str) else None
    return str(found)


def _read(value: bytes | None, say: Callable[[Any], str | None]) -> str | None:
    if value is None or value == b"null":
        return None
    try:
        written = read_string(value)
        text = say(json.loads(value) if written is None else written)
    except RecursionError:  # too deep for Python
        text = value.decode()
    except ValueError:  # an integer of more than 4300 digits
        return None
    return None if text is None else _HALVES.sub("\ufffd", text)
