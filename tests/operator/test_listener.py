"""The operator's port as any pod of the cluster may use it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp.compression_utils import ZLibDecompressor
from prometheus_client import CollectorRegistry

from session_operator.health import routes
from session_operator.listener import MOST_CONNECTIONS, listening

from .apiserver import free_ports

BODY = gzip.compress(b"\0" * 2**20)
ENCODED = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    [port] = free_ports(1)
    async with listening(f"127.0.0.1:{port}", routes(lambda: {"status": "ok"}, CollectorRegistry())):
        yield port


async def exchange(port: int, raw: bytes) -> bytes:
    """All that comes back for these bytes, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("line", "status"),
    [(b"GET /healthz", 415), (b"GET /metrics", 415), (b"GET /nowhere", 404), (b"POST /healthz", 405)],
)
@pytest.mark.parametrize("missing", [0, 1000])
async def test_no_body_is_inflated_or_waited_for(
    port: int, line: bytes, status: int, missing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inflated: list[bytes] = []
    monkeypatch.setattr(ZLibDecompressor, "decompress_sync", lambda _, data, *__, **___: inflated.append(data) or b"")

    raw = line + b" HTTP/1.1\r\nHost: a\r\n" + ENCODED % (len(BODY) + missing) + BODY

    assert (await exchange(port, raw)).startswith(b"HTTP/1.1 %d" % status)
    assert inflated == []


async def test_without_a_body_an_encoding_means_nothing(port: int) -> None:
    raw = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: gzip\r\n\r\n"

    assert (await exchange(port, raw)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "raw", [b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"no request\r\n\r\n"]
)
async def test_it_does_not_tell_which_versions_serve(port: int, raw: bytes) -> None:
    answer = await exchange(port, raw)

    assert b"Server: session-operator\r\n" in answer
    assert b"aiohttp" not in answer


async def test_a_flood_of_connections_takes_no_place_from_the_next(port: int) -> None:
    unfinished = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: "
    flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_CONNECTIONS * 2)]
    for _, writer in flood:
        writer.write(unfinished)

    answer = await exchange(port, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    oldest = flood[: MOST_CONNECTIONS + 1]
    await asyncio.gather(*(reader.read() for reader, _ in oldest), return_exceptions=True)
    for _, writer in flood:
        writer.close()
