"""aiohttp's parser of requests with our limits, without what it lets pass, and its errors as refusals."""

from __future__ import annotations

from aiohttp import HttpVersion11, http_exceptions, web
from aiohttp.hdrs import TRANSFER_ENCODING
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler

from session_service.http.errors import ApiError

# the parser tells which of the two was exceeded by its number alone: they must differ
LONGEST_URL = 16 * 1024
LONGEST_HEADER = 32 * 1024
MOST_HEADERS = 128

READ_BYTES = 64 * 1024
# requests of one connection that are parsed and wait
MOST_WAITING = 2
# by so much may headers that have not ended exceed their limit
_PIECE = 16 * 1024
# of each header beside name and value: colon, blank, end of line
_BETWEEN = 4

Parsed = list[tuple[RawRequestMessage, StreamReader]]


class HeadersTooLarge(http_exceptions.BadHttpMessage):
    """The headers of a request are longer together than they may be."""

    def __init__(self, most: int) -> None:
        super().__init__(f"The headers are longer than {most} bytes together")


class Parser(HttpRequestParser):
    """Makes requests out of the bytes of a connection; bodies are what was sent, whatever they are encoded in."""

    def __init__(self, connection: RequestHandler, most_header_bytes: int) -> None:
        super().__init__(
            connection,
            connection._loop,
            READ_BYTES,
            max_line_size=LONGEST_URL,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=MOST_WAITING,
        )
        self._most = most_header_bytes
        self._body: StreamReader = EMPTY_PAYLOAD
        self._unfinished = 0
        self._held = False

    def feed_data(self, incoming_data: bytes) -> tuple[Parsed, bool, bytes]:  # type: ignore[override]
        """The requests whose headers end in these bytes; what aiohttp has beside them. Raises HttpProcessingError."""
        if len(incoming_data) <= _PIECE:
            return self._feed(incoming_data)
        requests: Parsed = []
        for start in range(0, len(incoming_data), _PIECE):
            found, upgraded, rest = self._feed(incoming_data[start : start + _PIECE])
            requests += found
            if upgraded:
                return requests, True, rest + incoming_data[start + _PIECE :]
        return requests, False, b""

    def pause_reading(self) -> None:
        """Hold back what comes until the body is read: `feed_data` is then called without bytes."""
        self._held = True
        super().pause_reading()

    def _feed(self, data: bytes) -> tuple[Parsed, bool, bytes]:
        body, before = self._body, self._body.total_bytes
        between = body.is_eof()
        held, self._held = self._held and bool(data), False
        parsed: tuple[Parsed, bool, bytes] = super().feed_data(data)
        self._held |= held
        if parsed[0]:
            for message, _ in parsed[0]:
                self._check(message)
            self._body = parsed[0][-1][1]
            self._unfinished = 0
        elif not between and body.total_bytes > before:
            self._unfinished = 0
        elif not held:
            # also what chunks have beside the body: extensions, and trailers, which are kept as headers are
            self._unfinished += len(data)
            # the line of the request counts apart
            if self._unfinished > self._most + LONGEST_URL:
                error = HeadersTooLarge(self._most)
                if not between:  # its request is being answered, and waits for it
                    body.set_exception(error)
                raise error
        return parsed

    def _check(self, message: RawRequestMessage) -> None:
        if sum(len(name) + len(value) + _BETWEEN for name, value in message.raw_headers) > self._most:
            raise HeadersTooLarge(self._most)
        # to a proxy that knows HTTP/1.0 alone the chunks would be another request
        if message.version < HttpVersion11 and TRANSFER_ENCODING in message.headers:
            raise http_exceptions.BadHttpMessage("Transfer-Encoding in HTTP/1.0")


def refusal(error: BaseException | None) -> ApiError:
    """The answer to what is no request."""
    match error:
        case http_exceptions.LineTooLong(args=(_, limit, *_)) if limit == LONGEST_URL:
            return ApiError(414, f"The URL is longer than {LONGEST_URL} bytes")
        case http_exceptions.LineTooLong():
            return ApiError(431, f"A header is longer than {LONGEST_HEADER} bytes")
        case HeadersTooLarge():
            return ApiError(431, error.message)
        case http_exceptions.BadHttpMessage(message="Too many headers received"):
            return ApiError(431, f"There are more than {MOST_HEADERS} headers")
    return ApiError(400, "Bad Request")
