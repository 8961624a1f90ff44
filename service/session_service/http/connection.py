"""One connection of a client: aiohttp's, with time limits that it lacks and refusals in the form of the API.

aiohttp 3.14 limits how long a connection may be idle, not how long a request may take to arrive or an answer to leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable
from typing import Any, cast

from aiohttp import HttpVersion11, http_exceptions, web
from aiohttp.web_protocol import RequestHandler

from session_service.http.answers import failure
from session_service.http.errors import ApiError

# longer than the idle timeout of common proxies, so that they close first
KEEPALIVE_SECONDS = 75.0
HEADER_SECONDS = 10.0
# in which a client takes what is sent at a time (sending.AT_ONCE), so that the next may be written
WRITE_SECONDS = 5.0
_CANCEL_SECONDS = 0.1
_LINGER_SECONDS = 1.0
_NO_LINGER = struct.pack("ii", 1, 0)

# the parser tells which of the two was exceeded by its number alone: they must differ
LONGEST_URL = 16 * 1024
LONGEST_HEADER = 32 * 1024
MOST_HEADERS = 128

# aiohttp would tell its version and Python's
SERVER_NAME = "agno-session-service"

LIMITS = {
    "keepalive_timeout": KEEPALIVE_SECONDS,
    "max_line_size": LONGEST_URL,
    "max_field_size": LONGEST_HEADER,
    "max_headers": MOST_HEADERS,
}

Refusal = Callable[[int, str | None], None]

log = logging.getLogger("session_service.http")


class Connection(RequestHandler):
    """Ends a connection whose request does not arrive, or whose client does not read.

    `refused` is told the status of each request that never was one, and the address that it came from.
    """

    __slots__ = ("_header_timer", "_refused", "_write_timer")

    def __init__(self, manager: web.Server, loop: asyncio.AbstractEventLoop, refused: Refusal) -> None:
        super().__init__(manager, loop=loop, access_log=None, **LIMITS)  # type: ignore[arg-type]
        self._refused = refused
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    @property
    def _client(self) -> str | None:
        peer = self.peername
        return str(peer[0]) if isinstance(peer, tuple) else None

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request that has begun and not arrived is given `HEADER_SECONDS` from its first byte."""
        before = self._request_count
        super().data_received(data)
        if self._header_timer is None:
            waiting = self._waiter is not None and not self._waiter.done()
            if waiting and self._request_count == before and data.strip():
                self._header_timer = self._loop.call_later(HEADER_SECONDS, self._header_late)
        elif self._request_count != before:
            self._header_timer.cancel()
            self._header_timer = None

    def _header_late(self) -> None:
        self._header_timer = None
        if self.transport is None or self._force_close:
            return
        self._refused(408, self._client)
        response = b'{"detail":"Request Timeout"}'
        self.transport.write(
            b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(response), response)
        )
        # closed with bytes unread a connection is reset, and the answer lost: take what still comes, for a while
        self._close = True
        self.transport.write_eof()
        self._header_timer = self._loop.call_later(_LINGER_SECONDS, self.force_close)

    def pause_writing(self) -> None:
        """The client reads slower than we write: give it some time for what was written."""
        super().pause_writing()
        self._write_timer = self._loop.call_later(WRITE_SECONDS, self._write_late)

    def resume_writing(self) -> None:
        """It has read nearly all."""
        self._forget_writing()
        super().resume_writing()

    def _write_late(self) -> None:
        self._write_timer = None
        if self.transport is not None:
            log.info("a client does not read its answer: its connection is closed")
            # the kernel, too, forgets what it holds of the answer
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.transport.abort()

    def _forget_writing(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - as aiohttp has it
        """Let the request under way end within `timeout` seconds; aiohttp would let it have twice as long."""
        self._force_close = True
        if self._request_in_progress and self._task_handler is not None:
            await asyncio.wait([self._task_handler], timeout=timeout)
        await super().shutdown(_CANCEL_SECONDS)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the timers."""
        self._forget_writing()
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        super().connection_lost(exc)

    def log_exception(self, *args: Any, **words: Any) -> None:
        """Log an exception, but for a body that can't be read, which comes to light again when its rest is skipped."""
        if not isinstance(words.get("exc_info"), web.RequestPayloadError | http_exceptions.HttpProcessingError):
            super().log_exception(*args, **words)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to what is no request, in the form of the API; aiohttp would log a traceback for each."""
        if isinstance(exc, ConnectionError):  # the client is gone: aiohttp ends the connection
            raise exc
        if status == 400:
            error = _refusal(exc)
            self._refused(error.status, self._client)
        else:
            log.error("a request failed outside of its handler", exc_info=exc)
            error = ApiError(status, "Internal server error")
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        response = failure(error)
        response.force_close()
        response.headers.update({"Connection": "close", "Server": SERVER_NAME})
        return response


async def expectation(request: web.BaseRequest) -> None:
    """Ask a client for the body with which it waits; anything else that it expects is ignored, as AgentOS does."""
    if request.version == HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        with contextlib.suppress(ConnectionError):  # it may be gone: its request is cancelled then
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # the answer itself has not begun
        request.writer.output_size = 0


def _refusal(exc: BaseException | None) -> ApiError:
    match exc:
        case http_exceptions.LineTooLong(args=(_, limit, *_)) if limit == LONGEST_URL:
            return ApiError(414, f"The URL is longer than {LONGEST_URL} bytes")
        case http_exceptions.LineTooLong():
            return ApiError(431, f"A header is longer than {LONGEST_HEADER} bytes")
        case http_exceptions.BadHttpMessage(message="Too many headers received"):
            return ApiError(431, f"There are more than {MOST_HEADERS} headers")
    return ApiError(400, "Bad Request")


class Site(web.BaseSite):
    """Listens, and makes a `Connection` of each client. A `shared` port may be listened on by other processes too."""

    def __init__(self, runner: web.BaseRunner, host: str, port: int, refused: Refusal, *, shared: bool = False) -> None:
        super().__init__(runner)
        self._host, self._port, self._refuse, self._shared = host, port, refused, shared

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Begin to listen. Raises OSError."""
        await super().start()
        loop, server = asyncio.get_running_loop(), self._runner.server

        def connection() -> Connection:
            return Connection(cast("web.Server", server), loop, self._refuse)

        self._server = await loop.create_server(
            connection, self._host, self._port, reuse_address=True, reuse_port=self._shared or None
        )
