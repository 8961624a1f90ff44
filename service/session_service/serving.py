"""One server process from listening to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable

from aiohttp import web

from session_service.app import PROBER, RELOADER, create_app
from session_service.settings import Settings
from session_service.store.reload import Reloader

# longer than the idle timeout of common proxies, so that they close first
KEEPALIVE_SECONDS = 75.0

log = logging.getLogger("session_service")


async def serve(settings: Settings, started: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT; `started` is told the port once requests are taken.

    SIGTERM: not ready at once, requests still served for the time that endpoints take to forget us, then the
    listener closes and what is under way ends. SIGINT (Ctrl-C), or a second signal, does not wait for endpoints.
    """
    app = create_app(settings)
    for warning in settings.warnings:
        log.warning(warning)
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=settings.shutdown,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, reuse_address=True)
        await site.start()
        asked, hurried = _signals()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, app[RELOADER])
        started(runner.addresses[0][1])
        await asked.wait()
        app[PROBER].draining = True
        if not hurried.is_set():
            log.info("draining: taking requests for %g s more", settings.drain)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hurried.wait(), settings.drain)
    finally:
        await runner.cleanup()
        log.info("stopped")


def _reload(reloader: Reloader | None) -> None:
    if reloader is None:
        log.warning("SIGHUP: there is nothing to read anew: AGNO_SESSION_DSN_MAP_FILE names no DSN map")
    else:
        reloader.look()


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
