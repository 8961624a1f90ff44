"""Wires the layers: settings become databases, stores, routes and an aiohttp application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import chain

from aiohttp import web

from session_service.database.database import Database
from session_service.database.dsn_map import DsnMap
from session_service.http import health, runs, sessions
from session_service.http.auth import authenticator
from session_service.http.front import Front, Handler
from session_service.http.routing import Route, Router
from session_service.http.selection import Stores
from session_service.settings import Settings
from session_service.store.prober import Prober
from session_service.store.session_store import SessionStore

PROBER = web.AppKey("prober", Prober)

# an imported session comes in one body
LARGEST_BODY = 32 * 1024 * 1024


def open_stores(dsn_map: DsnMap) -> dict[str, list[SessionStore]]:
    """The stores of each database id. Those of one id and DSN share a pool; no connection is opened yet."""
    stores: dict[str, list[SessionStore]] = {}
    for id, sources in dsn_map.sources.items():
        databases = {source.dsn: Database(id, source) for source in reversed(sources)}
        stores[id] = [SessionStore(databases[source.dsn], source) for source in sources]
    return stores


def routes(prober: Prober, settings: Settings) -> tuple[Route[Handler], ...]:
    """Every route. The first method of a path is the one that a 405 names."""
    return (
        Route("/healthz", {"GET": health.alive}),
        Route("/healthz/startup", {"GET": health.startup(prober, settings.termination_log)}),
        Route("/healthz/ready", {"GET": health.ready(prober)}),
        Route("/health", {"GET": health.health(datetime.now(UTC))}),
        Route(
            "/sessions",
            {"GET": sessions.list_sessions, "POST": sessions.create_session, "DELETE": sessions.delete_sessions},
        ),
        Route(
            "/sessions/{session_id}",
            {"GET": sessions.read_session, "PATCH": sessions.patch_session, "DELETE": sessions.delete_session},
        ),
        Route("/sessions/{session_id}/rename", {"POST": sessions.rename_session}),
        Route("/sessions/{session_id}/runs", {"GET": runs.list_runs}),
        Route("/sessions/{session_id}/run-previews", {"GET": runs.list_previews}),
        Route("/sessions/{session_id}/runs/{run_id}", {"GET": runs.read_run}),
    )


def create_app(settings: Settings) -> web.Application:
    """The application of these settings. Raises ValueError where the authentication settings contradict."""
    stores = open_stores(settings.databases)
    prober = Prober(stores, settings.startup_grace)
    front = Front(
        router=Router(routes(prober, settings)),
        authenticator=authenticator(settings.auth),
        stores=Stores(stores, settings.databases.default, settings.require_db_id),
        cors_origins=settings.cors_origins,
        request_timeout=settings.request_timeout,
    )

    @web.middleware
    async def answer(request: web.Request, handler: object) -> web.StreamResponse:
        return await front.answer(request)

    async def databases(_: web.Application) -> AsyncIterator[None]:
        prober.begin()
        yield
        await prober.end()
        for store in chain.from_iterable(stores.values()):
            await store.database.close()

    app = web.Application(middlewares=[answer], client_max_size=LARGEST_BODY)
    app[PROBER] = prober
    app.on_response_prepare.append(front.add_headers)
    app.cleanup_ctx.append(databases)
    return app
