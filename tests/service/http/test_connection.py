"""Connections: what is no request is refused in the form of the API, and nobody holds one for nothing."""

import asyncio
import errno
import json
import re
import socket

import pytest
from aiohttp import ClientConnectionResetError
from aiohttp.http_writer import StreamWriter

from session_service.app import METRICS
from session_service.http import bodies, connection
from session_service.http.parser import LONGEST_HEADER, LONGEST_URL, MOST_HEADERS, Parser
from tests.service.waiting import until

from .listening import answer, exchange

GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"

NO_REQUESTS = [
    (b"GET /" + b"a" * LONGEST_URL + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "url_too_long"),
    (GET + b"X: " + b"a" * (LONGEST_HEADER + 1) + b"\r\n\r\n", 431, "headers_too_large"),
    (GET + b"a" * (LONGEST_HEADER + 1) + b": b\r\n\r\n", 431, "headers_too_large"),
    (GET + b"X: b\r\n" * MOST_HEADERS + b"\r\n", 431, "headers_too_large"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary\r\n", 400, "malformed"),
    (b"CANARY / HTTP/1.1\r\n\r\n", 400, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: canary\r\n\r\n", 400, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed"),
]


@pytest.mark.parametrize(
    ("raw", "status", "reason"), NO_REQUESTS, ids=[str(index) for index in range(len(NO_REQUESTS))]
)
async def test_what_is_no_request_is_refused_in_the_form_of_the_api(v3, listen, log, raw, status, reason):
    port, app = await listen(v3.dsn)
    got, headers, body = answer(await exchange(port, raw))
    assert (got, list(body)) == (status, ["detail"])
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")
    registry = app[METRICS].registry
    assert registry.get_sample_value("agno_session_requests_refused_total", {"reason": reason}) == 1
    [line] = log.lines("session_service.access")
    assert (line["method"], line["route"], line["status"]) == ("other", "unmatched", status)
    assert line["client"] == "127.0.0.1"
    assert "Traceback" not in log.text
    assert "canary" not in log.text
    assert b"canary" not in json.dumps(body).encode()


async def test_what_is_as_long_as_it_may_be_is_served(v3, listen):
    port, _ = await listen(v3.dsn)
    url = b"/healthz?" + b"a" * (LONGEST_URL - len(b"/healthz?"))
    header = b"X: " + b"a" * (LONGEST_HEADER - 1)
    raw = b"GET " + url + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header + b"\r\n\r\n"
    assert (await exchange(port, raw)).startswith(b"HTTP/1.1 200")


async def test_a_client_that_waits_with_its_body_is_asked_for_it(v3, listen):
    port, _ = await listen(v3.dsn)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    writer.write(head + b"Expect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"{}")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201")
    writer.close()


async def test_anything_else_that_a_client_expects_is_ignored(v3, listen):
    port, _ = await listen(v3.dsn)
    answered = await exchange(port, GET + b"Expect: the unexpected\r\nConnection: close\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 200")


async def test_a_client_that_is_gone_before_it_is_asked_for_its_body_fails_nothing(v3, listen, log, monkeypatch):
    port, _ = await listen(v3.dsn)
    write = StreamWriter.write

    async def gone(self, chunk, **words):
        if chunk.startswith(b"HTTP/1.1 100"):
            raise ClientConnectionResetError("Cannot write to closing transport")
        await write(self, chunk, **words)

    monkeypatch.setattr(StreamWriter, "write", gone)
    head = b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    await exchange(port, head + b"Connection: close\r\nExpect: 100-continue\r\n\r\n{}")
    assert "Traceback" not in log.text


async def test_a_request_whose_headers_dribble_is_given_up(v3, listen, monkeypatch):
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.3)
    port, app = await listen(v3.dsn)
    status, headers, body = answer(await exchange(port, GET, more=b"X: y\r\n"))
    assert (status, headers["connection"], body) == (408, "close", {"detail": "Request Timeout"})
    registry = app[METRICS].registry
    assert registry.get_sample_value("agno_session_requests_refused_total", {"reason": "slow"}) == 1


