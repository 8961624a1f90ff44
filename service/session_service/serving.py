"""One server process from listening to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from session_service import memory
from session_service.app import FRONT, METRICS, PROBER, RELOADER, RULES, create_app
from session_service.http.admin import create_admin
from session_service.http.server import Rules, Runner, Server, Site
from session_service.settings import Settings
from session_service.store.reload import Reloader

log = logging.getLogger("session_service")


async def serve(settings: Settings, started: Callable[[int, int | None], None], *, shared: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; `started` is told the ports once requests are taken: the API's, and the admin's.

    A `shared` port of the API is one that other processes listen on too.

    SIGTERM: not ready at once, requests still served for the time that endpoints take to forget us, then the
    listener closes and what is under way ends. SIGINT (Ctrl-C), or a second signal, does not wait for endpoints.
    """
    memory.keep_large_apart()
    app = create_app(settings)
    for warning in settings.warnings:
        log.warning(warning)
    runner = ApiRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=settings.shutdown,
    )
    admin = Runner(create_admin(app[METRICS].registry), Rules(), access_log=None)
    await runner.setup()
    await admin.setup()
    try:
        site = Site(runner, settings.host, settings.port, shared=shared)
        port = await _listen(runner, site, settings.host, settings.port, "AGNO_SERVICE_PORT to a free port")
        admin_port = settings.admin_port
        if admin_port is not None:
            page = Site(admin, settings.host, admin_port)
            advice = "AGNO_ADMIN_PORT to a free port, or to off"
            admin_port = await _listen(admin, page, settings.host, admin_port, advice)
        asked, hurried = _signals()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, app[RELOADER])
        started(port, admin_port)
        await asked.wait()
        app[PROBER].draining = True
        if not hurried.is_set():
            log.info("draining: taking requests for %g s more", settings.drain)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(settings.drain):
                    await hurried.wait()
    finally:
        await runner.cleanup()
        # the last that is asked: what happened until the end can be scraped
        await admin.cleanup()
        log.info("stopped")


class ApiRunner(Runner):
    """Runs the application, and hands each request to its front: past aiohttp's router and all that comes with it."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, app[RULES], **options)

    async def _answers(self) -> web.Server:
        server = await super()._answers()
        front = self.app[FRONT]
        server.request_handler, server.request_factory = front.answer, front.request
        return server

    async def _make_server(self) -> web.Server:
        server = cast("Server", await super()._make_server())
        metrics = self.app[METRICS]
        metrics.connections.set_function(lambda: server.open)
        metrics.max_connections.set(self.app[RULES].most_connections)
        return server


def _reload(reloader: Reloader | None) -> None:
    if reloader is None:
        log.warning("SIGHUP: nothing to reload: AGNO_SESSION_DSN_MAP_FILE names no DSN map")
    else:
        reloader.look()


async def _listen(runner: web.AppRunner, site: web.BaseSite, host: str, port: int, advice: str) -> int:
    """Listen, and give the port. Raises ValueError, saying what to set, where that can't be."""
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"port {port} of {host} is taken: set {advice}") from None
        reason = os.strerror(error.errno or 0) if (error.errno or 0) > 0 else error.strerror
        raise ValueError(
            f"can't listen on {host}, port {port} ({reason}): set AGNO_SERVICE_HOST, or {advice}"
        ) from None
    listening: int = runner.addresses[0][1]
    return listening


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    asked, hurried = asyncio.Event(), asyncio.Event()

    def on_signal(urgent: bool) -> None:
        if urgent or asked.is_set():
            hurried.set()
        asked.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, on_signal, False)
    loop.add_signal_handler(signal.SIGINT, on_signal, True)
    return asked, hurried
