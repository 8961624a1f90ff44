"""The metrics of the service in the Prometheus format (docs/reference/metrics.md), in a separate registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from session_service.observability.exchange import UNMATCHED

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER = "other"
PREFLIGHT = "preflight"

# why a request was refused before a database was asked
REFUSALS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    408: "slow",
    413: "body_too_large",
    414: "url_too_long",
    415: "encoded",
    429: "too_many_failures",
    431: "headers_too_large",
}
OVERLOADED = "overloaded"

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class RouteMetrics:
    """The metric children of one method and route, looked up once instead of at each request."""

    codes: dict[int, Counter]
    duration: Histogram
    sent: Counter


class Metrics:
    """Counts requests. Every counter for `rate()` exists from the start, with the value 0."""

    def __init__(self, version: str, routes: Iterable[tuple[str, str]]) -> None:
        """`routes`: each method with the template of its route."""
        self.registry = CollectorRegistry()
        self.in_flight = 0
        self._requests = Counter(
            "agno_session_http_requests",
            "Requests answered; 499 is a client that left before.",
            ["method", "route", "code"],
            registry=self.registry,
        )
        self._duration = Histogram(
            "agno_session_http_request_duration_seconds",
            "From the request's headers to its answer; a stream to its end.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._sent = Counter(
            "agno_session_http_response_bytes",
            "Bytes of the bodies of answers, as sent.",
            ["method", "route"],
            registry=self.registry,
        )
        self._refused = Counter(
            "agno_session_requests_refused",
            "Requests refused before a database was asked.",
            ["reason"],
            registry=self.registry,
        )
        in_flight = Gauge(
            "agno_session_http_requests_in_flight", "Requests being answered now.", registry=self.registry
        )
        in_flight.set_function(lambda: self.in_flight)
        self.connections = Gauge(
            "agno_session_http_connections", "Connections of clients to the port of the API.", registry=self.registry
        )
        self.max_connections = Gauge(
            "agno_session_http_max_connections", "How many of them there may be.", registry=self.registry
        )
        self.displaced = Counter(
            "agno_session_http_connections_displaced",
            "Connections without a request that were closed to make room.",
            registry=self.registry,
        )
        self.accept_pauses = Counter(
            "agno_session_http_accept_pauses",
            "Times that a client had to wait since all connections were busy.",
            registry=self.registry,
        )
        self.answer_bytes = Gauge(
            "agno_session_http_answer_bytes", "What answers hold until clients have read them.", registry=self.registry
        )
        self.max_answer_bytes = Gauge(
            "agno_session_http_max_answer_bytes", "How much that may be.", registry=self.registry
        )
        self.answers_refused = Counter(
            "agno_session_http_answers_refused",
            "Requests answered by 503 since other answers held too much.",
            registry=self.registry,
        )
        self.event_loop_lag = Gauge(
            "agno_session_event_loop_lag_seconds",
            "The longest that the event loop was late in the last 15 to 30 seconds.",
            registry=self.registry,
        )
        Gauge("agno_session_build_info", "Always 1.", ["version"], registry=self.registry).labels(version).set(1)
        ProcessCollector(registry=self.registry)
        self._routes: dict[tuple[str, str], RouteMetrics] = {}
        for method, route in routes:
            for code in (_success(method, route), 500, 503, 504):
                self._code(self._route(method, route), method, route, code)
        for reason in (*REFUSALS.values(), OVERLOADED):
            self._refused.labels(reason)

    def answered(self, method: str, route: str, code: int, seconds: float, size: int) -> None:
        """Count an answered request; `size` is that of the answer's body in bytes."""
        children = self._route(method, route)
        self._code(children, method, route, code).inc()
        children.duration.observe(seconds)
        children.sent.inc(size)

    def refused(self, reason: str) -> None:
        """Count a request that was refused before a database was asked."""
        self._refused.labels(reason).inc()

    def refused_early(self, status: int) -> None:
        """Count input that never became a request, by the status of the answer."""
        self._code(self._route(OTHER, UNMATCHED), OTHER, UNMATCHED, status).inc()
        self.refused(REFUSALS[status])

    def _route(self, method: str, route: str) -> RouteMetrics:
        children = self._routes.get((method, route))
        if children is None:
            duration, sent = self._duration.labels(method, route), self._sent.labels(method, route)
            children = self._routes[method, route] = RouteMetrics({}, duration, sent)
        return children

    def _code(self, children: RouteMetrics, method: str, route: str, code: int) -> Counter:
        counter = children.codes.get(code)
        if counter is None:
            counter = children.codes[code] = self._requests.labels(method, route, str(code))
        return counter


def _success(method: str, route: str) -> int:
    if route in {UNMATCHED, PREFLIGHT}:
        return 404 if route == UNMATCHED else 200
    return 204 if method == "DELETE" else 201 if (method, route) == ("POST", "/sessions") else 200
