"""Rows of any size in bounded memory: a long value is sent in pieces, in the rows after the one that it belongs to.

A statement gives the members of a row by path (`documents`). Those that are short come in one row of its answer, those
that are long in the rows that follow it, and a cursor hands all on as fast as a client reads.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from session_service.database.connection import Row
from session_service.observability.exchange import holds, holds_no_more

from . import limits
from .documents import Document, Long, closed
from .json_split import outermost
from .layout import Layout
from .masks import as_shown
from .text import UNCHECKED

COLUMNS = "p.members, p.long, p.path, p.piece, p.ends"
"""What `in_pieces` selects; the last columns of a statement that `items` reads."""

Shown = TypeVar("Shown")

# nothing stands for a number
_STANDS_IN = ("{", "[", '"')

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LONG = msgspec.json.Decoder(list[tuple[str, str, int]])


def in_pieces(layout: Layout, members: str, where: str = "true", *, beginnings: bool = False) -> str:
    """A subquery of `COLUMNS` out of one of path and text, of no row where the condition does not hold.

    First the short members as a JSON object, and a list of the long ones; then their pieces, value by value in the
    order of the subquery. With `beginnings` only the first piece of each.
    """
    last = "0" if beginnings else f"(octet_length(b.bytes) - 1) / {limits.PIECE}"
    if layout.masked:
        members = f"SELECT m.path, {as_shown('m.text')} AS text FROM ({members} OFFSET 0) m(path, text)"
    octets = "octet_length(m.text)"
    if layout.encoding not in ("UTF8", UNCHECKED):
        octets = "octet_length(convert_to(m.text, 'UTF8'))"
    is_long = f"m.octets > {limits.LONG_MEMBER}"
    text = f"left(m.text, {limits.PIECE})" if beginnings else "m.text"
    # what is cut in the middle of a character goes as bytes alone
    encoding = UNCHECKED if layout.encoding == UNCHECKED else "UTF8"
    return f"""
    WITH m AS MATERIALIZED (
        SELECT m.path, {text} AS text, {octets} AS octets FROM ({members} OFFSET 0) m
        WHERE m.text IS NOT NULL AND {where})
    SELECT (SELECT '{{' || string_agg(to_json(m.path) || ':' || m.text, ',') || '}}' FROM m WHERE NOT {is_long})
            AS members,
        (SELECT json_agg(json_build_array(m.path, substring(translate(left(m.text, 1000),
            E' \\n\\r\\t', '') from '^[\\x01-\\x7f]{{1,2}}'), m.octets))::text FROM m WHERE {is_long}) AS long,
        NULL::varchar AS path, NULL::bytea AS piece, NULL::boolean AS ends
    WHERE {where}
    UNION ALL
    SELECT NULL, NULL, b.path, substr(b.bytes, 1 + g * {limits.PIECE}, {limits.PIECE}), g = {last}
    FROM (SELECT m.path::varchar, convert_to(m.text, '{encoding}') AS bytes FROM m WHERE {is_long} OFFSET 0) b,
        generate_series(0, {last}) g"""


@dataclass(frozen=True, slots=True)
class LongRead(Generic[Shown]):
    """A statement that ends in `COLUMNS`, and what its rows are, made of their columns and their document.

    `looks_into` tells the long values that somebody looks into: they are read as a whole. With `beginnings` all are,
    but only the first piece was asked for.
    """

    sql: str
    parameters: list[Any]
    shape: Callable[[Row, Document], Shown]
    looks_into: Callable[[Long, Document], bool]
    beginnings: bool = False


def _members(text: bytes) -> Iterable[tuple[str, bytes]]:
    try:
        return [(path, bytes(value)) for path, value in _MEMBERS.decode(text).items()]
    except RecursionError:
        parts = outermost(text)
        return zip((path.decode().strip('"') for path in parts[::2]), parts[1::2], strict=True)


class Item(Generic[Shown]):
    """One row, made of what is short of it. Whatever is shown of it goes through `spliced`."""

    row: Shown

    def __init__(self, members: bytes | None, long: bytes | None, rows: AsyncIterator[Row]) -> None:
        self._rows = rows
        self._held = 0
        self._coming = {} if long is None else {each[0]: Long(*each) for each in _LONG.decode(long)}
        self._sizes = {path: each.size for path, each in self._coming.items()}
        self._kept: dict[str, bytearray] = {}
        self.document = Document(self._coming)
        if members is not None:
            for path, text in _members(members):
                self.document.put(path, text)

    async def load(self, read: LongRead[Shown]) -> None:
        """Read what a stand-in would not do for. It costs least for those that are sent first."""
        for long in tuple(self._coming.values()):
            others = frozenset(self._coming)
            if read.beginnings or long.kind[:1] not in _STANDS_IN or read.looks_into(long, self.document):
                size = min(long.size, limits.PIECE) if read.beginnings else long.size
                self._hold(limits.COPIES * size)
                value = b"".join([piece async for piece in self._value(long.path, others)])
                self.document.put(long.path, closed(value) if len(value) < long.size else value)

    async def spliced(self, text: bytes) -> AsyncGenerator[bytes, None]:
        """What was made of the row, with the long values in their places."""
        parts = self.document.split(text)
        needed = {part for part in parts if isinstance(part, str)}
        for part in parts:
            if isinstance(part, bytes):
                yield part
            else:
                async for piece in self._value(part, needed):
                    yield piece

    async def _value(self, path: str, needed: Container[str]) -> AsyncGenerator[bytes, None]:
        """The value at a path. Of those that are sent before it the needed ones are kept."""
        if path in self._kept:
            yield bytes(self._kept.pop(path))
            return
        while True:
            at, piece, ends = await self._next()
            if at == path:
                yield piece
                if ends:
                    return
            elif at in needed:
                if at not in self._kept:
                    self._kept[at] = bytearray()
                    self._hold(2 * self._sizes[at])  # it is no longer coming if this piece is all of it
                self._kept[at].extend(piece)

    async def finish(self) -> None:
        """Pass over what nobody needed."""
        while self._coming:
            await self._next()

    def _hold(self, size: int) -> None:
        holds(size)
        self._held += size

    def end(self) -> None:
        """Hold nothing of it any more."""
        holds_no_more(self._held)
        self._held = 0

    async def _next(self) -> tuple[str, bytes, bool]:
        path, piece, ends = (await anext(self._rows))[-3:]
        if ends:
            del self._coming[path]
        return path, bytes(piece), ends


async def items(batches: AsyncIterator[list[Row]], read: LongRead[Shown]) -> AsyncGenerator[Item[Shown], None]:
    """The rows of a statement; one is used before the next is asked for."""
    rows = _each(batches)
    async for row in rows:
        item: Item[Shown] = Item(row[-5], row[-4], rows)
        try:
            await item.load(read)
            item.row = read.shape(row, item.document)
            yield item
            await item.finish()
        finally:
            item.end()


async def _each(batches: AsyncIterator[list[Row]]) -> AsyncGenerator[Row, None]:
    async for batch in batches:
        for row in batch:
            yield row