async def test_an_idle_connection_is_not_given_up_as_soon(v3, listen, monkeypatch):
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.1)
    port, _ = await listen(v3.dsn)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(GET + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.readexactly(len(b'{"status":"ok"}'))
        await asyncio.sleep(0.3)
    writer.close()


async def test_a_body_that_dribbles_is_given_up(v3, listen, monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.3)
    port, _ = await listen(v3.dsn)
    head = b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"Content-Length: 1000\r\n\r\n{")
    assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 408")
    writer.close()


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}\r\n\r\nx",
    ],
)
async def test_a_body_that_cannot_be_read_is_the_fault_of_the_client(v3, listen, log, body):
    port, _ = await listen(v3.dsn)
    head = b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
    status, _, _ = answer(await exchange(port, head + body))
    assert status == 400
    assert "Traceback" not in log.text


@pytest.fixture
def long(v3):
    """A history of 50 MB."""
    v3.session("a")
    v3.run(
        """INSERT INTO ai.agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)
        SELECT 'r' || g, 'a', 'agent', g,
            jsonb_build_object('run_id', 'r' || g, 'agent_id', 'x', 'content', repeat('text ', 100000)), 1
        FROM generate_series(1, 100) g"""
    )
    return v3


async def test_a_client_that_stops_reading_gives_its_connection_to_the_database_back(long, listen, monkeypatch):
    monkeypatch.setattr(connection, "WRITE_SECONDS", 2)  # time enough to see that it is used
    port, _ = await listen(long.dsn)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(b"GET /sessions/a/runs HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: "idle in transaction" in [state for _, state, _ in long.backends()])
        await until(lambda: {state for _, state, _ in long.backends()} == {"idle"})


async def received_slowly(client):
    received = 0
    while piece := await asyncio.get_running_loop().sock_recv(client, 20 * 1024):
        received += len(piece)
        await asyncio.sleep(0.3 * len(piece) / 20_000)
    return received


async def test_a_client_that_reads_too_slowly_is_left(long, listen, monkeypatch):
    monkeypatch.setattr(connection, "WRITE_SECONDS", 0.3)
    port, _ = await listen(long.dsn)
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_sendall(client, b"GET /sessions/a/runs HTTP/1.1\r\nHost: a\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await received_slowly(client)


async def test_a_client_that_reads_no_more_than_a_piece_in_time_gets_all_of_it(v3, listen, monkeypatch):
    monkeypatch.setattr(connection, "WRITE_SECONDS", 2)
    text = "0123456789" * 1_200_000
    v3.session("a", session_data={"session_name": "a", "session_state": {"text": text}})
    port, _ = await listen(v3.dsn)
    loop = asyncio.get_running_loop()
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        await loop.sock_sendall(client, b"GET /sessions/a HTTP/1.0\r\nHost: a\r\n\r\n")
        began = loop.time()
        while piece := await loop.sock_recv(client, 64 * 1024):
            received += piece
            await asyncio.sleep(len(piece) / 3_000_000)
        # longer than the whole of it may wait
        assert loop.time() - began > 3
    status, _, body = answer(bytes(received))
    assert (status, body["session_state"]) == (200, {"text": text})


async def test_a_client_that_is_gone_before_its_refusal_is_no_error(v3, listen, log, monkeypatch):
    def gone(self):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(asyncio.selector_events._SelectorSocketTransport, "write_eof", gone)
    port, _ = await listen(v3.dsn)
    unread = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
    assert (await exchange(port, unread)).startswith(b"HTTP/1.1 404")
    assert "Traceback" not in log.text


HTTP_1_0 = b" HTTP/1.0\r\nConnection: keep-alive\r\n"


async def test_chunks_in_http_1_0_are_no_request(v3, listen):
    port, app = await listen(v3.dsn)
    smuggled = b"0\r\n\r\nDELETE /sessions/a HTTP/1.1\r\nHost: a\r\n\r\n"
    raw = await exchange(port, b"POST /sessions" + HTTP_1_0 + b"Transfer-Encoding: chunked\r\n\r\n" + smuggled)
    status, headers, body = answer(raw)  # one answer, and the end of the connection
    assert (status, headers["connection"], body) == (400, "close", {"detail": "Bad Request"})
    registry = app[METRICS].registry
    assert registry.get_sample_value("agno_session_requests_refused_total", {"reason": "malformed"}) == 1


async def test_http_1_0_is_served_and_kept(v3, listen):
    port, _ = await listen(v3.dsn)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b"GET /healthz" + HTTP_1_0 + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Connection: keep-alive" in head
        await reader.readexactly(len(b'{"status":"ok"}'))
    writer.close()


async def test_a_stream_in_http_1_0_ends_with_its_connection(long, listen):
    port, _ = await listen(long.dsn)
    async with asyncio.timeout(connection.KEEPALIVE_SECONDS / 2):
        raw = await exchange(port, b"GET /sessions/a/runs" + HTTP_1_0 + b"\r\n")
    status, headers, runs = answer(raw)
    assert (status, headers.get("connection"), len(runs)) == (200, None, 100)


async def test_a_body_beyond_the_limit_is_refused_before_it_is_sent(v3, listen):
    port, _ = await listen(v3.dsn, AGNO_MAX_BODY_BYTES="1000")
    head = b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1001\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    raw = await reader.readuntil(b"}")
    assert answer(raw)[0::2] == (413, {"detail": "The body is larger than 1000 bytes"})
    writer.close()


@pytest.mark.parametrize("admin", [False, True], ids=["api", "admin"])
async def test_answers_do_not_tell_which_versions_serve(v3, listen, admin):
    port, _ = await listen(v3.dsn, admin=admin)
    nowhere, failing = GET.replace(b"/healthz", b"/nowhere"), GET + b"Expect: the unexpected\r\n"
    for raw in (GET, nowhere, failing):
        answered = await exchange(port, raw + b"Connection: close\r\n\r\n")
        assert b"Server: agno-session-service\r\n" in answered
        assert not re.search(rb"aiohttp|python", answered, re.IGNORECASE)
    assert not re.search(rb"aiohttp|python", await exchange(port, NO_REQUESTS[0][0]), re.IGNORECASE)


WHOLE = GET + b"\r\n"
POSTED = b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
# what is answered, and how many times, before the half of a request that follows it
BEFORE_A_HALF = {
    "one": (WHOLE, 1),
    "more than wait at a time": (WHOLE * 4, 4),
    "a body": (POSTED + b"Content-Length: 2\r\n\r\n{}", 1),
    "a body in chunks": (POSTED + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 1),
    "a body behind those that wait": (WHOLE * 3 + POSTED + b"Content-Length: 2\r\n\r\n{}", 4),
    "a long body": (POSTED + b"Content-Length: 300002\r\n\r\n{" + b" " * 300_000 + b"}", 1),
}


async def answers(port, *pieces):
    """The statuses of all answers to these pieces, which come one after the other, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)
    raw = await reader.read()
    writer.close()
    await writer.wait_closed()
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", raw)]


@pytest.mark.parametrize("half", [b"G", GET, b"\r\n" + GET], ids=["a letter", "lines", "a blank line first"])
@pytest.mark.parametrize(("before", "number"), BEFORE_A_HALF.values(), ids=BEFORE_A_HALF)
async def test_half_a_request_behind_an_answered_one_is_given_up(v3, listen, monkeypatch, before, number, half):
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.3)
    port, _ = await listen(v3.dsn)
    for pieces in (
        [before + half],
        [before, half],
        [before[:-1], before[-1:] + half],
        [before[:-3], before[-3:] + half],
    ):
        async with asyncio.timeout(connection.KEEPALIVE_SECONDS / 3):
            statuses = await answers(port, *pieces)
        assert (len(statuses), statuses[-1]) == (number + 1, 408)


@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["at its end", "with a blank line more"])
@pytest.mark.parametrize(
    ("before", "number"),
    [each for name, each in BEFORE_A_HALF.items() if name != "a body behind those that wait"],
    ids=[name for name in BEFORE_A_HALF if name != "a body behind those that wait"],
)
async def test_a_connection_that_has_sent_whole_requests_is_kept(v3, listen, monkeypatch, before, number, end):
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.2)
    port, _ = await listen(v3.dsn)
    last = GET + b"Connection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(before + end)
    for _ in range(number):
        await reader.readuntil(b"HTTP/1.1 2")
    await asyncio.sleep(0.5)
    writer.write(last)
    assert (await reader.read()).count(b"HTTP/1.1 200") == 1
    writer.close()
    await writer.wait_closed()


async def test_half_a_request_that_becomes_a_whole_one_is_answered(v3, listen, monkeypatch):
    monkeypatch.setattr(connection, "HEADER_SECONDS", 1)
    port, _ = await listen(v3.dsn)
    statuses = await answers(port, WHOLE + GET, b"Connection: close\r\n", b"\r\n")
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 2000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1e8480\r\n"]
)
async def test_a_body_of_ends_of_headers_is_read_in_large_pieces(v3, listen, monkeypatch, framing):
    fed = []
    feed = Parser._feed
    monkeypatch.setattr(Parser, "_feed", lambda self, data: fed.append(len(data)) or feed(self, data))
    port, _ = await listen(v3.dsn)
    statuses = await answers(
        port, POSTED + b"Connection: close\r\n" + framing + b"\r\n\r\n" * 500_000 + b"\r\n0\r\n\r\n"
    )
    assert statuses == [422]
    assert len(fed) < 1000


async def test_requests_that_wait_are_few_however_many_come_at_a_time(v3, listen, monkeypatch):
    most = 0
    feed = Parser.feed_data

    def feed_data(self, data):
        nonlocal most
        found = feed(self, data)
        most = max(most, len(found[0]) + len(self._connection._messages))
        return found

    monkeypatch.setattr(Parser, "feed_data", feed_data)
    port, _ = await listen(v3.dsn)
    statuses = await answers(port, WHOLE * 2000 + GET + b"Connection: close\r\n\r\n")
    assert statuses == [200] * 2001
    assert most <= 10


def chunked(body, size):
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


async def test_a_body_in_chunks_that_are_mostly_framing_is_refused(v3, listen, log):
    port, _ = await listen(v3.dsn)
    head = POSTED + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = json.dumps({"session_id": "small", "session_state": {"text": "a" * 100_000}}).encode()
    status, headers, answered = answer(await exchange(port, head + chunked(body, 1)))
    assert (status, headers["connection"]) == (400, "close")
    assert answered == {"detail": "The chunks of the body are too small: they have more framing than body"}
    assert "Traceback" not in log.text
    assert v3.run("SELECT count(*) FROM ai.agno_sessions") == [(0,)]


@pytest.mark.parametrize("size", [8, 1000, 100_000])
async def test_a_body_in_chunks_of_any_other_size_is_taken(v3, listen, size):
    port, _ = await listen(v3.dsn)
    head = POSTED + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = json.dumps({"session_id": "s", "session_state": {"text": "a" * 150_000}}).encode()
    status, _, answered = answer(await exchange(port, head + chunked(body, size)))
    assert (status, len(answered["session_state"]["text"])) == (201, 150_000)


async def test_a_short_body_may_have_chunks_of_any_size(v3, listen):
    port, _ = await listen(v3.dsn)
    head = POSTED + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = json.dumps({"session_id": "s", "session_state": {"text": "a" * 3000}}).encode()
    status, _, _ = answer(await exchange(port, head + chunked(body, 1)))
    assert status == 201
