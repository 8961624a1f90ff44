"""Observes a store: its Deployment, its pods, and what each pod reports about the databases."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from typing import Self

import aiohttp

from session_operator.cluster import Cluster
from session_operator.pods import health_url, is_ready, pods_of
from session_operator.render.labels import instance_selector
from session_operator.render.pod import mounted_map
from session_operator.reports import LONGEST_ANSWER
from session_operator.resource import Object, SessionStore
from session_operator.workload import Workload, workload

ASK_SECONDS = 1
LOOK_SECONDS = 1.5
"""Seconds for asking all pods of a store, so that pods that hang delay the others by no more than this."""
ASKED_OF_ONE, ASKED_IN_ALL = 8, 32
"""Pods that are asked at the same time: of one store, and of all stores."""


class Observer:
    """Asks pods for their /healthz/ready, within limits for each store and for all."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._asking = asyncio.Semaphore(ASKED_IN_ALL)

    async def observe(self, store: SessionStore, deployment: Object) -> Workload:
        """Look at the Deployment and its pods."""
        pods = await pods_of(self._cluster, deployment, instance_selector(store))
        newest = [pod for pod in pods if mounted_map(pod) == mounted_map(deployment["spec"]["template"])]
        # pods that are not ready first: they may know why
        urls = {pod["metadata"]["name"]: url for pod in sorted(newest, key=is_ready) if (url := health_url(pod))}
        answers = await self.answers(urls)
        return workload(deployment, pods, answers, [database.id for database in store.databases])

    async def answers(self, urls: Mapping[str, str]) -> Mapping[str, bytes]:
        """The answers of a store's pods, by pod name. Pods that do not answer in time are left out."""
        answers, waiting = {}, iter(urls.items())

        async def some() -> None:
            for name, url in waiting:
                async with self._asking:
                    answer = await ask(url)
                if answer is not None:
                    answers[name] = answer

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS), asyncio.TaskGroup() as group:
                for _ in range(min(ASKED_OF_ONE, len(urls))):
                    group.create_task(some())
        return answers


async def ask(url: str) -> bytes | None:
    """What a pod says of its databases; None if the network does not let the operator through.

    Anything may run in a pod, so this is the only place that asks one. It reads an answer up to a limit, does not
    decompress it, and follows no redirect.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=_Limited.of),
        timeout=aiohttp.ClientTimeout(total=ASK_SECONDS),
        headers={"Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        try:
            async with session.get(url, allow_redirects=False) as response:
                return await response.read() if response.status in (200, 503) else None
        except (aiohttp.ClientError, TimeoutError):
            return None


class _Limited(socket.socket):
    """A socket that ends after a number of bytes, of body, headers, interim answers and framing together."""

    _left = LONGEST_ANSWER

    @classmethod
    def of(cls, address: aiohttp.AddrInfoType) -> Self:
        return cls(*address[:3])

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        piece = super().recv(min(size, self._left), flags)
        self._left -= len(piece)
        return piece
