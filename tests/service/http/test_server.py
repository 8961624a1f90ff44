"""The listener: so many connections, so many bytes of headers, and who makes room for whom."""

import asyncio
import re
import socket

import pytest

from session_service.app import METRICS
from session_service.http import connection, server
from session_service.http.parser import LONGEST_HEADER, LONGEST_URL
from tests.service.waiting import until

from .listening import answer, exchange

MOST = 4
GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
CLOSING = GET + b"Connection: close\r\n\r\n"
# a request whose body never ends keeps its connection busy
BUSY = b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
WITHOUT_REQUEST = {"silent": b"", "unfinished": GET, "answered": GET + b"\r\n"}


def sample(app, name):
    return app[METRICS].registry.get_sample_value(f"agno_session_http_{name}")


@pytest.fixture
async def connect():
    """Connections that each send a few bytes, and stay."""
    writers = []

    async def opened(port, raw, count=1):
        found = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(raw)
            writers.append(writer)
            found.append((reader, writer))
        return found

    yield opened
    for writer in writers:
        writer.transport.abort()


async def test_beyond_the_most_connections_none_is_taken_until_one_leaves(v3, listen, connect):
    port, app = await listen(v3.dsn, AGNO_MAX_CONNECTIONS=str(MOST))
    busy = await connect(port, BUSY, MOST)
    await until(lambda: sample(app, "requests_in_flight") == MOST)
    asking = asyncio.create_task(exchange(port, CLOSING))
    await until(lambda: sample(app, "accept_pauses_total") == 1)
    done, _ = await asyncio.wait([asking], timeout=0.3)
    assert not done
    assert (sample(app, "connections"), sample(app, "max_connections")) == (MOST, MOST)
    reader, writer = busy[0]
    writer.write(b"{}")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 201")
    # its connection has no request now, and makes room
    assert (await asking).startswith(b"HTTP/1.1 200")
    assert sample(app, "connections_displaced_total") == 1
    asking = asyncio.create_task(exchange(port, BUSY))
    await until(lambda: sample(app, "requests_in_flight") == MOST)
    busy[1][1].transport.abort()
    assert (await exchange(port, CLOSING)).startswith(b"HTTP/1.1 200")
    asking.cancel()


@pytest.mark.parametrize("raw", WITHOUT_REQUEST.values(), ids=WITHOUT_REQUEST)
async def test_what_is_without_a_request_the_longest_makes_room(v3, listen, connect, raw):
    port, app = await listen(v3.dsn, AGNO_MAX_CONNECTIONS=str(MOST))
    [(busy, busy_writer)] = await connect(port, BUSY)
    await until(lambda: sample(app, "requests_in_flight") == 1)
    waiting = []
    for count in range(2, MOST + 1):
        waiting += await connect(port, raw)
        await until(lambda count=count: sample(app, "connections") == count)
        if raw == WITHOUT_REQUEST["answered"]:
            await waiting[-1][0].readuntil(b"}")
    assert (await exchange(port, CLOSING)).startswith(b"HTTP/1.1 200")
    assert await waiting[0][0].read() == b""
    assert sample(app, "connections_displaced_total") == 1
    assert not any(reader.at_eof() for reader, _ in waiting[1:])
    busy_writer.write(b"{}")
    assert (await busy.readuntil(b"\r\n")).startswith(b"HTTP/1.1 201")


async def test_a_flood_of_connections_keeps_nobody_out(v3, listen, connect):
    port, app = await listen(v3.dsn, AGNO_MAX_CONNECTIONS=str(MOST))
    for _ in range(10):
        await connect(port, GET, 10)
        assert (await exchange(port, CLOSING)).startswith(b"HTTP/1.1 200")
    assert sample(app, "connections") <= MOST


async def test_a_connection_that_cannot_be_taken_is_not_the_last(v3, listen, monkeypatch, log):
    monkeypatch.setattr(server, "_PAUSE_SECONDS", 0.01)
    port, _ = await listen(v3.dsn)
    await exchange(port, CLOSING)
    loop, failures = asyncio.get_running_loop(), [OSError(24, "Too many open files"), ConnectionAbortedError()]
    accept = loop.sock_accept

    async def failing(listening):
        if failures:
            raise failures.pop(0)
        return await accept(listening)

    monkeypatch.setattr(loop, "sock_accept", failing)
    for _ in range(2):
        assert (await exchange(port, CLOSING)).startswith(b"HTTP/1.1 200")
    assert not failures
    assert "can't accept connections: Too many open files" in log.text


async def test_every_address_of_a_name_is_listened_on(v3, listen):
    port, _ = await listen(v3.dsn, host="localhost")
    with socket.create_connection(("localhost", port)):
        pass
    assert (await exchange(port, CLOSING)).startswith(b"HTTP/1.1 200")


