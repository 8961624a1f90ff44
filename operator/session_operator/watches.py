"""Watches of the objects that stores own or name. They get only metadata, so the content of Secrets is never sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp

from session_operator.cluster import Cluster
from session_operator.errors import ApiError
from session_operator.heartbeats import Heartbeats
from session_operator.kinds import OWNED, PODS, REPLICA_SETS, SECRETS, STORES, Kind
from session_operator.pace import UNSETTLED_SECONDS
from session_operator.queue import WorkQueue
from session_operator.reconcile import Reconciler
from session_operator.resource import INSTANCE_LABEL, MANAGED_BY_LABEL, MANAGER, Key, Object

logger = logging.getLogger(__name__)

_OURS = f"{MANAGED_BY_LABEL}={MANAGER},{INSTANCE_LABEL}"
_UNINTERESTING_SECRETS = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token"


class Watches:
    """The watches of one namespace or of all. Each change puts the key of a store on the queue."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str | None,
        reconciler: Reconciler,
        queue: WorkQueue[Key],
        heartbeats: Heartbeats,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._reconciler = reconciler
        self._queue = queue
        self._heartbeats = heartbeats

    async def run(self, resync: float) -> None:
        """Watch for ever. Also queue every store each `resync` seconds, in case an event was missed."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(SECRETS, self._secret_changed, fields=_UNINTERESTING_SECRETS))
            for kind in (*(each for each in OWNED if each is not SECRETS), REPLICA_SETS, PODS):
                group.create_task(self._follow(kind, self._owned_changed, selector=_OURS))
            group.create_task(_again_and_again("resync", lambda: self._resync(resync)))

    def _owned_changed(self, metadata: Object) -> None:
        if name := metadata["labels"][INSTANCE_LABEL]:  # anybody may set the label, even without a value
            self._queue.add(Key(metadata["namespace"], name))

    def _secret_changed(self, metadata: Object) -> None:
        for key in self._reconciler.stores_of(Key(metadata["namespace"], metadata["name"])):
            self._queue.add(key)
        labels = metadata.get("labels", {})
        if labels.get(MANAGED_BY_LABEL) == MANAGER and INSTANCE_LABEL in labels:
            self._owned_changed(metadata)

    async def _follow(
        self, kind: Kind, changed: Callable[[Object], None], *, selector: str = "", fields: str = ""
    ) -> None:
        """Watch a kind for ever, resuming where a watch ended. If the kind is not served, retry from time to time."""
        watch, path = kind.plural, kind.path(self._namespace)
        since, gap = "", False
        self._heartbeats.heard(watch, path)

        async def follow() -> None:
            nonlocal since, gap
            try:
                async with self._cluster.watch_metadata(
                    kind, self._namespace, since=since, selector=selector, fields=fields
                ) as events:
                    self._heartbeats.heard(watch, path)
                    if gap and not since:  # no event says what was deleted in the meantime
                        await self._queue_stores()
                    gap = True
                    async for event, item in events:
                        self._heartbeats.heard(watch, path)
                        # The existing objects come first, in any order: only after the first bookmark does a
                        # version stand for all before it
                        if event == "BOOKMARK" or since:
                            since = item["metadata"]["resourceVersion"]
                        if event != "BOOKMARK":
                            changed(item["metadata"])
            except ApiError as error:
                since = ""
                if error.status == 404:  # not served, or not yet
                    self._heartbeats.heard(watch, path)
                    await asyncio.sleep(UNSETTLED_SECONDS)
                elif error.status != 410:  # 410: the version is too old to resume from
                    raise

        await _again_and_again(f"watch of {watch}", follow)

    async def _queue_stores(self) -> None:
        async for store in self._cluster.list(STORES, self._namespace, metadata_only=True):
            self._queue.add(Key(store["metadata"]["namespace"], store["metadata"]["name"]))

    async def _resync(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._queue_stores()


async def _again_and_again(what: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except (aiohttp.ClientError, TimeoutError, ApiError, ValueError) as error:  # ValueError: a line cut short
            logger.warning("%s: %s: %s", what, type(error).__name__, error)
            await asyncio.sleep(1)
