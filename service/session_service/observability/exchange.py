"""The request that is under way, as far as its log line, its metrics and its headers need to know it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter

UNMATCHED = "unmatched"


@dataclass(slots=True)
class Exchange:
    """One request and what its answer took; times in seconds, `began` by `time.perf_counter`.

    `method` is one that the API knows, or `other`; `route` is a template, never a path: both are labels of metrics.
    `sessions` are the ids that a request names beside the one in its path.
    """

    id: str
    method: str
    client: str | None = None
    trace_id: str | None = None
    began: float = field(default_factory=perf_counter)
    route: str = UNMATCHED
    user_id: str | None = None
    db_id: str | None = None
    sessions: list[str] = field(default_factory=list)
    authenticating: float = 0.0
    acquiring: float = 0.0
    querying: float = 0.0


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def acquired(began: float) -> None:
    """Note that a connection was waited for since `began`, in vain or not."""
    exchange = current.get()
    if exchange is not None:
        exchange.acquiring += perf_counter() - began


def queried(seconds: float) -> None:
    """Note that a statement took so long."""
    exchange = current.get()
    if exchange is not None:
        exchange.querying += seconds
