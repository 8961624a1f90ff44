"""The body of a request: asked for, taken as it is, within its limits, and few long ones at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from aiohttp import HttpVersion11, web
from aiohttp.hdrs import CONTENT_ENCODING, EXPECT
from aiohttp.http_exceptions import HttpProcessingError

from session_service import memory
from session_service.http.errors import ApiError
from session_service.http.parser import ChunksTooSmall
from session_service.sessions.errors import InvalidContent
from session_service.sessions.long_json import LONG

Made = TypeVar("Made")

# from when the handler asks for the body to its last byte
BODY_SECONDS = 30.0
# bytes of long bodies that have room beside the longest one
ROOM_BESIDE = 8 * 2**20


def refuse_encoded(request: web.BaseRequest) -> None:
    """Raise 415 for a body that would have to be inflated; without a body the header means nothing."""
    if CONTENT_ENCODING not in request.headers or not request.body_exists:
        return
    encodings = ",".join(request.headers.getall(CONTENT_ENCODING)).split(",")
    if {encoding.strip().lower() for encoding in encodings} - {"", "identity"}:
        raise ApiError(415, "A body can't have a Content-Encoding", {"Accept-Encoding": "identity"})


class Bodies:
    """The bodies of all requests: long ones are few at a time, and worked on beside the event loop."""

    def __init__(self, largest: int) -> None:
        """`largest`: bytes of the longest body that any route takes."""
        self.largest = largest
        # the longest, and shorter ones beside it
        self._free = largest + ROOM_BESIDE
        self._left = asyncio.Event()
        # one: what it makes of a body takes as much memory again
        self._worker = ThreadPoolExecutor(1, "bodies")

    @asynccontextmanager
    async def body(self) -> AsyncIterator[OneBody]:
        """One that may be read. Afterwards nothing of it is held."""
        body = OneBody(self)
        try:
            yield body
        finally:
            body.leave()

    async def enter(self, size: int) -> None:
        """Wait until there is room for so many bytes: who needs less may go ahead."""
        while size > self._free:
            self._left.clear()
            await self._left.wait()
        self._free -= size

    def leave(self, size: int) -> None:
        """Give the room back, and the memory to the system."""
        self._free += size
        self._left.set()
        with contextlib.suppress(RuntimeError):  # closed
            self._worker.submit(memory.trim)

    def work(self, work: Callable[[], Made]) -> asyncio.Future[Made]:
        """Have it done beside the event loop."""
        return asyncio.get_running_loop().run_in_executor(self._worker, work)

    def close(self) -> None:
        """Begin no more work."""
        self._worker.shutdown(wait=False, cancel_futures=True)


class OneBody:
    """The body of one request."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        # bytes of the room that it takes
        self._room = 0
        # the bytes, or what was made of them last: nowhere else, so that they are gone when they are not needed
        self._held: list[Any] = []
        self._work: asyncio.Future[Any] | None = None

    async def read(self, request: web.BaseRequest, most: int | None) -> None:
        """Read all of it, which may be nothing; of `most` bytes, None for the longest. Raises 400, 408 or 413."""
        content = bytearray()
        self.hold(content)
        if not request.can_read_body:
            return
        most = min(most or self._bodies.largest, self._bodies.largest)
        length = request.content_length
        too_large = ApiError(413, f"The body is larger than {most} bytes")
        if length is not None and length > most:
            raise too_large
        await self._enter(length or 0)
        await _ask(request)
        arrived = False
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for piece in request.content.iter_any():
                    if len(content) + len(piece) > most:
                        raise too_large
                    content += piece
                    if not self._room and len(content) > LONG:
                        await self._enter(most)
            arrived = True
        except TimeoutError:
            raise ApiError(408, f"The body did not arrive within {BODY_SECONDS:g} seconds") from None
        except ChunksTooSmall as error:
            raise ApiError(400, error.message) from None
        except (web.RequestPayloadError, HttpProcessingError):
            raise ApiError(400, "There was an error parsing the body") from None
        finally:
            if not arrived:  # the refusal holds on to this frame
                content.clear()

    def hold(self, made: object) -> None:
        """Have this made into something next."""
        self._held.append(made)

    async def _enter(self, size: int) -> None:
        if size > LONG:
            await self._bodies.enter(size)
            self._room = size

    async def make(self, work: Callable[[Any], Made]) -> Made:
        """What this makes of what is held, which is then gone; of a long body beside the event loop."""
        if not self._room:
            return work(self._held.pop())
        self._work = self._bodies.work(partial(_outcome, work, self._held))
        made: Made | Exception = await asyncio.shield(self._work)
        self._work = None
        if isinstance(made, Exception):
            raise made
        return made

    def leave(self) -> None:
        """Give back the room that it took: once nothing works on it, also where nobody waits for that any more."""
        if not self._room:
            return
        if self._work is not None and not self._work.done():
            self._work.add_done_callback(lambda _: self.leave())
            return
        self._bodies.leave(self._room)


def _outcome(work: Callable[[Any], Made], held: list[Any]) -> Made | Exception:
    """What is made, or how it is refused: without the frames of the refusal, which hold the body."""
    try:
        return work(held.pop())
    except (ApiError, InvalidContent) as error:
        error.__context__ = None
        return error.with_traceback(None)


async def _ask(request: web.BaseRequest) -> None:
    """Ask a client that waits with its body; anything else that it expects is ignored, as AgentOS does."""
    if request.version == HttpVersion11 and request.headers.get(EXPECT, "").lower() == "100-continue":
        with contextlib.suppress(ConnectionError):  # it may be gone: its request is cancelled then
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # the answer itself has not begun
        request.writer.output_size = 0
