"""The current request: what its log line, its metrics and its headers need to know."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

UNMATCHED = "unmatched"


@dataclass(slots=True)
class Exchange:
    """One request and the cost of its answer; times in seconds, `began` by `time.perf_counter`.

    `method` is one that the API knows, or `other`; `route` is a template, never a path: both are labels of metrics.
    `sessions` are the ids that a request names, in its path or its body. `varies`: the encoding of the answer depends
    on what the client accepts. `written`: a change that the request asked for has been made.
    """

    id: str
    method: str
    client: str | None = None
    trace_id: str | None = None
    began: float = field(default_factory=perf_counter)
    route: str = UNMATCHED
    user_id: str | None = None
    db_id: str | None = None
    varies: bool = False
    sessions: list[str] = field(default_factory=list)
    authenticating: float = 0.0
    acquiring: float = 0.0
    querying: float = 0.0
    span: Any = None
    tracer: Tracer | None = None
    written: bool = False
    holding: Holding | None = None

    @property
    def caller(self) -> tuple[str | None, str | None]:
        """Who it is for: the user of the token, else the address."""
        return self.user_id, self.client if self.user_id is None else None


class Tracer(Protocol):
    """Called for each statement of an exchange that has a span."""

    def statement(self, exchange: Exchange, database: str, sql: str, seconds: float) -> None:
        """A statement has just ended; if it failed, its exception is being handled."""


class Holding(Protocol):
    """The share of an answer in the bytes that all answers together may hold."""

    def require_room(self) -> None:
        """Raise if there is no room for an answer."""

    def take_for_reading(self, size: int) -> None:
        """Hold more bytes. Raises if there is no room for them."""

    def leave(self, size: int) -> None:
        """Release bytes."""


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def caller() -> tuple[str | None, str | None]:
    """The caller of the current exchange."""
    exchange = current.get()
    return (None, None) if exchange is None else exchange.caller


def acquired(began: float) -> None:
    """Record that the exchange waited for a connection since `began`."""
    exchange = current.get()
    if exchange is not None:
        exchange.acquiring += perf_counter() - began


def queried(database: str, sql: str, seconds: float) -> None:
    """Record the duration of a statement; `sql` has placeholders for its parameters."""
    exchange = current.get()
    if exchange is not None:
        exchange.querying += seconds
        if exchange.tracer is not None:
            exchange.tracer.statement(exchange, database, sql, seconds)


def will_write() -> None:
    """Refuse the exchange now, before its change is made, if there is no room for its answer."""
    exchange = current.get()
    if exchange is not None and exchange.holding is not None and exchange.method != "DELETE":
        exchange.holding.require_room()


def has_written(rows: int) -> None:
    """Record that a statement changed rows."""
    exchange = current.get()
    if exchange is not None and exchange.method != "DELETE":
        exchange.written |= rows > 0


def holds(size: int) -> None:
    """Record that the answer holds more bytes. Raises if there is no room for them."""
    exchange = current.get()
    if exchange is not None and exchange.holding is not None:
        exchange.holding.take_for_reading(size)


def holds_no_more(size: int) -> None:
    """Record that the answer has released bytes."""
    exchange = current.get()
    if exchange is not None and exchange.holding is not None:
        exchange.holding.leave(size)
