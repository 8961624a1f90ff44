"""Probes: is the process alive, may it start, can it serve (docs/reference/probes.md)."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from session_service.http.answers import answer, json_text
from session_service.http.jwks_url import JwksUrl
from session_service.http.requests import Call
from session_service.store.prober import Prober

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


async def alive(_: Call) -> web.Response:
    """`GET /healthz`: 200 while the event loop runs. It asks no database."""
    return answer(b'{"status":"ok"}')


def health(instantiated_at: datetime) -> Handler:
    """`GET /health`, as AgentOS answers it."""
    body = json_text({"status": "ok", "instantiated_at": f"{instantiated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"})

    async def handler(_: Call) -> web.Response:
        return answer(body)

    return handler


def startup(prober: Prober, keys: JwksUrl | None, termination_log: Path) -> Handler:
    """`GET /healthz/startup`: 503 while a database rejects us or is untried, or the keys for tokens are being fetched.

    A rejection is also written to the termination log, which the kubelet reads when it kills the container.
    """

    async def handler(_: Call) -> web.Response:
        if prober.started and (keys is None or keys.usable or prober.patience_ended):
            _leave(termination_log, b"")
            return answer(_body("started", prober, keys))
        refused = any(report.state == "refused" for report in prober.reports())
        body = _body("refused" if refused else "starting", prober, keys)
        if refused:
            _leave(termination_log, body)
        return answer(body, 503)

    return handler


def _leave(termination_log: Path, message: bytes) -> None:
    # only if the kubelet has created it
    if termination_log.is_file():
        with contextlib.suppress(OSError):
            termination_log.write_bytes(message)


def ready(prober: Prober, keys: JwksUrl | None, *, others: bool) -> Handler:
    """`GET /healthz/ready`: 200 while at least one database serves and tokens can be verified, 503 while draining.

    `others`: whether there are other keys for tokens as well.
    """

    async def handler(_: Call) -> web.Response:
        serving = prober.serving and (keys is None or keys.usable or others)
        status = "draining" if prober.draining else "ready" if serving else "unavailable"
        return answer(_body(status, prober, keys), 200 if serving else 503)

    return handler


def _body(status: str, prober: Prober, keys: JwksUrl | None) -> bytes:
    body: dict[str, Any] = {"status": status, "databases": [report.as_json for report in prober.reports()]}
    return json_text(body if keys is None else body | {"keys": keys.report})
