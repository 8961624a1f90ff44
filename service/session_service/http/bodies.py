"""The body of a request: asked for, taken as it is, and within its limits."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import HttpVersion11, web
from aiohttp.hdrs import CONTENT_ENCODING, EXPECT
from aiohttp.http_exceptions import HttpProcessingError

from session_service.http.errors import ApiError
from session_service.http.parser import ChunksTooSmall

# from when the handler asks for the body to its last byte
BODY_SECONDS = 30.0


def refuse_encoded(request: web.BaseRequest) -> None:
    """Raise 415 for a body that would have to be inflated; without a body the header means nothing."""
    if CONTENT_ENCODING not in request.headers or not request.body_exists:
        return
    encodings = ",".join(request.headers.getall(CONTENT_ENCODING)).split(",")
    if {encoding.strip().lower() for encoding in encodings} - {"", "identity"}:
        raise ApiError(415, "A body can't have a Content-Encoding", {"Accept-Encoding": "identity"})


async def body_of(request: web.BaseRequest) -> bytes:
    """The whole body, empty if there is none. Raises 400, 408 or 413."""
    if not request.can_read_body:
        return b""
    most = request.client_max_size
    too_large = ApiError(413, f"The body is larger than {most} bytes")
    if (request.content_length or 0) > most:
        raise too_large
    await _ask(request)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise ApiError(408, f"The body did not arrive within {BODY_SECONDS:g} seconds") from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except ChunksTooSmall as error:
        raise ApiError(400, error.message) from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise ApiError(400, "There was an error parsing the body") from None


async def _ask(request: web.BaseRequest) -> None:
    """Ask a client that waits with its body; anything else that it expects is ignored, as AgentOS does."""
    if request.version == HttpVersion11 and request.headers.get(EXPECT, "").lower() == "100-continue":
        with contextlib.suppress(ConnectionError):  # it may be gone: its request is cancelled then
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # the answer itself has not begun
        request.writer.output_size = 0
