"""A user's hand on the API server: apply, edit, delete, look, and wait for what should become of it."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from aiohttp import AddrInfoType

from session_operator.kinds import DEPLOYMENTS, SECRETS, STORES, Kind
from session_operator.resource import Object

from .apiserver import ApiServer

MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


class Api:
    """One namespace of the API server, with all rights in it."""

    def __init__(self, session: aiohttp.ClientSession, namespace: str) -> None:
        self._session = session
        self.namespace = namespace

    @classmethod
    @asynccontextmanager
    async def connect(cls, server: ApiServer, namespace: str) -> AsyncIterator[Self]:
        context = ssl.create_default_context(cafile=str(server.certificate))
        opened: list[socket.socket] = []

        def open_socket(address: AddrInfoType) -> socket.socket:
            opened.append(socket.socket(*address[:3]))
            return opened[-1]

        async with aiohttp.ClientSession(
            server.url,
            headers={"Authorization": f"Bearer {server.token('admin')}"},
            connector=aiohttp.TCPConnector(ssl=context, socket_factory=open_socket),
        ) as session:
            yield cls(session, namespace)
        # A request that was given up closes TLS only when the server has answered, and aiohttp does not wait for it
        while any(each.fileno() != -1 for each in opened):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def call(self, method: str, path: str, body: Any = None, *, content_type: str = "application/json") -> Object:
        async with self._session.request(method, path, json=body, headers={"Content-Type": content_type}) as response:
            answer: Object = await response.json(content_type=None)
        if response.status >= 400:
            raise RuntimeError(answer["message"])
        return answer

    async def first_line(self, path: str) -> str:
        async with self._session.get(path) as response:
            return (await response.content.readline()).decode()

    async def get(self, kind: Kind, name: str) -> Object | None:
        try:
            return await self.call("GET", kind.path(self.namespace, name))
        except RuntimeError:
            return None

    async def list(self, kind: Kind, query: str = "") -> list[Object]:
        items: list[Object] = (await self.call("GET", kind.path(self.namespace) + query))["items"]
        return items

    async def create(self, kind: Kind, body: Object) -> Object:
        body = {"apiVersion": kind.api_version, "kind": kind.name} | body
        return await self.call("POST", kind.path(self.namespace), body)

    async def apply(self, kind: Kind, name: str, body: Object, *, manager: str = "user") -> Object:
        body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}} | body
        path = kind.path(self.namespace, name) + f"?fieldManager={manager}&force=true"
        return await self.call("PATCH", path, body, content_type=APPLY)

    async def edit(
        self, kind: Kind, name: str, patch: Object, *, subresource: str | None = None, manager: str = "edit"
    ) -> Object:
        path = kind.path(self.namespace, name, subresource) + f"?fieldManager={manager}"
        return await self.call("PATCH", path, patch, content_type=MERGE)

    async def delete(self, kind: Kind, name: str) -> None:
        await self.call("DELETE", kind.path(self.namespace, name))

    async def write_secret(self, name: str, **values: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        await self.apply(SECRETS, name, {"data": data})

    async def write_store(self, name: str = "chat", *, secret: str = "chat-main", **spec: Any) -> None:
        databases = [{"id": "main", "dsn": {"secretKeyRef": {"name": secret, "key": "dsn"}}}]
        await self.apply(STORES, name, {"spec": {"databases": databases} | spec})

    @asynccontextmanager
    async def watching(self, path: str) -> AsyncIterator[AsyncIterator[Object]]:
        """The objects of a watch, as they change."""
        async with self._session.get(path) as response:

            async def objects() -> AsyncIterator[Object]:
                async for line in response.content:
                    yield json.loads(line)["object"]

            yield objects()

    async def until(
        self, kind: Kind, name: str, holds: Callable[[Object], Any] = lambda _: True, *, seconds: float = 50
    ) -> Object:
        """Wait for an object of which something holds."""
        seen: Object | None = None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            seen = await self.get(kind, name)
            if seen is not None and holds(seen):
                return seen
            await asyncio.sleep(0.05)
        raise AssertionError(f"{kind.name} {name} did not come to what was expected: {seen}")

    async def gone(self, kind: Kind, name: str, *, seconds: float = 50) -> None:
        deadline = time.monotonic() + seconds
        while await self.get(kind, name) is not None:
            assert time.monotonic() < deadline, f"{kind.name} {name} is still there"
            await asyncio.sleep(0.05)

    async def until_condition(self, store: str, kind: str, status: str, reason: str, **options: Any) -> Object:
        """Wait for a condition of a store that is about its newest spec; gives the store."""

        def holds(body: Object) -> bool:
            found = condition(body, kind)
            generation = body["metadata"]["generation"]
            return (found.get("status"), found.get("reason"), found.get("observedGeneration")) == (
                status,
                reason,
                generation,
            )

        return await self.until(STORES, store, holds, **options)

    async def deployed(self, store: str = "chat", *, other_than: str = "", seconds: float = 50) -> Object:
        """Wait for the Deployment of a store, or for one that mounts another DSN map than before."""
        return await self.until(DEPLOYMENTS, store, lambda body: mounted(body) != other_than, seconds=seconds)


def condition(store: Object, kind: str) -> Object:
    conditions = store.get("status", {}).get("conditions", ())
    return next((condition for condition in conditions if condition["type"] == kind), {})


def mounted(templated: Object) -> str:
    """The DSN map that the pods of a Deployment or a ReplicaSet mount."""
    name: str = templated["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"]
    return name