def headers(size, *, value=1000):
    """Headers of so many bytes, with the line ends and what is between name and value."""
    host = b"Host: a\r\nConnection: close\r\n"
    lines, rest = divmod(size - len(host), value)
    text = host + (b"X: " + b"a" * (value - 5) + b"\r\n") * (lines - 1)
    return text + b"X: " + b"a" * (value + rest - 5) + b"\r\n"


@pytest.mark.parametrize("limit", [None, 3000])
async def test_headers_are_limited_together(v3, listen, limit):
    port, app = await listen(v3.dsn, **({} if limit is None else {"AGNO_MAX_HEADER_BYTES": str(limit)}))
    limit = limit or 64 * 1024
    line = b"GET /healthz HTTP/1.1\r\n"
    assert (await exchange(port, line + headers(limit) + b"\r\n")).startswith(b"HTTP/1.1 200")
    status, found, body = answer(await exchange(port, line + headers(limit + 1) + b"\r\n"))
    assert (status, found["connection"]) == (431, "close")
    assert body == {"detail": f"The headers are longer than {limit} bytes together"}
    # headers that have not ended are not waited for
    status, _, _ = answer(await exchange(port, line + headers(limit + LONGEST_URL)))
    assert status == 431
    registry = app[METRICS].registry
    assert registry.get_sample_value("agno_session_requests_refused_total", {"reason": "headers_too_large"}) == 2


async def test_long_bodies_and_long_urls_are_no_headers(v3, listen):
    port, _ = await listen(v3.dsn, AGNO_MAX_HEADER_BYTES="100")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"session_name": "' + b"a" * 200_000 + b'"}'
    head = b"POST /sessions?%b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" % (b"u" * 16_000)
    for _ in range(3):
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 201")
        length = int((await reader.readuntil(b"\r\n\r\n")).lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()


async def test_headers_that_follow_a_body_are_limited_too(v3, listen):
    port, _ = await listen(v3.dsn, AGNO_MAX_HEADER_BYTES="1000")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(BUSY + b"{}")
    assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 201")
    writer.write(GET + (b"X: " + b"a" * (LONGEST_HEADER - 10) + b"\r\n") * 2)
    assert b" 431 Request Header Fields Too Large\r\n" in await reader.read()
    writer.close()


CHUNKED = b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("limit", [None, 1000])
@pytest.mark.parametrize("beside", [b"2\r\n{}\r\n0\r\n" + b"X: " + b"a" * 30_000 + b"\r\n", b"2;" + b"a" * 30_000])
async def test_what_chunks_have_beside_the_body_is_limited_like_headers(v3, listen, limit, beside):
    port, app = await listen(v3.dsn, **({} if limit is None else {"AGNO_MAX_HEADER_BYTES": str(limit)}))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(CHUNKED + beside)
    for _ in range(4):
        writer.write(beside[-30_000:])
    async with asyncio.timeout(5):
        assert (await reader.read()).split(b" ")[1] in {b"400", b"431"}
    writer.close()
    assert not app[METRICS].in_flight


async def test_long_bodies_in_chunks_are_no_headers(v3, listen):
    port, _ = await listen(v3.dsn, AGNO_MAX_HEADER_BYTES="100")
    body = b'{"session_name": "' + b"a" * 1_000_000 + b'"}'
    for size in (1, 7, 100_000, len(body)):
        part = body if size > 7 else body[:18] + b"a" * (3_000 if size == 1 else 30_000) + b'"}'
        chunks = [part[start : start + size] for start in range(0, len(part), size)]
        raw = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nX: trailer\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CHUNKED + raw)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 201")
        writer.close()


async def test_requests_that_follow_each_other_are_all_answered_in_order(v3, listen):
    port, _ = await listen(v3.dsn)
    count = 500
    paths = (b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", GET + b"\r\n")
    raw = await exchange(port, b"".join(paths[number % 2] for number in range(count)) + CLOSING)
    statuses = re.findall(rb"HTTP/1.1 (\d{3}) ", raw)
    assert statuses == [(b"404", b"200")[number % 2] for number in range(count)] + [b"200"]


@pytest.mark.parametrize("behind", [0, 9], ids=["alone", "before others"])
async def test_whoever_leaves_after_a_body_that_was_not_read_makes_room_at_once(
    v3, listen, connect, monkeypatch, behind
):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 50)
    port, app = await listen(v3.dsn)
    unread = b"PUT /sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" + (GET + b"\r\n") * behind
    [(reader, writer)] = await connect(port, unread)
    assert (await reader.read()).startswith(b"HTTP/1.1 405")
    writer.transport.abort()
    await until(lambda: sample(app, "connections") == 0, seconds=20)
