"""aiohttp's parser of requests with our limits, without what it lets pass, and its errors as refusals."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import HttpVersion11, http_exceptions, web
from aiohttp.hdrs import TRANSFER_ENCODING
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE, RequestHandler

from session_service.http.errors import ApiError

# the parser tells which of the two was exceeded by its number alone: they must differ
LONGEST_URL = 16 * 1024
LONGEST_HEADER = 32 * 1024
MOST_HEADERS = 128

_READ_BYTES = 64 * 1024

Parsed = tuple[Sequence[tuple[RawRequestMessage, StreamReader]], bool, bytes]


class Parser(HttpRequestParser):
    """Makes requests out of the bytes of a connection; bodies are what was sent, whatever they are encoded in."""

    def __init__(self, connection: RequestHandler) -> None:
        super().__init__(
            connection,
            connection._loop,
            _READ_BYTES,
            max_line_size=LONGEST_URL,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=MAX_MSG_QUEUE_SIZE,
        )

    def feed_data(self, incoming_data: bytes) -> Parsed:  # type: ignore[override]
        """The requests whose headers end in these bytes; what aiohttp has beside them. Raises HttpProcessingError."""
        parsed: Parsed = super().feed_data(incoming_data)
        for message, _ in parsed[0]:
            # to a proxy that knows HTTP/1.0 alone the chunks would be another request
            if message.version < HttpVersion11 and TRANSFER_ENCODING in message.headers:
                raise http_exceptions.BadHttpMessage("Transfer-Encoding in HTTP/1.0")
        return parsed


def refusal(error: BaseException | None) -> ApiError:
    """The answer to what is no request."""
    match error:
        case http_exceptions.LineTooLong(args=(_, limit, *_)) if limit == LONGEST_URL:
            return ApiError(414, f"The URL is longer than {LONGEST_URL} bytes")
        case http_exceptions.LineTooLong():
            return ApiError(431, f"A header is longer than {LONGEST_HEADER} bytes")
        case http_exceptions.BadHttpMessage(message="Too many headers received"):
            return ApiError(431, f"There are more than {MOST_HEADERS} headers")
    return ApiError(400, "Bad Request")
