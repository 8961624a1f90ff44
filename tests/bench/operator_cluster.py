"""A cluster for the benchmark of the operator: its stores and Secrets, and a Deployment controller without pods."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp

from session_operator.kinds import DEPLOYMENTS, SECRETS, STORES, Kind
from tests.operator.apiserver import ApiServer

AT_ONCE = 10
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


class BenchCluster:
    """`stores` in `namespaces`, each with two databases that have a Secret each."""

    def __init__(self, session: aiohttp.ClientSession, stores: int, namespaces: int) -> None:
        self._session = session
        self._free = asyncio.Semaphore(AT_ONCE)
        self.namespaces = [f"bench-{number}" for number in range(namespaces)]
        self.stores = [(self.namespaces[number % namespaces], f"store-{number}") for number in range(stores)]

    @classmethod
    @asynccontextmanager
    async def connect(cls, server: ApiServer, stores: int, namespaces: int = 10) -> AsyncIterator[Self]:
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(server.certificate)), limit=0)
        headers = {"Authorization": f"Bearer {server.token('admin')}"}
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(server.url, headers=headers, connector=connector, timeout=timeout) as session:
            yield cls(session, stores, namespaces)

    async def _send(self, method: str, path: str, body: Any, content_type: str = "application/json") -> None:
        async with (
            self._free,
            self._session.request(method, path, json=body, headers={"Content-Type": content_type}) as response,
        ):
            assert response.status < 300, await response.text()

    async def fill(self) -> None:
        """Write everything that a user would."""
        for name in self.namespaces:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await self._send("POST", "/api/v1/namespaces", body)
        await asyncio.gather(*(self._write(*store) for store in self.stores))

    async def _write(self, namespace: str, name: str) -> None:
        databases = []
        for database in ("main", "archive"):
            await self.write_dsn(namespace, name, database, "first")
            databases.append({"id": database, "dsn": {"secretKeyRef": {"name": f"{name}-{database}", "key": "dsn"}}})
        body = {"apiVersion": STORES.api_version, "kind": STORES.name, "metadata": {"name": name}}
        await self._send("POST", STORES.path(namespace), body | {"spec": {"databases": databases, "replicas": 2}})

    async def write_dsn(self, namespace: str, store: str, database: str, password: str) -> None:
        dsn = base64.b64encode(f"postgresql://agno:{password}@db:5432/{store}".encode()).decode()
        name = f"{store}-{database}"
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"dsn": dsn}}
        await self._send("PATCH", f"{SECRETS.path(namespace, name)}?fieldManager=user&force=true", body, APPLY)

    async def watch(self, kind: Kind, seen: Callable[[Any, float], None]) -> None:
        """Tell of each object as it comes, with the time, until cancelled."""
        async with self._session.get(f"{kind.path(None)}?watch=true") as response:
            buffer = b""
            async for chunk in response.content.iter_any():
                now = time.monotonic()
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    seen(json.loads(line)["object"], now)

    async def complete(self, deployment: Any) -> None:
        """What the Deployment controller writes when all pods of the newest template are ready."""
        metadata, pods = deployment["metadata"], deployment["spec"]["replicas"]
        when = {"lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        progressing = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": ""}
        counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), pods)
        status = counts | {"observedGeneration": metadata["generation"], "conditions": [progressing | when]}
        path = DEPLOYMENTS.path(metadata["namespace"], metadata["name"], "status")
        await self._send("PATCH", path, {"status": status}, MERGE)
