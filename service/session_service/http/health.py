"""Probes: is the process alive, may it start, can it serve (docs/reference/probes.md)."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from session_service.http.answers import answer, json_text
from session_service.http.requests import Call
from session_service.store.prober import Prober

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


async def alive(_: Call) -> web.Response:
    """`GET /healthz`: 200 while the event loop runs. No database is asked."""
    return answer(b'{"status":"ok"}')


def health(instantiated_at: datetime) -> Handler:
    """`GET /health`, as AgentOS answers it."""
    body = json_text({"status": "ok", "instantiated_at": f"{instantiated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"})

    async def handler(_: Call) -> web.Response:
        return answer(body)

    return handler


def startup(prober: Prober, termination_log: Path) -> Handler:
    """`GET /healthz/startup`: 503 while a database refuses us or was not tried yet.

    What refuses us is also left in the termination log, where the kubelet finds it when it gives the pod up.
    """

    async def handler(_: Call) -> web.Response:
        if prober.started:
            _leave(termination_log, b"")
            return answer(_body("started", prober))
        refused = any(report.state == "refused" for report in prober.reports())
        body = _body("refused" if refused else "starting", prober)
        if refused:
            _leave(termination_log, body)
        return answer(body, 503)

    return handler


def _leave(termination_log: Path, message: bytes) -> None:
    # only where the kubelet has made one
    if termination_log.is_file():
        with contextlib.suppress(OSError):
            termination_log.write_bytes(message)


def ready(prober: Prober) -> Handler:
    """`GET /healthz/ready`: 200 while at least one database serves, 503 when none does or while draining."""

    async def handler(_: Call) -> web.Response:
        status = "draining" if prober.draining else "ready" if prober.serving else "unavailable"
        return answer(_body(status, prober), 200 if prober.serving else 503)

    return handler


def _body(status: str, prober: Prober) -> bytes:
    databases: list[dict[str, Any]] = [report.as_json for report in prober.reports()]
    return json_text({"status": status, "databases": databases})
