"""The operator's own port. Any pod of the cluster may reach it, so each request and all together cost little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING, SERVER
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

MOST_CONNECTIONS = 64
"""There are only a few probes and scrapers. A further connection replaces the oldest."""

_LIMITS: dict[str, Any] = {
    "keepalive_timeout": 75.0,
    "max_line_size": 2048,
    "max_field_size": 4096,
    "max_headers": 32,
    # no route reads a body, so none is decompressed or awaited
    "auto_decompress": False,
    "lingering_time": 0,
}


@asynccontextmanager
async def listening(listen: str, routes: list[web.RouteDef]) -> AsyncIterator[None]:
    """Serve these routes on HOST:PORT while the context is open."""
    host, _, port = listen.rpartition(":")
    application = web.Application(middlewares=[_unencoded])
    application.add_routes(routes)
    runner = _Runner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        yield
    finally:
        await runner.cleanup()


@web.middleware
async def _unencoded(request: web.Request, handler: Handler) -> web.StreamResponse:
    encoding = request.headers.get(CONTENT_ENCODING, "identity").strip().lower()
    if request.match_info.http_exception is None and request.body_exists and encoding != "identity":
        raise web.HTTPUnsupportedMediaType(headers={"Accept-Encoding": "identity"})
    return await handler(request)


class _Connection(RequestHandler):
    __slots__ = ()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        # aiohttp would send its version and Python's
        resp.headers[SERVER] = "session-operator"
        if request.can_read_body:
            resp.force_close()
        return await super().finish_response(request, resp, start_time)


class _Server(web.Server):
    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._connections) > MOST_CONNECTIONS:
            self._connections.pop(next(iter(self._connections))).abort()

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **_LIMITS)


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server.request_handler, request_factory=server.request_factory)
