"""Metrics of databases. They are read at each scrape, so requests do not pay for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from session_service.observability.durations import Durations


@dataclass(slots=True)
class Figures:
    """The current figures of one database id: connections by state, `errors` by reason.

    `replica` is the state of its read-only replica, None if it has none.
    """

    id: str
    state: str
    replica: str | None
    layout: str | None
    connections: Mapping[str, int]
    max_connections: int
    streams: int
    waiting: int
    acquire_timeouts: int
    refused: int
    errors: Counter[str]
    durations: Durations = field(repr=False)


class DatabaseCollector(Collector):
    """Reads the figures of every database at each scrape; `states` lists all states of a database or a replica."""

    def __init__(
        self, figures: Callable[[], Sequence[Figures]], states: Sequence[str], replica_states: Sequence[str]
    ) -> None:
        self._figures = figures
        self._states = states
        self._replica_states = replica_states

    def describe(self) -> list[Metric]:
        """Describe nothing; otherwise a registry would collect once only to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family with the samples of all databases."""
        figures = self._figures()
        connections = GaugeMetricFamily(
            "agno_session_pool_connections", "Connections of the pool by state.", labels=["database", "state"]
        )
        largest = GaugeMetricFamily(
            "agno_session_pool_max_connections", "How many connections the pool may have.", labels=["database"]
        )
        streams = GaugeMetricFamily(
            "agno_session_pool_streams", "Connections that are lent to streams.", labels=["database"]
        )
        waiting = GaugeMetricFamily(
            "agno_session_pool_waiting", "Requests that wait for a connection.", labels=["database"]
        )
        timeouts = CounterMetricFamily(
            "agno_session_pool_acquire_timeouts", "Requests that waited in vain.", labels=["database"]
        )
        refused = CounterMetricFamily(
            "agno_session_pool_refused", "Requests turned away since too many waited.", labels=["database"]
        )
        state = GaugeMetricFamily(
            "agno_session_database_state", "1 for the state that the database is in.", labels=["database", "state"]
        )
        replica = GaugeMetricFamily(
            "agno_session_replica_state",
            "1 for the state that the read-only replica is in.",
            labels=["database", "state"],
        )
        layout = GaugeMetricFamily(
            "agno_session_database_layout", "1 for the layout that was seen last.", labels=["database", "layout"]
        )
        errors = CounterMetricFamily(
            "agno_session_database_errors",
            "Failures by reason (docs/reference/probes.md) or SQLSTATE.",
            labels=["database", "reason"],
        )
        durations = HistogramMetricFamily(
            "agno_session_database_query_duration_seconds", "Statements, as the service waits.", labels=["database"]
        )
        for found in figures:
            for kind, count in found.connections.items():
                connections.add_metric([found.id, kind], count)
            largest.add_metric([found.id], found.max_connections)
            streams.add_metric([found.id], found.streams)
            waiting.add_metric([found.id], found.waiting)
            timeouts.add_metric([found.id], found.acquire_timeouts)
            refused.add_metric([found.id], found.refused)
            for name in self._states:
                state.add_metric([found.id, name], float(name == found.state))
            for name in self._replica_states if found.replica is not None else ():
                replica.add_metric([found.id, name], float(name == found.replica))
            if found.layout is not None:
                layout.add_metric([found.id, found.layout], 1)
            for reason, count in sorted(found.errors.items()):
                errors.add_metric([found.id, reason], count)
            durations.add_metric([found.id], found.durations.buckets, found.durations.sum)
        yield from (
            connections,
            largest,
            streams,
            waiting,
            timeouts,
            refused,
            state,
            replica,
            layout,
            errors,
            durations,
        )


class ReloadCollector(Collector):
    """Counts reloads of the DSN map by result."""

    def __init__(self, results: Mapping[Any, int]) -> None:
        self._results = results

    def collect(self) -> Iterator[Metric]:
        """Yield the family of reloads."""
        family = CounterMetricFamily(
            "agno_session_dsn_map_reloads", "Tries at a changed DSN map, by result.", labels=["result"]
        )
        for result in ("applied", "refused"):
            family.add_metric([result], self._results.get(result, 0))
        yield family
