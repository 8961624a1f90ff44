"""Observes every request: assigns its id, counts it, and writes its line of the access log and the audit log."""

from __future__ import annotations

import random
import re
from time import perf_counter
from typing import Any

from aiohttp import web
from multidict import istr

from session_service.http.connection import SERVER_NAME
from session_service.http.remote import Networks, client_address
from session_service.observability import logs
from session_service.observability.exchange import UNMATCHED, Exchange, current
from session_service.observability.metrics import METHODS, OTHER, REFUSALS, Metrics
from session_service.observability.pseudonyms import Pseudonyms
from session_service.observability.traces import Traces

REQUEST_ID = istr("X-Request-ID")
SERVER = istr("Server")
SERVER_TIMING = istr("Server-Timing")
TRACEPARENT = istr("traceparent")
FORWARDED_FOR = istr("X-Forwarded-For")

# the client disconnected before its answer; nginx uses the same status
CLIENT_CLOSED_REQUEST = 499

# the number of session ids in one line of the audit log
_MOST_SESSIONS = 100

_AUDITED = {
    ("POST", "/sessions"): "create",
    ("POST", "/sessions/{session_id}/rename"): "rename",
    ("PATCH", "/sessions/{session_id}"): "patch",
    ("DELETE", "/sessions/{session_id}"): "delete",
    ("DELETE", "/sessions"): "delete",
}

_request_id = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch
# https://www.w3.org/TR/trace-context/#traceparent-header; a later version may have more fields
_traceparent = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
).fullmatch


class Observer:
    """Begins and ends the exchanges of the service."""

    def __init__(
        self, metrics: Metrics, pseudonyms: Pseudonyms, trusted_proxies: Networks, traces: Traces | None
    ) -> None:
        self.metrics = metrics
        self._pseudonyms = pseudonyms
        self._trusted = trusted_proxies
        self._traces = traces
        self._access = logs.logger("session_service.access")
        self._audit = logs.audit_logger()

    def begin(self, request: web.BaseRequest) -> Exchange:
        """Begin the exchange of a request, which becomes the current one of this task."""
        headers = request.headers
        id = headers.get(REQUEST_ID)
        if id is None or not _request_id(id):
            id = f"{random.getrandbits(64):016x}"
        client = request.remote
        if self._trusted:
            client = client_address(client, headers.getall(FORWARDED_FOR, ()), self._trusted)
        exchange = Exchange(id, request.method if request.method in METHODS else OTHER, client)
        if self._traces is not None:
            self._traces.begin(exchange, headers)
        elif (parent := headers.get(TRACEPARENT)) is not None and (found := _traceparent(parent)):
            exchange.trace_id = found[1]
        current.set(exchange)
        self.metrics.in_flight += 1
        return exchange

    def end(self, exchange: Exchange, status: int, size: int) -> None:
        """Count and log the exchange; `size` is that of the answer's body in bytes."""
        took = perf_counter() - exchange.began
        metrics = self.metrics
        metrics.in_flight -= 1
        metrics.answered(exchange.method, exchange.route, status, took, size)
        if status in REFUSALS:
            metrics.refused(REFUSALS[status])
        if self._traces is not None:
            self._traces.end(exchange, status)
        # a pod is probed every few seconds
        tell = self._access.debug if exchange.route.startswith("/health") else self._access.info
        caller = None if exchange.user_id is None else self._pseudonyms.of(exchange.user_id)
        # unknown members are left out: a line has no nulls
        known: dict[str, Any] = {}
        if caller is not None:
            known["caller"] = caller
        if exchange.db_id is not None:
            known["db_id"] = exchange.db_id
        if exchange.trace_id is not None:
            known["trace_id"] = exchange.trace_id
        tell(
            "request",
            id=exchange.id,
            method=exchange.method,
            route=exchange.route,
            status=status,
            ms=round(took * 1000, 2),
            db_ms=round(exchange.querying * 1000, 2),
            bytes=size,
            client=exchange.client,
            **known,
        )
        action = _AUDITED.get((exchange.method, exchange.route))
        if action is not None:
            sessions = [self._pseudonyms.of(id) for id in exchange.sessions[:_MOST_SESSIONS]]
            known |= {"session_count": len(exchange.sessions), "sessions": sessions, "client": exchange.client}
            if exchange.written and status >= 400:
                known["made"] = True
            self._audit.info(action, id=exchange.id, status=status, **known)

    def refused_early(self, status: int, client: str | None) -> None:
        """Count and log input that never became a request: not HTTP, beyond a limit, or too slow."""
        self.metrics.refused_early(status)
        self._access.info("request", method=OTHER, route=UNMATCHED, status=status, client=client)

    def headers(self, exchange: Exchange) -> dict[str, str]:
        """The headers about the exchange: its id, and the times until the headers are sent."""
        auth, pool, database = exchange.authenticating * 1000, exchange.acquiring * 1000, exchange.querying * 1000
        total = (perf_counter() - exchange.began) * 1000
        return {
            REQUEST_ID: exchange.id,
            SERVER: SERVER_NAME,
            SERVER_TIMING: f"auth;dur={auth:.2f}, pool;dur={pool:.2f}, db;dur={database:.2f}, total;dur={total:.2f}",
        }
