"""Pods whose image somebody else chose: what each sends to whoever asks it for its databases."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import Any

from backports import zstd

MIB = 2**20
BLANKS = b" " * 65536
DATABASES = [{"id": "main", "state": "refused", "reason": "InvalidPassword"}]
NASTY = "\x1b[2J\x1b]0;owned\x07\r\n\u202ereversed\x00"


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunk(body: bytes, extension: bytes = b"") -> bytes:
    return f"{len(body):x}".encode() + extension + b"\r\n" + body + b"\r\n"


def bomb(compressor: Any, size: int) -> bytes:
    """JSON of a size, small on the wire."""
    pieces = [compressor.compress(BLANKS) for _ in range(size // len(BLANKS))]
    return b"".join((*pieces, compressor.compress(b"{}"), compressor.flush()))


GZIP, ZSTD = bomb(zlib.compressobj(9, zlib.DEFLATED, 31), 128 * MIB), bomb(zstd.ZstdCompressor(), 256 * MIB)


def endless(beginning: bytes, more: bytes) -> Iterator[bytes]:
    return chain([beginning], repeat(more))


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "a gzip bomb": lambda: iter([answer(GZIP, "Content-Encoding: gzip")]),
    "a zstd bomb": lambda: iter([answer(ZSTD, "Content-Encoding: zstd")]),
    "an endless body": lambda: endless(_HEAD + b"\r\n", BLANKS),
    "a body of a terabyte": lambda: endless(_HEAD + b"Content-Length: 1099511627776\r\n\r\n", BLANKS),
    "endless chunks": lambda: endless(_CHUNKED, chunk(BLANKS)),
    "endless extensions of a chunk": lambda: endless(_CHUNKED + b"1;", b"a" * 65536),
    "endless trailers": lambda: endless(_CHUNKED + chunk(b"{}") + b"0\r\n", b"A: " + b"a" * 4000 + b"\r\n"),
    "endless headers": lambda: endless(_HEAD, b"A: " + b"a" * 4000 + b"\r\n"),
    "an endless header": lambda: endless(_HEAD + b"A: ", b"a" * 65536),
    "an endless status line": lambda: endless(b"HTTP/1.1 200 ", b"a" * 65536),
    "endless interim answers": lambda: endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "another protocol": lambda: endless(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", BLANKS),
    "an answer after the answer": lambda: endless(answer(b"{}"), answer(b"{}") * 2000),
}
"""Answers that cost whoever reads them whole."""


def _json(value: Any) -> bytes:
    return answer(json.dumps(value).encode(), status="503 Unavailable")


def databases(text: str) -> bytes:
    return answer(b'{"databases": [%s]}' % text.encode())


ODDITIES: Mapping[str, bytes] = {
    "nested arrays": answer(b"[" * 60_000),
    "nested and closed": answer(b"[" * 30_000 + b"]" * 30_000),
    "nested objects": answer(b'{"databases":' * 4_000),
    "nested in an id": databases('{"id": ' + "[" * 900 + "]" * 900 + ', "state": "refused"}'),
    "nested in a state": databases('{"id": "main", "state": ' + "[" * 900 + "]" * 900 + "}"),
    "no UTF-8": answer(b'{"databases": [{"id": "ma\xff\xfein", "state": "refused"}]}'),
    "UTF-16 cut short": answer(b"\xff\xfe{\x00}"),
    "half of a character": databases(r'{"id": "main\ud800", "state": "refused"}'),
    "an integer of 60,000 digits": databases('{"id": "main", "state": ' + "9" * 60_000 + "}"),
    "an exponent": databases('{"id": 1e999999999, "state": "refused"}'),
    "not a number": databases('{"id": NaN, "state": Infinity}'),
    "no value": databases('{"id": null, "state": null}, null'),
    "nothing": answer(b""),
    "no HTTP": b"\x00\x01\x02\x03" * 4000,
    "a status of four digits": answer(b"{}", status="2000 OK"),
    "a length below zero": _HEAD + b"Content-Length: -1\r\n\r\n{}",
    "two lengths": answer(b"{}", "Content-Length: 77"),
    "an encoding that is a lie": answer(b"{}", "Content-Encoding: gzip"),
    "an unknown encoding": answer(b"{}", "Content-Encoding: rot13"),
    "a charset that is none": _HEAD.replace(b"json", b"json; charset=\xff\x00") + b"\r\n{}",
    "foreign databases": _json({"databases": [{"id": "../../victim", "state": "refused"}]}),
    "a state of its own": _json({"databases": [{"id": "main", "state": NASTY}]}),
}
"""Answers that are none, or tell nothing of a database of the store."""
LIES: Mapping[str, bytes] = {
    "control characters": _json({"databases": [{"id": "main", "state": "refused", "reason": NASTY}]}),
    "a long reason": _json({"databases": [{"id": "main", "state": "refused", "reason": "A" * 60_000}]}),
    "letters of another script": _json({"databases": [{"id": "main", "state": "refused", "reason": "\u05d0\u05d1"}]}),
    "a foreign database beside": _json({"databases": [*DATABASES, {"id": NASTY, "state": "refused"}]}),
    "the same key twice": databases('{"id": "victim", "id": "main", "state": "serving", "state": "refused"}'),
}
"""Answers by which main is refused, with something beside that nobody is to see."""


@asynccontextmanager
async def _server(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server on 127.0.0.1, and its port; nothing of it is left in the end."""
    tasks: set[Any] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            await handle(reader, writer)
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def pod_that_sends(pieces: Callable[[], Iterator[bytes]]) -> AsyncIterator[int]:
    """A server that sends this to whoever connects, as fast as it is taken; gives its port."""

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces():
            writer.write(piece)
            await writer.drain()

    async with _server(handle) as port:
        yield port


@asynccontextmanager
async def pod_that_hangs() -> AsyncIterator[int]:
    """A server that takes connections and says nothing; gives its port."""

    async def handle(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with _server(handle) as port:
        yield port


@asynccontextmanager
async def canary() -> AsyncIterator[tuple[int, list[str]]]:
    """A server that nobody is to be led to; gives its port and what was asked of it."""
    asked: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode())
        writer.write(_json({"databases": DATABASES}))

    async with _server(handle) as port:
        yield port, asked


def redirect(port: int, status: str) -> bytes:
    """An answer that leads elsewhere, with one in it that would be believed."""
    body = json.dumps({"databases": DATABASES}).encode()
    return answer(body, f"Location: http://127.0.0.1:{port}/latest/meta-data", status=status)
