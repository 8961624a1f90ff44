"""Sends answers no faster than clients read them, so that memory holds only a piece of a long answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from session_service.http.answers import JSON, answer, failure
from session_service.http.budget import STREAM, NoRoom
from session_service.http.compression import Encoder
from session_service.http.errors import no_room
from session_service.http.requests import Call

# Bytes per write. A client has connection.WRITE_SECONDS to take them, so this determines how slow it may be.
AT_ONCE = 64 * 1024
# a longer answer is sent while it is built, in pieces of this size
PIECE = 256 * 1024


async def send(call: Call, response: web.StreamResponse) -> web.StreamResponse:
    """The answer, compressed for the client if its body is large. A long body has been sent on return, like a stream.

    If the budget has no room for a long answer, the result is a refusal instead.
    """
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if len(response.body) > AT_ONCE:
        try:
            call.holding.take(len(response.body))
        except NoRoom:
            return failure(no_room())
    encoding = call.encoding(len(response.body))
    if encoding is not None:
        response.body = await Encoder(encoding).piece(response.body, last=True)
        response.headers["Content-Encoding"] = encoding
    body = response.body
    if len(body) <= AT_ONCE:
        return response
    sent = web.StreamResponse(status=response.status, headers=response.headers)
    sent.content_length = len(body)
    await call.begin(sent)
    await _write(sent, body)
    await sent.write_eof()
    return sent


async def send_pieces(call: Call, pieces: AsyncIterator[bytes], status: int = 200) -> web.StreamResponse:
    """An answer from pieces of any size: returned whole if it is short, else streamed."""
    stream: _Stream | None = None
    gathered, begun = bytearray(), False
    try:
        async for piece in pieces:
            if not begun:
                await call.holding.wait(STREAM)
                begun = True
            if len(gathered) > PIECE:
                if stream is None:
                    stream = await _Stream.begin(call, len(gathered), status)
                await stream.send(bytes(gathered))
                gathered.clear()
            gathered += piece
        if stream is None:
            return answer(bytes(gathered), status)
        return await stream.end(bytes(gathered))
    except BaseException:  # the deadline of a request cancels
        # the status has been sent, so only a broken connection tells the client that the answer is incomplete
        if stream is not None and call.request.transport is not None:
            call.request.transport.abort()
        raise


class _Stream:
    """An answer that is sent in pieces, in the encoding that the client accepts."""

    def __init__(self, response: web.StreamResponse, encoder: Encoder | None) -> None:
        self._response, self._encoder = response, encoder

    @classmethod
    async def begin(cls, call: Call, size: int, status: int) -> _Stream:
        """Send the headers; the body begins with `size` bytes."""
        encoding = call.encoding(size)
        response = web.StreamResponse(status=status, headers={"Content-Type": JSON})
        if encoding is not None:
            response.headers["Content-Encoding"] = encoding
        await call.begin(response)
        return cls(response, None if encoding is None else Encoder(encoding))

    async def send(self, piece: bytes) -> None:
        """Send a piece; waits until the client has taken enough of the ones before."""
        await _write(self._response, piece if self._encoder is None else await self._encoder.piece(piece))

    async def end(self, piece: bytes) -> web.StreamResponse:
        """Send the last piece."""
        await _write(self._response, piece if self._encoder is None else await self._encoder.piece(piece, last=True))
        await self._response.write_eof()
        return self._response


async def _write(response: web.StreamResponse, body: bytes) -> None:
    rest = memoryview(body)
    while rest:
        await response.write(rest[:AT_ONCE])
        rest = rest[AT_ONCE:]
