"""GET /healthz: 200 while work and watches make progress, in the leader and in the standby. GET /metrics, same port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

STALLED_SECONDS = 180
"""Six consecutive requests without an answer of the API server. Only a bug or a dead connection takes that long."""
SILENT_SECONDS = 300
"""A live watch says something every minute. This is long enough to reopen it several times."""


def verdict(stalled_for: float, ages: Mapping[str, float]) -> Mapping[str, Any]:
    """The body of /healthz: `ok`, or what is stuck."""
    if stalled_for > STALLED_SECONDS:
        return {"status": "stalled", "seconds": round(stalled_for)}
    if silent := sorted(watch for watch, age in ages.items() if age > SILENT_SECONDS):
        return {"status": "silent", "watches": silent}
    return {"status": "ok"}


def routes(health: Callable[[], Mapping[str, Any]], registry: CollectorRegistry) -> list[web.RouteDef]:
    """The routes: /healthz answers 503 unless `health` says ok, /metrics prints the registry."""

    async def healthz(_: web.Request) -> web.Response:
        body = health()
        return web.json_response(body, status=200 if body["status"] == "ok" else 503)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    return [web.get("/healthz", healthz), web.get("/metrics", metrics)]
