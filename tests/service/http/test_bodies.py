"""Bodies: none is inflated, on any listener, and none that nobody reads is taken."""

import asyncio
import gzip
import json

import pytest
from aiohttp.compression_utils import BrotliDecompressor, ZLibDecompressor, ZSTDDecompressor

from session_service.http import connection
from session_service.http.compression import zstd

from .listening import answer, exchange

ZEROS = b"\0" * 2**20
ENCODED = {"gzip": gzip.compress(ZEROS), "deflate": gzip.compress(ZEROS), "zstd": zstd.compress(ZEROS), "br": b"any"}
LISTENERS = {"api": (False, b"POST /sessions"), "probe": (False, b"GET /healthz"), "admin": (True, b"GET /metrics")}
KEY = "canary-key"


def request(line, encoding, body, *, more=0, authorization=KEY):
    """A request with such a body, of which `more` bytes are never sent."""
    head = line + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    head += b"" if encoding is None else b"Content-Encoding: %b\r\n" % encoding.encode()
    head += b"Authorization: Bearer %b\r\n" % authorization.encode()
    return head + b"Content-Length: %d\r\n\r\n" % (len(body) + more) + body


@pytest.fixture
def inflated(monkeypatch):
    """What was inflated."""
    found = []

    def note(self, data, *_, **__):
        found.append(data)
        return b""

    for decompressor in (ZLibDecompressor, ZSTDDecompressor, BrotliDecompressor):
        monkeypatch.setattr(decompressor, "decompress_sync", note)
    return found


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "br", "GZip", "identity, gzip", "unknown"])
async def test_a_body_in_another_encoding_is_refused_and_not_inflated(v3, listen, inflated, listener, encoding):
    admin, line = LISTENERS[listener]
    port, _ = await listen(v3.dsn, admin=admin)
    body = ENCODED.get(encoding.lower(), ENCODED["gzip"])
    # also one that has not arrived: the answer does not wait for it
    for more in (0, 1000):
        status, headers, problem = answer(await exchange(port, request(line, encoding, body, more=more), b""))
        assert (status, problem) == (415, {"detail": "A body can't have a Content-Encoding"})
        assert headers["accept-encoding"] == "identity"
        if not more:
            break
    assert inflated == []


REFUSED_BEFORE = [
    (b"POST /sessions", "wrong", 401),
    (b"POST /nowhere", KEY, 404),
    (b"PUT /sessions", KEY, 405),
]


@pytest.mark.parametrize(("line", "key", "status"), REFUSED_BEFORE)
async def test_other_refusals_come_first_and_inflate_nothing_either(v3, listen, inflated, line, key, status):
    port, _ = await listen(v3.dsn, OS_SECURITY_KEY=KEY)
    raw = request(line, "zstd", ENCODED["zstd"], more=1, authorization=key)
    assert answer(await exchange(port, raw))[0] == status
    assert inflated == []


async def test_a_token_without_the_scope_is_refused_first(v3, listen, inflated):
    jwt = pytest.importorskip("jwt")
    secret = "a key that is long enough for its algorithm"
    token = jwt.encode({"sub": "u", "scopes": ["sessions:read"]}, secret, "HS256")
    port, _ = await listen(v3.dsn, JWT_VERIFICATION_KEY=secret, AGNO_JWT_ALGORITHM="HS256", AGNO_AUTHORIZATION="true")
    raw = request(b"POST /sessions", "zstd", ENCODED["zstd"], more=1, authorization=token)
    assert answer(await exchange(port, raw))[0] == 403
    assert inflated == []


@pytest.mark.parametrize("encoding", ["identity", "Identity", "", "identity, identity", None])
async def test_a_body_as_it_is_is_read(v3, listen, encoding):
    port, _ = await listen(v3.dsn)
    raw = request(b"POST /sessions", encoding, b'{"session_id": "a"}').replace(
        b"Host: a", b"Host: a\r\nConnection: close"
    )
    assert answer(await exchange(port, raw))[0] == 201


@pytest.mark.parametrize("listener", ["probe", "admin"])
@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"])
async def test_without_a_body_an_encoding_means_nothing(v3, listen, listener, length):
    admin, line = LISTENERS[listener]
    port, _ = await listen(v3.dsn, admin=admin)
    raw = line + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: zstd\r\n" + length + b"\r\n"
    assert (await exchange(port, raw)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("listener", ["unauthenticated", "probe", "admin"])
async def test_a_body_that_nobody_read_ends_the_connection_at_once(v3, listen, monkeypatch, listener):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 3600)
    admin, line = LISTENERS.get(listener, LISTENERS["api"])
    port, _ = await listen(v3.dsn, admin=admin, OS_SECURITY_KEY=KEY)
    raw = await exchange(port, request(line, None, b"{", more=1000, authorization="wrong"))
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"Connection: close" in head
    assert head.startswith(b"HTTP/1.1 401" if listener == "unauthenticated" else b"HTTP/1.1 200")


async def test_a_client_that_goes_on_sending_has_its_answer_and_no_more(v3, listen, monkeypatch):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 3600)
    port, _ = await listen(v3.dsn, OS_SECURITY_KEY=KEY)
    body = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 200_000
    raw = await exchange(port, request(b"POST /sessions", None, body, more=1, authorization="wrong"))
    assert answer(raw)[0] == 401
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 0.1)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(b"POST /sessions", None, b"{", more=2**40, authorization="wrong"))

    async def go_on():
        while True:
            writer.write(b" " * 1000)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with asyncio.timeout(8):  # aiohttp would take what comes for ten seconds
        with pytest.raises(ConnectionError):
            await go_on()
    writer.close()


async def test_a_client_that_waits_is_not_asked_for_a_body_that_nobody_reads(v3, listen):
    port, _ = await listen(v3.dsn, OS_SECURITY_KEY=KEY)
    raw = request(b"POST /sessions", None, b"", more=2, authorization="wrong")
    raw = raw.replace(b"Host: a\r\n", b"Host: a\r\nExpect: 100-continue\r\n")
    assert (await exchange(port, raw)).startswith(b"HTTP/1.1 401")


async def test_a_body_that_was_read_keeps_its_connection(v3, listen):
    port, _ = await listen(v3.dsn)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for body in (b'{"session_id": "a"}', b"{", b"[]"):
        raw = request(b"POST /sessions", None, body)
        for piece in (raw[: -len(body)], raw[-len(body) :]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        json.loads(await reader.readexactly(length))
        assert b"Connection: close" not in head
    writer.close()
