"""GET /healthz: 200 while work and watches go on, be it leading or waiting to lead. GET /metrics, on the same port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

STALLED_SECONDS = 180
"""Six requests in a row that the API server does not answer: only a bug, or a dead connection, takes so long."""
SILENT_SECONDS = 300
"""A watch that lives says something each minute. This is long enough to take it up again several times."""


def verdict(stalled_for: float, ages: Mapping[str, float]) -> Mapping[str, Any]:
    """What /healthz says: that all is well, or what is not."""
    if stalled_for > STALLED_SECONDS:
        return {"status": "stalled", "seconds": round(stalled_for)}
    if silent := sorted(watch for watch, age in ages.items() if age > SILENT_SECONDS):
        return {"status": "silent", "watches": silent}
    return {"status": "ok"}


def routes(health: Callable[[], Mapping[str, Any]], registry: CollectorRegistry) -> list[web.RouteDef]:
    """What the operator answers: 503 unless health says ok, and what the registry holds."""

    async def healthz(_: web.Request) -> web.Response:
        body = health()
        return web.json_response(body, status=200 if body["status"] == "ok" else 503)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    return [web.get("/healthz", healthz), web.get("/metrics", metrics)]
