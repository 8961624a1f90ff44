"""Wires the layers: settings become databases, stores, routes and an aiohttp application."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import get_args

from aiohttp import web

from session_service import __version__
from session_service.database.database import State
from session_service.database.replica import ReplicaState
from session_service.http import health, runs, sessions
from session_service.http.auth import authenticator
from session_service.http.bodies import Bodies
from session_service.http.budget import Budget
from session_service.http.deadline import Deadline
from session_service.http.front import Front, Handler
from session_service.http.jwks_url import JwksUrl
from session_service.http.observer import Observer
from session_service.http.pages import pages
from session_service.http.routing import Route, Router
from session_service.http.server import Rules
from session_service.http.service_accounts import AccountTokens
from session_service.observability.database_metrics import DatabaseCollector, ReloadCollector
from session_service.observability.exchange import UNMATCHED
from session_service.observability.jwks_metrics import JwksCollector
from session_service.observability.lag import LoopLag
from session_service.observability.metrics import PREFLIGHT, Metrics
from session_service.observability.pseudonyms import Pseudonyms
from session_service.observability.traces import open_traces
from session_service.settings import Settings
from session_service.store.figures import figures
from session_service.store.prober import Prober
from session_service.store.reload import Reloader
from session_service.store.store_map import LiveStores, StoreMap

FRONT = web.AppKey("front", Front)
PROBER = web.AppKey("prober", Prober)
LIVE_STORES = web.AppKey("live_stores", LiveStores)
# None where the map is no file
RELOADER: web.AppKey[Reloader | None] = web.AppKey("reloader")
METRICS = web.AppKey("metrics", Metrics)
RULES = web.AppKey("rules", Rules)


def routes(prober: Prober, keys: JwksUrl | None, settings: Settings) -> tuple[Route[Handler], ...]:
    """Every route. The first method of a path is the one that a 405 names."""
    return (
        Route("/healthz", {"GET": health.alive}),
        Route("/healthz/startup", {"GET": health.startup(prober, keys, settings.termination_log)}),
        Route("/healthz/ready", {"GET": health.ready(prober, keys, others=bool(settings.auth.verification_keys))}),
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
        *pages(__version__),
    )


def create_app(settings: Settings) -> web.Application:
    """The application of these settings, whose requests go to its front: serving.Runner sees to it.

    Raises ValueError where the authentication settings contradict.
    """
    live = LiveStores(StoreMap.open(settings.databases))
    prober = Prober(live, settings.startup_grace)
    reloader = None
    if settings.databases_file is not None:
        reloader = Reloader(settings.databases_file, live, applied=prober.follow)
    service_accounts = settings.auth.service_accounts
    accounts = None if service_accounts is None else AccountTokens(live, service_accounts)
    callers = authenticator(settings.auth, accounts=accounts)
    keys = callers.jwks_url
    table = routes(prober, keys, settings)
    known = [(method, route.template) for route in table for method in route.handlers]
    metrics = Metrics(__version__, [*known, ("GET", UNMATCHED), ("OPTIONS", PREFLIGHT)])
    metrics.registry.register(DatabaseCollector(lambda: figures(live, prober), get_args(State), get_args(ReplicaState)))
    metrics.registry.register(ReloadCollector({} if reloader is None else reloader.results))
    if keys is not None:
        metrics.registry.register(JwksCollector(keys.results, lambda: keys.age))
    traces = open_traces(__version__, os.environ)
    lag = LoopLag()
    metrics.event_loop_lag.set_function(lambda: lag.seconds)
    observer = Observer(metrics, Pseudonyms(settings.log_key), settings.trusted_proxies, traces)
    budget = Budget(settings.most_answer_bytes, metrics.answers_refused.inc)
    metrics.answer_bytes.set_function(lambda: budget.held)
    metrics.max_answer_bytes.set(budget.most)
    bodies = Bodies(settings.largest_body)
    front = Front(
        router=Router(table),
        authenticator=callers,
        live=live,
        require_db_id=settings.require_db_id,
        cors_origins=settings.cors_origins,
        deadline=Deadline(settings.request_timeout),
        compress_from=settings.compress_from,
        bodies=bodies,
        budget=budget,
        draining=lambda: prober.draining,
        observer=observer,
    )

    async def databases(_: web.Application) -> AsyncIterator[None]:
        prober.begin()
        following = [asyncio.create_task(each.follow()) for each in (reloader, keys) if each is not None]
        lag.begin()
        yield
        lag.end()
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await prober.end()
        await live.close()
        bodies.close()
        if traces is not None:
            await asyncio.to_thread(traces.close)

    app = web.Application()
    app[FRONT] = front
    app[PROBER] = prober
    app[LIVE_STORES] = live
    app[RELOADER] = reloader
    app[METRICS] = metrics
    app[RULES] = Rules(
        most_connections=settings.most_connections,
        most_header_bytes=settings.most_header_bytes,
        refused=observer.refused_early,
        displaced=metrics.displaced.inc,
        paused=metrics.accept_pauses.inc,
    )
    app.cleanup_ctx.append(databases)
    return app
