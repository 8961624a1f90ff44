"""JSON made of some members of a longer one, in which a stand-in takes the place of each value that is long.

A member is told by its path: `input.images.0` is the first image of the input. Whoever reads such a document finds the
members that it has, and hands a stand-in on as it would hand on the value. What comes of that is split at the
stand-ins, and the values are put in there.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# not to be guessed, so that nothing that is stored is taken for a stand-in
_SECRET = secrets.token_hex(16)
_MARK = _SECRET.encode()


@dataclass(frozen=True, slots=True)
class Long:
    """A value that is not here. `kind` are the first two characters of its JSON, blanks left out."""

    path: str
    kind: str
    size: int

    def stand_in(self, members: Sequence[tuple[str, bytes]]) -> bytes:
        """JSON of the same kind that names the path; an object, or a list of objects, has these members, too."""
        name = _name(_SECRET + self.path)
        if self.kind[0] == "{":
            return _object([(name, b"0"), *((_name(member), text) for member, text in members)])
        if self.kind == "[{":
            first, *items = [text for member, text in ({"0": b"{}"} | dict(members)).items()]
            return _list([_object([(name, b"0")])[:-1] + (b"}" if first == b"{}" else b"," + first[1:]), *items])
        if self.kind[0] == "[":
            return _list([name if self.kind == '["' else _list([name])])
        return name


@dataclass(frozen=True, slots=True)
class ListOf:
    """The items of a list: as they are, or these members of each."""

    path: str
    members: tuple[str, ...] = ()


Parts = tuple[str | ListOf, ...]
"""The members of a long item that are read, in the order in which they are shown.

`a._` is there, as null, where `a` is an object that is not empty, whatever its members are; `_` says it of all.
"""


@dataclass(slots=True)
class _Node:
    own: bytes | Long | None = None
    members: dict[str, _Node] = field(default_factory=dict)


class Document:
    """A document out of values by path. What has no value of its own consists of those below it."""

    def __init__(self, values: Mapping[str, bytes | Long]) -> None:
        self._root = _Node()
        self._stand_ins: dict[bytes, str] = {}
        for path, value in values.items():
            self.put(path, value)

    def put(self, path: str, value: bytes | Long) -> None:
        """Have this value at a path."""
        node = self._root
        for step in path.split("."):
            node = node.members.setdefault(step, _Node())
        node.own = value

    def text(self, path: str = "") -> bytes | None:
        """The value at a path, or all of it; None where there is none."""
        node: _Node | None = self._root
        for step in path.split(".") if path else ():
            node = None if node is None else node.members.get(step)
        return None if node is None else self._written(node)

    def _written(self, node: _Node) -> bytes:
        if isinstance(node.own, bytes):
            return node.own
        members = [(name, self._written(member)) for name, member in node.members.items()]
        if node.own is not None:
            text = node.own.stand_in(members)
            self._stand_ins[text] = node.own.path
            return text
        if members and all(name.isdigit() for name, _ in members):
            items = {int(name): text for name, text in members}
            return _list(items.get(place, b"null") for place in range(max(items) + 1))
        return _object((_name(name), text) for name, text in members)

    def split(self, text: bytes) -> list[bytes | str]:
        """What was made of the document: text, and in between the paths of the long values that go there."""
        if not self._stand_ins or _MARK not in text:
            return [text]
        # one may be part of another: the outer one, which begins first, counts
        pattern = b"(" + b"|".join(map(re.escape, sorted(self._stand_ins, key=len, reverse=True))) + b")"
        parts = [self._stand_ins.get(part, part) for part in re.split(pattern, text) if part]
        if any(isinstance(part, bytes) and _MARK in part for part in parts):
            raise ValueError("a stand-in was taken apart")
        return parts


def _name(name: str) -> bytes:
    return f'"{name}"'.encode()


def _object(members: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"{" + b",".join(name + b":" + text for name, text in members) + b"}"


def _list(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


_TOKEN = re.compile(r'\s*(?:([\[{])|([\]}])|([,:])|("(?:[^"\\]|\\.)*")|([^\s\[\]{},:"]+))', re.DOTALL)
# not half of an escape, nor half of a character that two escapes write
_CUT_STRING = re.compile(
    r'\s*"(?:[^"\\]|\\[^u]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\u[0-9a-fA-F]{4}\\u[0-9a-fA-F]{4})*', re.DOTALL
)


def closed(beginning: bytes) -> bytes:
    """JSON of which this is the beginning, as short as that: a string ends where it is cut, and so do all around it.

    It reads as the whole does, up to there. Nothing, where the beginning is of a number.
    """
    text = beginning.decode(errors="ignore")
    opened: list[str] = []
    place = ended = 0
    names_next = False
    while found := _TOKEN.match(text, place):
        opening, closing, separator, string, scalar = found.groups()
        if scalar and found.end() == len(text):
            break
        place = found.end()
        if separator:
            names_next = separator == "," and opened[-1] == "}"
            continue
        if string and names_next:
            names_next = False
            continue
        if opening:
            opened.append("}" if opening == "{" else "]")
            names_next = opening == "{"
        elif closing:
            opened.pop()
            names_next = False
        ended = place
        if not opened:
            return text[:ended].encode()
    cut = None if names_next else _CUT_STRING.match(text, place)
    kept = text[:ended] if cut is None else text[: cut.end()] + '"'
    return (kept + "".join(reversed(opened))).encode()
