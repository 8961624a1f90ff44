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
from typing import Any

from aiohttp import HttpVersion11, http_exceptions, web
from aiohttp.hdrs import SERVER
from aiohttp.web_protocol import RequestHandler

from session_service.http.answers import failure
from session_service.http.errors import ApiError
from session_service.http.parser import MOST_WAITING, READ_BYTES, Parser, refusal

# longer than the idle timeout of common proxies, so that they close first
KEEPALIVE_SECONDS = 75.0
HEADER_SECONDS = 10.0
# in which a client takes what is sent at a time (sending.AT_ONCE), so that the next may be written
WRITE_SECONDS = 5.0
_CANCEL_SECONDS = 0.1
_LINGER_SECONDS = 1.0
_NO_LINGER = struct.pack("ii", 1, 0)

# aiohttp would tell its version and Python's
SERVER_NAME = "agno-session-service"

Refusal = Callable[[int, str | None], None]

log = logging.getLogger("session_service.http")


class Connection(RequestHandler):
    """Ends a connection whose request does not arrive, or whose client does not read.

    `refused` is told the status of each request that never was one, and the address that it came from.
    """

    __slots__ = ("_broken", "_header_timer", "_refused", "_write_timer")

    def __init__(
        self, manager: web.Server, loop: asyncio.AbstractEventLoop, most_header_bytes: int, refused: Refusal
    ) -> None:
        super().__init__(
            manager,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=KEEPALIVE_SECONDS,
            lingering_time=0,
        )
        self._parser = Parser(self, most_header_bytes)
        self._max_msg_queue_size, self._msg_queue_resume_size = MOST_WAITING, 0
        self._broken = False
        self._refused = refused
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    @property
    def _client(self) -> str | None:
        peer = self.peername
        return str(peer[0]) if isinstance(peer, tuple) else None

    @property
    def waits(self) -> bool:
        """Whether no request of it is being answered: none has come, or not all of one."""
        return self._waiter is not None and not self._waiter.done()

    def waits_since(self) -> float:
        """When it was opened, or had its last answer, by the clock of the loop."""
        return self._next_keepalive_close_time - KEEPALIVE_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; what a client sends before we want it is at most what is read at a time."""
        if hasattr(transport, "max_size"):  # uvloop's has no such thing
            transport.max_size = READ_BYTES
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request that has begun and not arrived is given `HEADER_SECONDS` from its first byte.

        If that came while another was answered, from the end of that answer.
        """
        before = self._request_count
        super().data_received(data)
        if self._header_timer is None:
            if self.waits and self._request_count == before and data.strip():
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
        self._say_no_more()
        self._header_timer = self._loop.call_later(_LINGER_SECONDS, self.force_close)

    def _say_no_more(self) -> None:
        """Close our side, and drop what the client still sends as it comes.

        Closed with bytes unread a connection is reset, and the answer lost: it has `_LINGER_SECONDS` until then.
        """
        self._close = True
        if self.transport is not None:
            with contextlib.suppress(OSError):  # it may be gone, which is not noticed while nothing is read of it
                self.transport.write_eof()
            self.resume_reading(resume_parser=False)
            # reading is also paused while requests wait behind this one; else a client that leaves is not noticed
            self._resume_reading_for_buffer()

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

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, or the end of one. A body that nobody read ends the connection: nobody waits for its rest."""
        unread = self._broken or request.can_read_body
        # aiohttp would keep it open although only its end tells the end of such an answer
        endless = request.version < HttpVersion11 and resp.content_length is None
        if unread or endless:
            resp.force_close()
        if not resp.prepared:
            resp.headers.setdefault(SERVER, SERVER_NAME)
        finished = await super().finish_response(request, resp, start_time)
        parser = self._parser
        if self._header_timer is None and not self._messages and isinstance(parser, Parser) and parser.begun:
            self._header_timer = self._loop.call_later(HEADER_SECONDS, self._header_late)
        if unread:
            self._say_no_more()
            await asyncio.sleep(_LINGER_SECONDS)
        return finished

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
            self._broken = True
            error = refusal(exc)
            self._refused(error.status, self._client)
        else:
            log.error("a request failed outside of its handler", exc_info=exc)
            error = ApiError(status, "Internal server error")
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        response = failure(error)
        response.force_close()
        response.headers["Connection"] = "close"
        return response
