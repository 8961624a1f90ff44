"""What runs of a store, observed: its Deployment, its pods, and what each pod says of its databases."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from session_operator.cluster import Cluster
from session_operator.kinds import PODS
from session_operator.render.labels import instance_selector
from session_operator.resource import Object, SessionStore
from session_operator.workload import Workload, health_url, workload

ASK_SECONDS = 1


class Observer:
    """Asks pods for their /healthz/ready, a few at a time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._asking = asyncio.Semaphore(16)

    async def observe(self, store: SessionStore, deployment: Object) -> Workload:
        """Look at the Deployment and its pods."""
        pods = await self._cluster.list(PODS, store.key.namespace, selector=instance_selector(store))
        urls = {pod["metadata"]["name"]: url for pod in pods if (url := health_url(pod))}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_SECONDS)) as session:
            answers = await asyncio.gather(*(self._ask(session, url) for url in urls.values()))
        return workload(deployment, pods, dict(zip(urls, answers, strict=True)))

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> Any:
        """What a pod says of its databases; None where the network does not let the operator through."""
        async with self._asking:
            try:
                async with session.get(url) as response:
                    return await response.json()
            except (aiohttp.ClientError, TimeoutError, ValueError):
                return None
