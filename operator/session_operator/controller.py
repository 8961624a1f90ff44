"""Runs `session-operator run`: kopf watches SessionStores, and an event only puts a key on the queue."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import kopf

from session_operator.bodies import Page, pruned
from session_operator.cluster import Cluster, metadata_accept, watched
from session_operator.health import routes, verdict
from session_operator.heartbeats import Heartbeats
from session_operator.kinds import STORES
from session_operator.leader import Lease
from session_operator.listener import listening
from session_operator.metrics import Metrics
from session_operator.queue import WorkQueue
from session_operator.reconcile import Reconciler
from session_operator.resource import Key, Object
from session_operator.shallow import loads
from session_operator.watches import Watches

logger = logging.getLogger(__name__)

WATCH_SECONDS = 60
"""How long kopf's watch of SessionStores lasts before it is reopened, which shows that it is alive."""

LISTED_AT_A_TIME = 10
"""Stores per page of kopf's lists. kopf gets their metadata, of up to 1.5 MB each."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `session-operator run`. No namespace means all; times are in seconds."""

    namespaces: tuple[str, ...] = ()
    workers: int = 4
    resync: float = 600
    listen: str = "0.0.0.0:8080"
    lease_namespace: str | None = None
    lease_seconds: float = 15


class Controller:
    """One operator, leader or standby: its queue, its watches and their metrics."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._queue: WorkQueue[Key] = WorkQueue(lambda key: key.namespace)
        self._heartbeats = Heartbeats()
        self.metrics = Metrics(self._queue, self._heartbeats)

    async def run(self) -> None:
        """Serve until a signal, as one of several replicas if a Lease is configured. Raises LeaseLost."""
        options, metrics = self._options, self.metrics
        async with (
            listening(options.listen, routes(self._health, metrics.registry)),
            Cluster.connect(sent=metrics.request) as cluster,
        ):
            if options.lease_namespace is None:
                await self.operate(cluster)
                return
            identity = f"{socket.gethostname()}-{os.getpid()}"
            lease = Lease(cluster, options.lease_namespace, identity, options.lease_seconds)
            await lease.acquire()
            try:
                # A separate client, so that renewals never wait for other requests
                async with Cluster.connect(lease.check, metrics.request) as fenced, asyncio.TaskGroup() as group:
                    holding = group.create_task(lease.hold())
                    await self.operate(fenced)
                    holding.cancel()
            finally:
                await lease.release()

    async def operate(self, cluster: Cluster, stop: asyncio.Event | None = None) -> None:
        """Serve until a signal, or until `stop` is set. Ends with an exception if any part fails."""
        self.metrics.leader.set(1)
        while not await cluster.serves(STORES):
            logger.warning("the API server does not serve %s: apply the CustomResourceDefinition", STORES.plural)
            await asyncio.sleep(2)
        options, queue, heartbeats = self._options, self._queue, self._heartbeats
        reconciler = Reconciler(cluster, self.metrics.stores.reported)
        handle = self.metrics.measured(reconciler.reconcile)
        namespaces = options.namespaces or (None,)
        watches = [Watches(cluster, namespace, reconciler, queue, heartbeats) for namespace in namespaces]
        for namespace in namespaces:
            heartbeats.heard(STORES.plural, STORES.path(namespace))
        async with asyncio.TaskGroup() as group:
            # Before kopf starts: when it ends, it cancels every task that it did not see at its start
            tasks = [
                *(group.create_task(queue.work(handle)) for _ in range(options.workers)),
                *(group.create_task(each.run(options.resync)) for each in watches),
            ]
            # Otherwise kopf asks for the user name, which neither the image nor a user chosen by the cluster has
            identity: Any = socket.gethostname()
            await kopf.operator(
                identity=identity,
                registry=self._registry(cluster),
                settings=_settings(),
                standalone=True,
                clusterwide=not options.namespaces,
                namespaces=options.namespaces,
                stop_flag=stop,
            )
            for task in tasks:
                task.cancel()

    def _health(self) -> Mapping[str, Any]:
        return verdict(self._queue.stalled_for(), self._heartbeats.ages())

    def _registry(self, cluster: Cluster) -> kopf.OperatorRegistry:
        """Event handlers only: kopf then writes no annotation and no finalizer."""
        registry = kopf.OperatorRegistry()

        async def login(**_: Any) -> kopf.AiohttpSession:
            info = kopf.ConnectionInfo(**await cluster.credentials())
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
                headers=info.as_http_headers(),
                trace_configs=[self._tracing()],
                middlewares=[_metadata_alone],
                response_class=ListOfStores,
            )
            return kopf.AiohttpSession(server=info.server, aiohttp_session=session)

        async def store_changed(meta: Mapping[str, Any], **_: Any) -> None:
            self._queue.add(Key(meta["namespace"], meta["name"]))

        kopf.on.login(registry=registry)(login)
        kopf.on.event(STORES.api_version, STORES.plural, registry=registry)(store_changed)
        return registry

    def _tracing(self) -> aiohttp.TraceConfig:
        """Counts kopf's requests to the API server."""

        async def answered(_: Any, __: SimpleNamespace, told: aiohttp.TraceRequestEndParams) -> None:
            verb = _verb(told.url.path, told.url.query)
            self.metrics.request(verb, str(told.response.status))
            if verb == "watch" and told.response.status == 200:
                self._heartbeats.heard(STORES.plural, told.url.path)

        async def failed(_: Any, __: SimpleNamespace, told: aiohttp.TraceRequestExceptionParams) -> None:
            self.metrics.request(_verb(told.url.path, told.url.query), "error")

        tracing = aiohttp.TraceConfig()
        tracing.on_request_end.append(answered)
        tracing.on_request_exception.append(failed)
        return tracing


