"""Traces over OTLP: a span per request, and one for each of its statements.

They need the extra `otel` and an endpoint: `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
OpenTelemetry itself reads all other `OTEL_…` variables. Without an endpoint nothing of it is imported.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from session_service.observability.exchange import Exchange, Tracer

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

log = logging.getLogger(__name__)


class Traces(Tracer):
    """Starts and ends spans, which adds about 100 microseconds to a request."""

    def __init__(self, version: str, environment: Mapping[str, str]) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        attributes = {"service.version": version}
        if "OTEL_SERVICE_NAME" not in environment:
            attributes["service.name"] = "agno-session-service"
        self._provider = TracerProvider(resource=Resource.create(attributes))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("session_service", version)
        self._propagator = TraceContextTextMapPropagator()
        self._trace = trace

    def begin(self, exchange: Exchange, headers: Mapping[str, str]) -> None:
        """Begin the span of an exchange, in the trace that the request's headers name, if any."""
        carrier = {name: value for name in ("traceparent", "tracestate") if (value := headers.get(name))}
        span = self._tracer.start_span(
            exchange.method, self._propagator.extract(carrier), kind=self._trace.SpanKind.SERVER
        )
        exchange.span, exchange.tracer = span, self
        exchange.trace_id = f"{span.get_span_context().trace_id:032x}"

    def statement(self, exchange: Exchange, database: str, sql: str, seconds: float) -> None:
        """Record the span of a statement that has just ended; `sql` has placeholders for its parameters."""
        parent: Span = exchange.span
        if not parent.is_recording():
            return
        ended = time.time_ns()
        span = self._tracer.start_span(
            sql.split(None, 1)[0].rstrip(";"),
            self._trace.set_span_in_context(parent),
            kind=self._trace.SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.namespace": database, "db.query.text": sql},
            start_time=ended - int(seconds * 1e9),
        )
        failed = sys.exc_info()[0]
        if failed is not None:
            span.set_attribute("error.type", failed.__name__)
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(ended)

    def end(self, exchange: Exchange, status: int) -> None:
        """End the span of an exchange."""
        span: Span = exchange.span
        if span.is_recording():
            span.update_name(f"{exchange.method} {exchange.route}")
            span.set_attributes(
                {
                    "http.request.method": exchange.method,
                    "http.route": exchange.route,
                    "http.response.status_code": status,
                    "request.id": exchange.id,
                }
            )
            if exchange.client is not None:
                span.set_attribute("client.address", exchange.client)
            if status >= 500:
                span.set_status(self._trace.StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Send the remaining spans; may take as long as the exporter's time limit."""
        self._provider.shutdown()


def open_traces(version: str, environment: Mapping[str, str]) -> Traces | None:
    """Traces, if the environment configures them; else None."""
    if not any(environment.get(name) for name in _ENDPOINTS):
        return None
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    try:
        return Traces(version, environment)
    except ImportError:
        log.warning("OTEL_… asks for traces, but they are not installed: pip install 'agno-session-store[otel]'")
        return None
