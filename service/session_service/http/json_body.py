"""A body of JSON: its members as values, and its text where a refusal repeats it."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

from session_service.http.answers import json_text
from session_service.http.errors import ApiError
from session_service.http.parameters import LONGEST_INPUT, Body, Problems, Shown, check, shown_value
from session_service.sessions.json_syntax import InvalidJson, Text, as_utf8
from session_service.sessions.long_json import LONG, LongJson

Content = TypeVar("Content", bound=Body)

# the body that is not there
ABSENT = object()


class JsonBody:
    """A body that stays text, but for what is short in it."""

    def __init__(self, content: Text, names: Collection[str]) -> None:
        """`names`: the members that are known. Raises InvalidJson, and what `json` has no words for as `json` does."""
        self._whole = LongJson.read(as_utf8(content))
        is_object = self._whole.first == b"{"
        self._members = self._whole.members(frozenset(names)).values if is_object else None

    @property
    def value(self) -> Any:
        """The known members of an object; instead of a long value of another kind one that is refused alike."""
        if self._members is not None:
            return {name: member.value() for name, member in self._members.items()}
        return [] if self._whole.size > LONGEST_INPUT else self._whole.decoded()

    def shown(self, place: tuple[int | str, ...], kind: str, value: Any) -> Any:
        """The `input` of a problem: the value, or the beginning of its text if that is long or deep."""
        long = self._whole
        if isinstance(value, LongJson):
            long = value
        elif len(place) > 1:
            return shown_value(place, kind, value)
        elif place and kind != "missing" and self._members:
            long = self._members[str(place[0])]
        if long.size <= LONGEST_INPUT and _printable(value := long.decoded()):
            return value
        # four bytes a character
        return long.raw(4 * LONGEST_INPUT).decode(errors="replace")[:LONGEST_INPUT]


def read_body(
    content: Text, *, is_json: bool, into: type[Content], absent: object, embedded: bool
) -> Content | Problems:
    """The body as this model, or what is wrong with it; raises 400, and 422 for what is no JSON.

    `absent` stands for a body that is not there. With `embedded`, as FastAPI embeds a single field, anything that is
    not an object counts as an empty one, and a missing field names no input.
    """
    shown: Shown = shown_value
    value: Any
    if not content:
        value = absent
    elif not is_json:
        # a text, whatever it says
        value = bytes(content[: 8 * LONGEST_INPUT]).decode(errors="replace")
    else:
        value, shown = _read_json(content, into)
    if embedded and not isinstance(value, dict):
        value = {}
    if value is ABSENT:
        return [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}]
    found = check(into, "body", value, shown)
    if embedded and isinstance(found, list):
        return [problem | ({"input": None} if problem["type"] == "missing" else {}) for problem in found]
    return found


def _read_json(content: Text, into: type[Body]) -> tuple[Any, Shown]:
    try:
        if len(content) > LONG:
            body = JsonBody(content, into.model_fields)
            return body.value, body.shown
        value = json.loads(content)
    except json.JSONDecodeError as error:
        raise _no_json(error.msg, error.pos) from None
    except InvalidJson as error:
        raise _no_json(error.words, error.position) from None
    except (ValueError, RecursionError):  # another encoding, an integer of too many digits, brackets without end
        raise ApiError(400, "There was an error parsing the body") from None
    again = cache(lambda: JsonBody(content, into.model_fields))
    return value, lambda *problem: again().shown(*problem)


def _no_json(words: str, position: int) -> ApiError:
    problem = {"type": "json_invalid", "loc": ["body", position], "msg": "JSON decode error", "input": {}}
    return ApiError(422, [problem | {"ctx": {"error": words}}])


def _printable(value: Any) -> bool:
    try:
        json_text(value)
    except RecursionError:
        return False
    return True
