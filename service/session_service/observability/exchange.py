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
    on what the client accepts.
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


class Tracer(Protocol):
    """Is told of each statement of an exchange that has a span."""

    def statement(self, exchange: Exchange, database: str, sql: str, seconds: float) -> None:
        """A statement has just ended, well or, while its exception is being handled, badly."""


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def caller() -> tuple[str | None, str | None]:
    """Whom the exchange under way is for: the user that a token names, else the address."""
    exchange = current.get()
    if exchange is None:
        return None, None
    return exchange.user_id, exchange.client if exchange.user_id is None else None


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