class _Patience:
    """Endless pauses between retries, in seconds. If they ended, kopf would drop the watch for good."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1, 2), itertools.repeat(4))


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # no right to watch namespaces and CRDs is needed
    settings.execution.max_workers = 1  # no handler is synchronous
    settings.queueing.worker_limit = 50
    # Each of these 50 handles one store at a time, and would wait 5 s for more events: ten stores a second
    settings.queueing.idle_timeout = 0.1
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = _Patience()
    # Watches can go silent without an error (kopf#585, kopf#957)
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = WATCH_SECONDS + 10
    settings.watching.connect_timeout = 30
    settings.watching.reconnect_backoff = 1
    settings.watching.chunk_size = LISTED_AT_A_TIME
    return settings


class ListOfStores(aiohttp.ClientResponse):
    """An answer for kopf, which keeps lists until all is handled. It holds only the identity of each store."""

    async def json(self, **_: Any) -> Any:
        """Parse the body, and keep the identity of each store."""
        text = await self.read()
        if self.status != 200 or _verb(self.url.path, self.url.query) != "list":
            return loads(text)
        page = Page.read(text)
        return {"metadata": {"continue": page.rest}, "items": [_told_apart(item) for item in page]}


def _told_apart(item: Mapping[str, Any]) -> Object:
    metadata = {name: item["metadata"][name] for name in ("namespace", "name", "uid", "resourceVersion")}
    return {"apiVersion": STORES.api_version, "kind": STORES.name, "metadata": metadata}


async def _metadata_alone(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Pass to kopf only which stores exist and that they changed; the operator reads their content one by one."""
    verb = _verb(request.url.path, request.url.query)
    if verb != "get":
        request.headers["Accept"] = metadata_accept(verb)
    response = await send(request)
    if verb == "watch" and response.status == 200:
        stream: Any = _StoresToldApart(response.content)
        response.content = stream
    return response


class _StoresToldApart:
    """A watch for kopf with only the identity of each store: an object that is too deep would end kopf."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        """Yield the lines of the watch, each with the identity of its store."""
        async for kind, text in watched(self._content):
            told = _told_apart(pruned(text)) if kind in ("ADDED", "MODIFIED", "DELETED") else loads(text)
            yield json.dumps({"type": kind, "object": told}).encode() + b"\n"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


def _verb(path: str, query: Mapping[str, str]) -> str:
    """The API verb of a request of kopf, which only reads."""
    if query.get("watch"):
        return "watch"
    return "list" if path.endswith(f"/{STORES.plural}") else "get"
