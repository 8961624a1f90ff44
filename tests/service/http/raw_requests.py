"""Seeded raw bytes for an HTTP port: requests that are well framed and odd within, and bytes that are no request."""

import json
import random
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "PROPFIND", "TRACE", "LOCK", "QUERY")
PARTS = (
    "sessions",
    "healthz",
    "health",
    "ready",
    "startup",
    "runs",
    "run-previews",
    "rename",
    "a",
    "b",
    "r1",
    "",
    "..",
)
QUERY = (
    *("db_id", "table", "user_id", "type", "limit", "page", "sort_by", "sort_order", "status", "component_id"),
    *("session_name", "delete_media", "created_after", "created_before", "odd"),
)
ODD = (
    *(b"", b"0", b"-1", b"1e9", b"9" * 40, b"null", b"true", b"agent", b"team", b"main", b"asc", b"%", b"_", b"'"),
    *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", "\xe9\u6f22\U0001f600".encode(), b"../..", b"a" * 3000, b"${jndi}"),
    *(b"{{7*7}}", b"%s%n", b"\\", b'"'),
)
TYPES = (b"application/json", b"application/json; charset=utf-16", b"text/plain", b"application/x+json", b"a/b;;=")
NAMES = (
    *(b"Accept-Encoding", b"Authorization", b"Origin", b"X-Request-ID", b"traceparent", b"X-Forwarded-For"),
    *(b"Access-Control-Request-Method", b"If-None-Match", b"Range", b"Cookie", b"TE", b"X-Odd"),
)
MEMBERS = (
    *("session_id", "session_name", "session_state", "metadata", "user_id", "agent_id", "team_id", "summary", "runs"),
    *("session_ids", "session_types", "odd"),
)
PREFACES = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\x00\x00", b"GET /sessions\r\n\r\n")
HEADS = (b"POST /sessions", b"PATCH /sessions/a", b"GET /sessions", b"get /sessions", b"HEAD /sessions")
FRAMES = (
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 18446744073709551617\r\n\r\n{}",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nx",
    b"Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\n{}\n\r\nzz\r\n",
    b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip\r\n\r\n",
    b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    b"Content-Encoding: zstd\r\nContent-Length: 4\r\n\r\n\x28\xb5\x2f\xfd",
    b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nabcd",
    b"X: " + b"y" * 40_000 + b"\r\n\r\n",
    b"X: y\r\n" * 200 + b"\r\n",
    b" folded: header\r\n\r\n",
    b"No colon here\r\n\r\n",
    b"X\x00Y: 1\r\n\r\n",
    b"X: a\x00b\r\n\r\n",
    b"Host: b\r\n\r\n",
    b"Expect: odd\r\nContent-Length: 2\r\n\r\n{}",
    b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nmore",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x01a",
)


class RawRequests:
    """Draws from a seed; the same seed gives the same bytes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def batches(self, count: int) -> Iterator[list[bytes]]:
        """Inputs to be sent on a connection each batch: many that are framed well, or one that may not be."""
        while count > 0:
            framed = self._random.random() < 0.5
            batch = [self.framed() for _ in range(min(count, 16))] if framed else [self.broken()]
            count -= len(batch)
            yield batch

    def framed(self) -> bytes:
        """A request whose end can be told, whatever it asks for."""
        choice = self._random
        method = choice.choice(METHODS[:4] if choice.random() < 0.8 else METHODS)
        lines = [f"{method} ".encode() + self._target() + b" HTTP/1.1", b"Host: a"]
        for _ in range(choice.randint(0, 3)):
            lines.append(choice.choice(NAMES) + b": " + self._header_value())
        body = self._body() if method in {"POST", "PATCH", "DELETE", "PUT"} else b""
        if body:
            lines += [b"Content-Type: " + choice.choice(TYPES[:2] if choice.random() < 0.8 else TYPES)]
            lines += [b"Content-Length: %d" % len(body)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def broken(self) -> bytes:
        """Bytes of which the server has to make something."""
        choice = self._random
        match choice.randint(0, 6):
            case 0:
                return choice.randbytes(choice.randint(1, 200)) + b"\r\n\r\n"
            case 1:
                return choice.choice(PREFACES)
            case 2 | 3:
                head = (
                    choice.choice((b"POST /sessions", b"PATCH /sessions/a", b"GET /sessions"))
                    + b" HTTP/1.1\r\nHost: a\r\n"
                )
                return head + choice.choice(FRAMES)
            case 4:
                return b"GET /" + b"a" * choice.choice((16_000, 20_000, 100_000)) + b" HTTP/1.1\r\nHost: a\r\n\r\n"
            case _:
                return self._mutated(self.framed())

    def _mutated(self, raw: bytes) -> bytes:
        choice, mutated = self._random, bytearray(raw)
        for _ in range(choice.randint(1, 4)):
            place = choice.randrange(len(mutated) or 1)
            match choice.randint(0, 3):
                case 0 if mutated:
                    mutated[place] = choice.randrange(256)
                case 1:
                    del mutated[place : place + choice.randint(1, 20)]
                case 2:
                    mutated[place:place] = choice.choice(
                        (b"\x00", b"\r", b"\n", b"\r\n\r\n", b" ", b"\x7f", b"\xff" * 9)
                    )
                case _:
                    mutated += mutated[place : place + choice.randint(1, 100)]
        return bytes(mutated)

    def _target(self) -> bytes:
        choice = self._random
        parts = ["sessions", *choice.choices(PARTS, k=choice.randint(0, 3))]
        if choice.random() < 0.1:
            parts = choice.choices(PARTS, k=choice.randint(1, 6))
        target = "/" + "/".join(parts)
        if choice.random() < 0.1:
            target += "/" + quote_from_bytes(choice.choice(ODD))
        pairs = [f"{choice.choice(QUERY)}={quote_from_bytes(choice.choice(ODD))}" for _ in range(choice.randint(0, 3))]
        return (target + ("?" + "&".join(pairs) if pairs else "")).encode()

    def _header_value(self) -> bytes:
        value = self._random.choice((*ODD, b"gzip, zstd", b"Bearer x", b"http://localhost:3000", b"00-" + b"1" * 32))
        return bytes(byte for byte in value if byte >= 32 and byte != 127)

    def _body(self) -> bytes:
        choice = self._random
        match choice.randint(0, 9):
            case 0:
                return choice.randbytes(choice.randint(1, 50))
            case 1:
                return b"[" * choice.choice((1, 10, 20_000))
            case 2:
                return json.dumps({"session_id": "s" * choice.choice((1, 100, 100_000))}).encode()
            case _:
                members = {choice.choice(MEMBERS): self._value(3) for _ in range(choice.randint(0, 4))}
                return json.dumps(members, ensure_ascii=choice.random() < 0.5).encode("utf-8", "surrogatepass")

    def _value(self, depth: int) -> object:
        choice = self._random
        match choice.randint(0, 9 if depth else 6):
            case 0:
                return None
            case 1:
                return choice.choice((0, -1, 2**70, 1.5, float("nan"), float("inf"), True))
            case 2 | 3 | 4:
                return choice.choice(("", "a", "b", "agent", "é\ud800", "\x00", "x" * 1000, "2025-01-01T00:00:00Z"))
            case 5 | 6:
                return choice.choice(ODD).decode("latin-1")
            case 7:
                return [self._value(depth - 1) for _ in range(choice.randint(0, 3))]
            case _:
                return {
                    choice.choice((*MEMBERS, "\x00", "run_id")): self._value(depth - 1)
                    for _ in range(choice.randint(0, 3))
                }
