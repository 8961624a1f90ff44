"""JSON of a request that stays text: read in place, for as Python objects it would take thirty times the memory."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any

from .json_syntax import MEMBER, SPACE, STRING, VALUE, Text, checked, skip

# A value of more bytes is not made into Python objects.
LONG = 64 * 1024
# Bytes that are looked at at once, while which no other thread runs.
WINDOW = 16 * 1024

Span = tuple[int, int]

_LIST, _OBJECT = b"["[0], b"{"[0]
_CLOSING = {_LIST: b"]"[0], _OBJECT: b"}"[0]}
_COMMA = b","[0]


def _stretch(item: bytes) -> re.Pattern[bytes]:
    """Whole items, each with the comma after it."""
    return re.compile(rb"(?>" + item + SPACE + rb"," + SPACE + rb")*+")


_STRETCH = {_LIST: _stretch(VALUE).match, _OBJECT: _stretch(MEMBER).match}
_key = re.compile(rb"(" + STRING + rb")" + SPACE + rb":" + SPACE).match
_scalar = re.compile(STRING + rb"|[^]},\s]++").match
_space = re.compile(SPACE).match


class Kind(Enum):
    """What a piece of a value is."""

    OPEN = auto()
    CLOSE = auto()
    KEY = auto()
    VALUE = auto()
    STRETCH = auto()


Piece = tuple[Kind, int, int]


@dataclass(frozen=True, slots=True)
class LongJson:
    """A value in a text that has been checked (`json_syntax.checked`).

    plain: the text without what msgspec refuses though Python reads it; everything is where it is in the text.
    """

    text: Text
    plain: Text
    span: Span

    @property
    def first(self) -> bytes:
        """The byte that tells its kind."""
        return bytes(self.text[self.span[0] : self.span[0] + 1])

    @property
    def size(self) -> int:
        """How many bytes it is long."""
        return self.span[1] - self.span[0]

    @classmethod
    def read(cls, text: Text) -> LongJson:
        """The one value of a text. Raises as `json_syntax.checked` does."""
        plain = checked(text)
        at = _space(text).end()  # type: ignore[union-attr]
        return cls(text, plain, (at, skip(plain, at)))

    def at(self, span: Span) -> LongJson:
        """Another value of the text."""
        return LongJson(self.text, self.plain, span)

    def decoded(self) -> Any:
        """The value as Python has it."""
        return json.loads(self.raw().decode("utf-8", "surrogatepass"))

    def value(self) -> Any:
        """The value as Python has it, unless it is long."""
        return self if self.size > LONG else self.decoded()

    def raw(self, most: int | None = None) -> bytes:
        """Its text, or so many bytes of it."""
        start, end = self.span
        return bytes(memoryview(self.text)[start : end if most is None else min(end, start + most)])

    def items(self) -> Iterator[LongJson]:
        """The items of a list."""
        at = self._after_space(self.span[0] + 1)
        while self.text[at] != _CLOSING[_LIST]:
            end = skip(self.plain, at)
            yield self.at((at, end))
            at = self._after_space(end)
            if self.text[at] == _COMMA:
                at = self._after_space(at + 1)

    def members(self, names: frozenset[str]) -> Members:
        """The members of an object that have these names, of small letters and underscores."""
        others, longest = _others(names)
        values: dict[str, LongJson] = {}
        unknown = False
        at = self._after_space(self.span[0] + 1)
        while self.text[at] != _CLOSING[_OBJECT]:
            while (end := others(self.text, at, at + WINDOW).end()) > at:
                unknown, at = True, self._after_space(end)
            key = self._key(at)
            end = skip(self.plain, key.end())
            name = self.at(key.span(1)).decoded() if len(key[1]) <= longest else None
            if name in names:
                values[name] = self.at((key.end(), end))
            else:
                unknown = True
            at = self._after_space(end)
            if self.text[at] == _COMMA:
                at = self._after_space(at + 1)
        return Members(values, unknown)

    def pieces(self) -> Generator[Piece, None, None]:
        """What it is made of, in its order.

        A stretch is items of a list, or members of an object, each with a comma after it. Other commas are not told.
        """
        opened = bytearray()
        at = self.span[0]
        while True:
            if opened:
                at = yield from self._up_to_value(at, opened[-1])
            first = self.text[at]
            end = None if first in _CLOSING else _scalar(self.text, at).end()  # type: ignore[union-attr]
            end = end or (self._end_of_short(at) if opened else None)
            if end is None:
                opened.append(first)
                yield Kind.OPEN, at, at + 1
                at = self._after_space(at + 1)
                if self.text[at] != _CLOSING[first]:
                    continue
            else:
                yield Kind.VALUE, at, end
                at = end
            at = yield from self._after_value(at, opened)
            if not opened:
                return

    def _up_to_value(self, at: int, inside: int) -> Generator[Piece, None, int]:
        while (end := self._end_of_stretch(at, inside)) > at:
            yield Kind.STRETCH, at, end
            at = end
        if inside == _LIST:
            return at
        key = self._key(at)
        yield Kind.KEY, at, key.end(1)
        return key.end()

    def _end_of_stretch(self, at: int, inside: int) -> int:
        start = at
        while at - start < WINDOW:
            found = _STRETCH[inside](self.text, at, start + WINDOW)
            at = self._after_space(found.end())  # type: ignore[union-attr]
            # of more levels than are seen at once
            value = at if inside == _LIST else self._key(at).end()
            end = self._end_of_short(value) if self.text[value] in _CLOSING else None
            if end is None or self.text[end := self._after_space(end)] != _COMMA:
                break
            at = self._after_space(end + 1)
        return at

    def _key(self, at: int) -> re.Match[bytes]:
        found = _key(self.text, at)
        assert found is not None  # noqa: S101
        return found

    def _after_value(self, at: int, opened: bytearray) -> Generator[Piece, None, int]:
        while opened:
            at = self._after_space(at)
            if self.text[at] == _COMMA:
                return self._after_space(at + 1)
            opened.pop()
            yield Kind.CLOSE, at, at + 1
            at += 1
        return at

    def _end_of_short(self, at: int) -> int | None:
        """The end of the value that begins here, None if that is beyond the window."""
        try:
            return skip(self.plain, at, at + WINDOW)
        except ValueError:
            return None

    def _after_space(self, at: int) -> int:
        return _space(self.text, at).end()  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Members:
    """The values of the members that were looked for, of equal names the last; whether there are others."""

    values: dict[str, LongJson]
    unknown: bool


@cache
def _others(names: frozenset[str]) -> tuple[Any, int]:
    """What matches members of other names, and how long a name can be written."""
    # none of them, nor one with a letter escaped
    other = rb'(?!"(?:%b)"|"[a-z_]*+\\u00[5-7])' % "|".join(sorted(names)).encode()
    return _stretch(other + MEMBER).match, 2 + max(map(len, names)) * len(r"\u0061")
