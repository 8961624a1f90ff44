"""The request that is under way, as far as its log line, its metrics and its headers need to know it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

UNMATCHED = "unmatched"


@dataclass(slots=True)
class Exchange:
    """One request and what its answer took; times in seconds, `began` by `time.perf_counter`.

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
        """Whom it is for: the user that a token names, else the address."""
        return self.user_id, self.client if self.user_id is None else None


class Tracer(Protocol):
    """Is told of each statement of an exchange that has a span."""

    def statement(self, exchange: Exchange, database: str, sql: str, seconds: float) -> None:
        """A statement has just ended, well or, while its exception is being handled, badly."""


class Holding(Protocol):
    """What an answer holds of the bytes that all answers may hold."""

    def require_room(self) -> None:
        """Raise where there is none for an answer."""

    def take_for_reading(self, size: int) -> None:
        """Hold so many bytes more. Raises where they would be too many."""

    def leave(self, size: int) -> None:
        """Hold so many bytes less."""


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def caller() -> tuple[str | None, str | None]:
    """The caller of the exchange under way."""
    exchange = current.get()
    return (None, None) if exchange is None else exchange.caller


def acquired(began: float) -> None:
    """Note that a connection was waited for since `began`."""
    exchange = current.get()
    if exchange is not None:
        exchange.acquiring += perf_counter() - began


def queried(database: str, sql: str, seconds: float) -> None:
    """Note that a statement took so long; `sql` has placeholders for its parameters."""
    exchange = current.get()
    if exchange is not None:
        exchange.querying += seconds
        if exchange.tracer is not None:
            exchange.tracer.statement(exchange, database, sql, seconds)


def will_write() -> None:
    """Have the exchange refused now, and not once its change was made, where its answer would find no room."""
    exchange = current.get()
    if exchange is not None and exchange.holding is not None and exchange.method != "DELETE":
        exchange.holding.require_room()


def has_written(rows: int) -> None:
    """Note that a statement gave so many rows of what it changed."""
    exchange = current.get()
    if exchange is not None and exchange.method != "DELETE":
        exchange.written |= rows > 0


def holds(size: int) -> None:
    """Note that the answer holds so many bytes more. Raises where there is no room for them."""
    exchange = current.get()
    if exchange is not None and exchange.holding is not None:
        exchange.holding.take_for_reading(size)


def holds_no_more(size: int) -> None:
    """Note that it does not hold so many bytes of them any more."""
    exchange = current.get()
    if exchange is not None and exchange.holding is not None:
        exchange.holding.leave(size)
