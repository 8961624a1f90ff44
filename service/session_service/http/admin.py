"""The admin listener, on a separate port: metrics for a scraper, which clients should not reach."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from session_service.http.answers import failure
from session_service.http.bodies import refuse_encoded
from session_service.http.errors import ApiError


def create_admin(registry: CollectorRegistry) -> web.Application:
    """`GET /metrics`, in the text format or as OpenMetrics, and `GET /healthz`."""

    async def metrics(request: web.Request) -> web.Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        except (TypeError, ValueError):  # a version that is not a number
            encode, content_type = choose_encoder("")
        # in a thread: many databases mean thousands of lines
        body = await asyncio.to_thread(encode, registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    @web.middleware
    async def unencoded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.match_info.http_exception is None:
            try:
                refuse_encoded(request)
            except ApiError as error:
                return failure(error)
        return await handler(request)

    app = web.Application(middlewares=[unencoded])
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", alive)
    return app
