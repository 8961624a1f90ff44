"""JSON that stays text: read one level deep, spliced into other JSON, never decoded further than asked.

A value is UTF-8 text, `b"null"` for an explicit null, and None where there is none. Text that is no JSON reads as
nothing. It may be nested to any depth, and may hold what `json` of Postgres does: NUL, and halves of surrogate pairs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

import msgspec

from session_service.store.json_split import outermost

Kind = Callable[[bytes | None], bytes | None]

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_STRING = msgspec.json.Decoder(str)
_LENIENT_INTEGER = msgspec.json.Decoder(int, strict=False)
encode = msgspec.json.Encoder().encode


def _starting(pattern: bytes, *, at_once: bytes = b"") -> Kind:
    """Told by the pattern, which blanks may precede. A first character out of `at_once` says as much, and sooner."""
    match = re.compile(rb"\s*(?:" + pattern + rb")").match
    return lambda text: text if text and (text[0] in at_once or match(text)) else None


# A kind gives the text back where it is of that kind, None otherwise. Lists are judged by their first item.
anything = _starting(rb"[^n\s]", at_once=b'"-0123456789tf{[')
# no null, and no list or object with nothing in it
something = _starting(rb"[^n{\[\s]|[{\[]\s*[^]}\s]", at_once=b'"-0123456789tf')
string = _starting(rb'"', at_once=b'"')
an_object = _starting(rb"\{", at_once=b"{")
some_object = _starting(rb"\{\s*[^}\s]")
a_list = _starting(rb"\[", at_once=b"[")
objects = _starting(rb"\[\s*[{\]]")
some_objects = _starting(rb"\[\s*\{")
strings = _starting(rb'\[\s*["\]]')
number = _starting(rb"[-0-9]", at_once=b"-0123456789")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_digits = re.compile(rb"-?[0-9]+\Z")


def integer(text: bytes | None) -> bytes | None:
    """An integer of any size; also `12.0` and `"12"`, which AgentOS takes for one."""
    if text is None or _digits.match(text):
        return text
    try:
        return b"%d" % _LENIENT_INTEGER.decode(text)
    except (ValueError, RecursionError):
        return None


def read_object(text: bytes | None) -> dict[str, bytes]:
    """The members of an object in their order, each still text. Of equal keys the last counts. Not an object: empty."""
    if text is None or not an_object(text):
        return {}
    try:
        return {name: bytes(value) for name, value in _MEMBERS.decode(text).items()}
    except (ValueError, RecursionError) as error:
        parts = _outermost(text, error)
        return {read_string(name) or "": value for name, value in zip(parts[::2], parts[1::2], strict=True)}


def member(name: str) -> Kind:
    """What reads this member of an object as `read_object` does, without making anything of the others."""
    decode = msgspec.json.Decoder(
        msgspec.defstruct("Object", [("member", msgspec.Raw, None)], rename={"member": name})
    ).decode

    def read(text: bytes | None) -> bytes | None:
        if text is None or not an_object(text):
            return None
        try:
            value: msgspec.Raw | None = decode(text).member  # type: ignore[attr-defined]
        except (ValueError, RecursionError):
            return read_object(text).get(name)
        return None if value is None else bytes(value)

    return read


def read_list(text: bytes | None) -> list[bytes]:
    """The items of a list, each still text. Not a list: empty."""
    if text is None or not a_list(text):
        return []
    try:
        return [bytes(item) for item in _ITEMS.decode(text)]
    except (ValueError, RecursionError) as error:
        return _outermost(text, error)


def _outermost(text: bytes, error: Exception) -> list[bytes]:
    """What msgspec can't take apart; nothing, if it is no JSON."""
    return outermost(text) if isinstance(error, RecursionError) or characters(text) != text else []


def read_string(text: bytes | None) -> str | None:
    """What a JSON string says, with U+FFFD for half of a surrogate pair. Not a string: None."""
    if text is None or not string(text):
        return None
    try:
        return _STRING.decode(text)
    except ValueError:
        shown = characters(text)
        return None if shown == text else read_string(shown)


def characters(text: bytes) -> bytes:
    """JSON with U+FFFD for each half of a surrogate pair that lacks its other half: such text is no UTF-8."""
    if not _SURROGATE.search(text):
        return text
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], text)


def write_object(members: Iterable[tuple[str, bytes | None]], *, nulls: bool = False) -> bytes:
    """A compact object in the given order; members without a value are left out, or with `nulls` printed as null."""
    parts: list[bytes] = []
    for name, value in members:
        if value is not None and value != b"null":
            parts.append(_key(name))
            parts.append(value)
        elif nulls:
            parts.append(_key(name))
            parts.append(b"null")
    return _joined(b"{", parts, b"}")


@lru_cache(maxsize=1024)
def _key(name: str) -> bytes:
    return b",%b:" % encode(name)


def write_list(items: Iterable[bytes]) -> bytes:
    """A list in the given order."""
    parts: list[bytes] = []
    for item in items:
        parts += (b",", item)
    return _joined(b"[", parts, b"]")


def _joined(opening: bytes, parts: list[bytes], closing: bytes) -> bytes:
    """Parts that a comma leads, in brackets: one copy, since a run is long and a list holds many."""
    if not parts:
        return opening + closing
    parts[0] = opening + parts[0][1:]
    parts.append(closing)
    return b"".join(parts)


def write_string(text: str | None) -> bytes | None:
    """A JSON string with non-ASCII characters as they are; None stays None."""
    return None if text is None else encode(text)
