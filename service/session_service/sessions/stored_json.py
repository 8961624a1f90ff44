"""Values of a request as JSON that Postgres holds: control characters removed, the impossible refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from session_service.store.text import storable

from .errors import InvalidContent, InvalidIdentifier

# XML's forbidden characters, as AgentOS removes them; tab, line feed and carriage return stay
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_RESERVED_METADATA = frozenset({"agno_component_version", "agno_dispatch_chain", "agno_dispatch_depth"})


def stored_json(field: str, value: Any) -> str:
    """A parsed JSON value as text for a jsonb parameter. Raises InvalidContent for what no jsonb value can be."""
    try:
        text = json.dumps(_cleaned(field, value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except UnicodeEncodeError:
        raise InvalidContent(field, "half of a surrogate pair is no character") from None
    except ValueError:
        raise InvalidContent(field, "NaN and Infinity are no JSON numbers") from None
    except RecursionError:
        raise InvalidContent(field, "nested too deeply") from None
    return text


def stored_session_data(name: str | None, state: Mapping[str, Any] | None) -> str | None:
    """The members of `session_data` that a create, rename or patch sets; None if it sets none of them."""
    members: dict[str, Any] = {}
    if state is not None:
        members["session_state"] = state
    if name is not None:
        members["session_name"] = name
    return stored_json("session_data", members) if members else None


def stored_metadata(given: Mapping[str, Any]) -> str | None:
    """The metadata without AgentOS' reserved keys; None, to be stored as null, if there were only those."""
    kept = {key: value for key, value in given.items() if key not in _RESERVED_METADATA}
    return stored_json("metadata", kept) if kept or not given else None


def checked_identifier(field: str, identifier: str | None) -> str | None:
    """An id of a new session. Raises InvalidIdentifier if Postgres can't hold it."""
    if identifier is not None and not storable(identifier):
        raise InvalidIdentifier(field, "NUL and halves of surrogate pairs can't be stored")
    return identifier


def cleaned_text(text: str) -> str:
    """The text as it is stored: without control characters."""
    return _CONTROL.sub("", text)


def _cleaned(field: str, value: Any) -> Any:
    if isinstance(value, str):
        return cleaned_text(value)
    if isinstance(value, list):
        return [_cleaned(field, item) for item in value]
    if isinstance(value, dict):
        if any("\0" in key for key in value):
            raise InvalidContent(field, "a key can't hold NUL")
        return {key: _cleaned(field, item) for key, item in value.items()}
    return value
