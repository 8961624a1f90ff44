"""GET /healthz: 200 while the event loop runs, be it leading or waiting to lead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving_health(listen: str) -> AsyncIterator[None]:
    """Answer on HOST:PORT as long as the context lasts."""

    async def alive(_: web.Request) -> web.Response:
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
