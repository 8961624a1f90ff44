"""An identity provider on a socket of its own: it publishes keys, and can be made to fail in every way."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


class IdentityProvider:
    """Answers each request as it is told to, and remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent = 0
        self.behaviour: Behaviour = says(b"")
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def publish(self, *keys: Any, **headers: str) -> None:
        """Answer with these keys from now on."""
        self.behaviour = says(json.dumps({"keys": keys}).encode(), **headers)

    async def begin(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def end(self) -> None:
        """Listen no more, and drop who is there."""
        assert self._server
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split()[1].decode())
            self.head = head.decode()
            await self.behaviour(writer)
        writer.close()
        self._writers.discard(writer)


def says(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    """Answers with this."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in named.items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()

    async def behaviour(writer: asyncio.StreamWriter) -> None:
        writer.write(head + body)
        await writer.drain()

    return behaviour


def never_ends(head: bytes, piece: bytes, counted: list[int]) -> Behaviour:
    """Goes on and on; `counted` is told the bytes of each piece that the other side made room for."""

    async def behaviour(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            counted.append(len(piece))

    return behaviour


async def hangs(writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    await asyncio.sleep(3600)


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    """Takes the request and closes."""


@asynccontextmanager
async def identity_provider() -> AsyncIterator[IdentityProvider]:
    """One that listens."""
    provider = IdentityProvider()
    await provider.begin()
    yield provider
    await provider.end()
