"""Values of a request as JSON that Postgres holds: control characters removed, the impossible refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from session_service.store.text import JsonText, storable

from .errors import InvalidContent, InvalidIdentifier
from .long_json import WINDOW, Kind, LongJson, Piece

# XML's forbidden characters, as AgentOS removes them; tab, line feed and carriage return stay
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_RESERVED_METADATA = frozenset({"agno_component_version", "agno_dispatch_chain", "agno_dispatch_depth"})
# some of a string that has been read: neither an escape, nor a pair of them, nor a character of UTF-8 is cut
_some = re.compile(
    rb"(?>[^\"\\\x80-\xff]{1,64}+|[\xc0-\xff][\x80-\xbf]*+"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]){1,1024}+"
).match


def stored_json(field: str, value: Any) -> JsonText:
    """A value of a request as text for a jsonb parameter. Raises InvalidContent for what no jsonb value can be."""
    if isinstance(value, LongJson):
        return b"".join(_pieces(field, value))
    return _stored(field, value)


def stored_object(members: Iterable[tuple[str, JsonText]]) -> JsonText:
    """An object of these members, whose values are stored JSON."""
    parts = [part for name, value in members for part in (f',"{name}":', value)]
    if all(isinstance(part, str) for part in parts):
        return "{" + "".join(map(str, parts))[1:] + "}"
    text = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join([b"{", text[0][1:], *text[1:], b"}"])


def stored_session_data(name: str | LongJson | None, state: Mapping[str, Any] | LongJson | None) -> JsonText | None:
    """The members of `session_data` that a create, rename or patch sets; None if it sets none of them."""
    given = {"session_state": state, "session_name": name}
    members = [(key, stored_json("session_data", value)) for key, value in given.items() if value is not None]
    return stored_object(members) if members else None


def stored_metadata(given: Mapping[str, Any] | LongJson) -> JsonText | None:
    """The metadata without AgentOS' reserved keys; None, to be stored as null, if there were only those."""
    if isinstance(given, LongJson):
        text = b"".join(_pieces("metadata", given, without=_RESERVED_METADATA))
        return text if text != b"{}" or _is_empty(given) else None
    kept = {key: value for key, value in given.items() if key not in _RESERVED_METADATA}
    return _stored("metadata", kept) if kept or not given else None


def checked_identifier(field: str, identifier: str | None) -> str | None:
    """An id of a new session. Raises InvalidIdentifier if Postgres can't hold it."""
    if identifier is not None and not storable(identifier):
        raise InvalidIdentifier(field, "NUL and halves of surrogate pairs can't be stored")
    return identifier


def cleaned_text(text: str) -> str:
    """The text as it is stored: without control characters."""
    return _CONTROL.sub("", text)


def _stored(field: str, value: Any) -> str:
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


def _pieces(field: str, given: LongJson, without: frozenset[str] = frozenset()) -> Iterator[bytes]:
    """The same of a long value, piece by piece; an object is stored `without` these members of its own."""
    opened: list[bytes] = []
    comma = b""
    for kind, start, end in _kept(given, without):
        piece = given.at((start, end))
        match kind:
            case Kind.OPEN:
                opened.append(piece.first)
                yield comma + piece.first
                comma = b""
            case Kind.CLOSE:
                opened.pop()
                yield piece.first
                comma = b","
            case Kind.KEY:
                yield comma + _stored(field, {piece.decoded(): 0}).encode()[1:-2]
                comma = b""
            case Kind.VALUE:
                yield comma
                yield from _pieces_of_value(field, piece)
                comma = b","
            case Kind.STRETCH:
                items = _items(opened[-1], piece.raw())
                if len(opened) == 1:
                    items = _without(without, items)
                if items:
                    yield comma + _stored(field, items).encode()[1:-1]
                    comma = b","


def _kept(given: LongJson, without: frozenset[str]) -> Iterator[Piece]:
    """The pieces, but for the keys and values of members that are left out. Stretches are told as they are."""
    depth = 0
    # how deep in the value of a member that is left out
    left_out: int | None = None
    for piece in given.pieces():
        kind, start, end = piece
        opening = (kind is Kind.OPEN) - (kind is Kind.CLOSE)
        if left_out is not None:
            left_out = left_out + opening or None
        elif kind is Kind.KEY and depth == 1 and without and given.at((start, end)).decoded() in without:
            left_out = 0
        else:
            yield piece
            depth += opening


def _items(opening: bytes, stretch: bytes) -> Any:
    """A list or an object of a stretch, which ends in a comma."""
    closing = b"]" if opening == b"[" else b"}"
    return json.loads((opening + stretch.rstrip()[:-1] + closing).decode(errors="surrogatepass"))


def _without(names: frozenset[str], items: Any) -> Any:
    if not names or isinstance(items, list):
        return items
    return {name: item for name, item in items.items() if name not in names}


def _pieces_of_value(field: str, given: LongJson) -> Iterator[bytes]:
    if given.first != b'"' or given.size <= WINDOW:
        yield _stored(field, given.decoded()).encode()
        return
    yield b'"'
    at, end = given.span[0] + 1, given.span[1] - 1
    while at < end:
        some = _some(given.text, at, end)
        assert some is not None  # noqa: S101
        yield _stored(field, json.loads(b'"%b"' % some[0])).encode()[1:-1]
        at = some.end()
    yield b'"'


def _is_empty(given: LongJson) -> bool:
    return [kind for kind, _, _ in islice(given.pieces(), 2)] == [Kind.OPEN, Kind.CLOSE]
