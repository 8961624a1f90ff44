"""The operator's metrics, at /metrics (docs/reference/metrics.md)."""

from __future__ import annotations

import time
from collections import Counter as Count
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from session_operator.heartbeats import Heartbeats
from session_operator.queue import WorkQueue
from session_operator.reasons import CONDITIONS
from session_operator.resource import Key

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
Pass = Callable[[Key], Awaitable[float | None]]


class Metrics:
    """The metrics of one operator, in a separate registry."""

    def __init__(self, queue: WorkQueue[Key], heartbeats: Heartbeats) -> None:
        registry = self.registry = CollectorRegistry()
        self._reconciles = Counter(
            "session_operator_reconciles_total", "Passes over a SessionStore", ["result"], registry=registry
        )
        self._duration = Histogram(
            "session_operator_reconcile_duration_seconds",
            "How long a pass over a SessionStore took",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._requests = Counter(
            "session_operator_api_requests_total", "Requests to the API server", ["verb", "code"], registry=registry
        )
        self.leader = Gauge("session_operator_leader", "1 while this replica leads, else 0", registry=registry)
        depth = Gauge("session_operator_queue_depth", "SessionStores that wait for a pass", registry=registry)
        depth.set_function(queue.depth)
        oldest = Gauge(
            "session_operator_queue_oldest_seconds",
            "Since when the SessionStore waits that waits longest, its pass included",
            registry=registry,
        )
        oldest.set_function(queue.oldest)
        build = Gauge("session_operator_build_info", "1, with the version", ["version"], registry=registry)
        build.labels(version("agno-session-store")).set(1)
        self.stores = Stores()
        registry.register(self.stores)
        registry.register(_WatchAges(heartbeats))
        ProcessCollector(registry=registry)
        for result in ("success", "error"):
            self._reconciles.labels(result)

    def request(self, verb: str, code: str) -> None:
        """Count a request to the API server; `code` is the HTTP status, or `error` without an answer."""
        self._requests.labels(verb, code).inc()

    def measured(self, reconcile: Pass) -> Pass:
        """Run a reconcile pass, and record its duration and result."""

        async def measure(key: Key) -> float | None:
            begun, result = time.perf_counter(), "error"
            try:
                delay = await reconcile(key)
                result = "success"
                return delay
            finally:
                self._reconciles.labels(result).inc()
                self._duration.observe(time.perf_counter() - begun)

        return measure


class Stores(Collector):
    """Counts the existing stores by the status of each condition."""

    def __init__(self) -> None:
        self._conditions: dict[Key, Mapping[str, str]] = {}

    def reported(self, key: Key, conditions: Mapping[str, str] | None) -> None:
        """Record the conditions of a store, as status by type; None once the store is deleted."""
        if conditions is None:
            self._conditions.pop(key, None)
        else:
            self._conditions[key] = conditions

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        counts = Count(item for conditions in self._conditions.values() for item in conditions.items())
        family = GaugeMetricFamily(
            "session_operator_stores", "SessionStores by the status of a condition", labels=["condition", "status"]
        )
        for condition in CONDITIONS:
            for status in ("True", "False"):
                family.add_metric([condition, status], counts[condition, status])
        yield family


class _WatchAges(Collector):
    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "session_operator_watch_age_seconds",
            "Since when a watch of the API server said nothing, not even that nothing changed",
            labels=["watch"],
        )
        for watch, age in self._heartbeats.ages().items():
            family.add_metric([watch], age)
        yield family
