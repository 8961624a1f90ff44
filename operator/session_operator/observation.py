"""What runs of a store, observed: its Deployment, its pods, and what each pod says of its databases."""

from __future__ import annotations

import asyncio
import socket
from typing import Self

import aiohttp

from session_operator.cluster import Cluster
from session_operator.pods import health_url, pods_of
from session_operator.render.labels import instance_selector
from session_operator.resource import Object, SessionStore
from session_operator.sight import LONGEST_ANSWER
from session_operator.workload import Workload, workload

ASK_SECONDS = 1


class Observer:
    """Asks pods for their /healthz/ready, a few at a time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._asking = asyncio.Semaphore(16)

    async def observe(self, store: SessionStore, deployment: Object) -> Workload:
        """Look at the Deployment and its pods."""
        pods = await pods_of(self._cluster, deployment, instance_selector(store))
        urls = {pod["metadata"]["name"]: url for pod in pods if (url := health_url(pod))}
        answers = await asyncio.gather(*map(self._ask, urls.values()))
        told = {name: answer for name, answer in zip(urls, answers, strict=True) if answer is not None}
        return workload(deployment, pods, told, [database.id for database in store.databases])

    async def _ask(self, url: str) -> bytes | None:
        async with self._asking:
            return await ask(url)


async def ask(url: str) -> bytes | None:
    """What a pod says of its databases; None where the network does not let the operator through.

    Anything may run in a pod. So this is the one place that asks one: what it sends is read to a limit and as it is,
    never inflated, and leads nowhere.
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
    """A socket that ends after so many bytes, whether they are a body, headers, interim answers or framing."""

    _left = LONGEST_ANSWER

    @classmethod
    def of(cls, address: aiohttp.AddrInfoType) -> Self:
        return cls(*address[:3])

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        piece = super().recv(min(size, self._left), flags)
        self._left -= len(piece)
        return piece
