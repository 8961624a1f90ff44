"""aiohttp's parser of requests with our limits, without what it lets pass, and its errors as refusals."""

from __future__ import annotations

from aiohttp import HttpVersion11, http_exceptions, web
from aiohttp.hdrs import CONTENT_LENGTH, TRANSFER_ENCODING
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

# what ends headers, and chunks
_END = b"\r\n\r\n"
# by so much may what frames the chunks of a body exceed the body
_MORE_FRAMING = 16 * 1024

Parsed = list[tuple[RawRequestMessage, StreamReader]]


class HeadersTooLarge(http_exceptions.BadHttpMessage):
    """The headers of a request are longer together than they may be."""

    def __init__(self, most: int) -> None:
        super().__init__(f"The headers are longer than {most} bytes together")


class ChunksTooSmall(http_exceptions.BadHttpMessage):
    """What frames the chunks of a body is longer than the body: to read it costs more than to read as many bytes."""

    def __init__(self) -> None:
        super().__init__("The chunks of the body are too small: they have more framing than body")


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
        self._connection = connection
        self._chunked = False
        # how many bytes came behind the last headers, None where that is not known, and how long these say the body is
        self._behind: int | None = 0
        self._length = 0
        # whether any of them are more than the body, and how they end
        self._more = False
        self._last = b""

    @property
    def begun(self) -> bool:
        """Whether some of a request is there and not all of its headers. Only told while no other is being answered."""
        if not self._body.is_eof() or self._last == _END:
            return False
        return self._behind is None or (self._more and self._behind > self._body.total_bytes)

    def feed_data(self, incoming_data: bytes) -> tuple[Parsed, bool, bytes]:  # type: ignore[override]
        """The requests whose headers end in these bytes; what aiohttp has beside them. Raises HttpProcessingError."""
        requests: Parsed = []
        start = 0
        while True:
            end = self._end_of_piece(incoming_data, start, len(requests))
            whole = start == 0 and end == len(incoming_data)
            found, upgraded, rest = self._feed(incoming_data if whole else incoming_data[start:end])
            requests += found
            if upgraded:
                return requests, True, rest + incoming_data[end:]
            if end == len(incoming_data):
                return requests, False, b""
            start = end

    def _end_of_piece(self, data: bytes, start: int, found: int) -> int:
        """Where headers end, or a body of a known length, so that what comes behind them is seen."""
        longest = min(start + _PIECE, len(data))
        if found + len(self._connection._messages) >= MOST_WAITING:  # each call would have one more request parsed
            return longest
        if not self._body.is_eof():
            rest = 0 if self._behind is None else self._length - self._behind
            return min(longest, start + rest) if rest > 0 else longest
        if start == 0:
            seam = (self._last[-3:] + data[:3]).find(_END)
            if seam >= 0:
                return seam + len(_END) - len(self._last[-3:])
        end = data.find(_END, start, longest)
        return longest if end < 0 else end + len(_END)

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
        self._follow(data, parsed[0], between)
        return parsed

    def _follow(self, data: bytes, requests: Parsed, between: bool) -> None:
        """See what comes behind the headers: more than the body is the next request, or what frames chunks."""
        if data:
            self._last = (self._last + data[-len(_END) :])[-len(_END) :]
        if requests:
            message, _ = requests[-1]
            self._chunked, self._length = message.chunked, int(message.headers.get(CONTENT_LENGTH, 0))
            # where these bytes are more than one request, or were held, they do not end with its headers
            self._behind = 0 if data and between and len(requests) == 1 and self._last == _END else None
            self._more = False
        elif self._behind is not None:
            self._behind += len(data)
            rest = self._behind - self._body.total_bytes
            if rest > 0:
                self._more = self._more or bool(data[-rest:].strip())
                if self._chunked and not self._held and not self._body.is_eof():
                    self._limit_framing(rest)

    def _limit_framing(self, framing: int) -> None:
        if framing > _MORE_FRAMING + self._body.total_bytes:
            error = ChunksTooSmall()
            self._body.set_exception(error)
            raise error

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
        case ChunksTooSmall():
            return ApiError(400, error.message)
        case http_exceptions.BadHttpMessage(message="Too many headers received"):
            return ApiError(431, f"There are more than {MOST_HEADERS} headers")
    return ApiError(400, "Bad Request")
