"""The watches that kopf can't do for us: Secrets without what they hold, HTTPRoutes where they are served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp

from session_operator.cluster import ApiError, Cluster
from session_operator.kinds import HTTP_ROUTES, SECRETS, STORES
from session_operator.queue import WorkQueue
from session_operator.reconcile import UNSETTLED_SECONDS, Reconciler
from session_operator.resource import INSTANCE_LABEL, MANAGED_BY_LABEL, MANAGER, Key

logger = logging.getLogger(__name__)

UNINTERESTING_SECRETS = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token"


async def watch_secrets(cluster: Cluster, namespace: str | None, reconciler: Reconciler, queue: WorkQueue[Key]) -> None:
    """Queue the stores that name a Secret, or own it, when it changes."""

    async def watch() -> None:
        async for secret in cluster.watch_metadata(SECRETS, namespace, fields=UNINTERESTING_SECRETS):
            metadata = secret["metadata"]
            labels = metadata.get("labels", {})
            for key in reconciler.stores_of(Key(metadata["namespace"], metadata["name"])):
                queue.add(key)
            if labels.get(MANAGED_BY_LABEL) == MANAGER and INSTANCE_LABEL in labels:
                queue.add(Key(metadata["namespace"], labels[INSTANCE_LABEL]))

    await _again_and_again("watch of Secrets", watch)


async def watch_routes(cluster: Cluster, namespace: str | None, queue: WorkQueue[Key]) -> None:
    """Queue the store of an HTTPRoute when it changes, from when the API server serves them."""
    selector = f"{MANAGED_BY_LABEL}={MANAGER},{INSTANCE_LABEL}"

    async def watch() -> None:
        try:
            async for route in cluster.watch_metadata(HTTP_ROUTES, namespace, selector=selector):
                queue.add(Key(route["metadata"]["namespace"], route["metadata"]["labels"][INSTANCE_LABEL]))
        except ApiError as error:
            if error.status != 404:
                raise
            await asyncio.sleep(UNSETTLED_SECONDS)  # not served, or not yet

    await _again_and_again("watch of HTTPRoutes", watch)


async def resync(cluster: Cluster, namespace: str | None, seconds: float, queue: WorkQueue[Key]) -> None:
    """Queue every store now and then: for what no event told."""

    async def look() -> None:
        await asyncio.sleep(seconds)
        for store in await cluster.list(STORES, namespace, metadata_only=True):
            queue.add(Key(store["metadata"]["namespace"], store["metadata"]["name"]))

    await _again_and_again("resync", look)


async def _again_and_again(what: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except (aiohttp.ClientError, TimeoutError, ApiError, ValueError) as error:  # ValueError: a line cut short
            logger.warning("%s: %s: %s", what, type(error).__name__, error)
            await asyncio.sleep(1)
