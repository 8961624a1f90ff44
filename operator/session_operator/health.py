"""GET /healthz: 200 while the event loop runs and work goes on, be it leading or waiting to lead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

STALLED_SECONDS = 180
"""Six requests in a row that the API server does not answer: only a bug, or a dead connection, takes so long."""


@asynccontextmanager
async def serving_health(listen: str, stalled_for: Callable[[], float]) -> AsyncIterator[None]:
    """Answer on HOST:PORT as long as the context lasts; 503 once no work was done for too many seconds."""

    async def alive(_: web.Request) -> web.Response:
        if stalled_for() > STALLED_SECONDS:
            return web.json_response({"status": "stalled"}, status=503)
        return web.json_response({"status": "ok"})

    host, _, port = listen.rpartition(":")
    application = web.Application()
    application.add_routes([web.get("/healthz", alive)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        yield
    finally:
        await runner.cleanup()
