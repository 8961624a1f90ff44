"""Whatever writes to the API server asks the fence first, and as late as can be."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from session_operator.cluster import Cluster
from session_operator.kinds import CONFIG_MAPS
from session_operator.resource import Object

from .api import Api
from .apiserver import ApiServer

CHANGED = {"data": {"new": "yes"}}
READS = {"credentials", "get", "list", "serves", "watch_metadata"}
WRITES: dict[str, Callable[[Cluster, Any], Any]] = {
    "apply": lambda cluster, body: cluster.apply(CONFIG_MAPS, body),
    "create": lambda cluster, body: cluster.create(CONFIG_MAPS, made(body["metadata"]["namespace"], "b")),
    "replace": lambda cluster, body: cluster.replace(CONFIG_MAPS, body),
    "merge": lambda cluster, body: cluster.merge(CONFIG_MAPS, body["metadata"]["namespace"], "a", CHANGED),
    "delete": lambda cluster, body: cluster.delete(
        CONFIG_MAPS, body["metadata"]["namespace"], "a", body["metadata"]["uid"]
    ),
}


def made(namespace: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


class Shut(Exception):
    """The fence is shut."""


class Fence:
    def __init__(self) -> None:
        self.shut = False

    def __call__(self) -> None:
        if self.shut:
            raise Shut


@asynccontextmanager
async def relay(server: ApiServer) -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Event]]:
    """A way to the API server; gives its URL, what tells of a connection, and what lets connections through."""
    connected, through = asyncio.Event(), asyncio.Event()
    tasks: set[Any] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        connected.set()
        await through.wait()
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        try:
            await asyncio.gather(copy(reader, up_writer), copy(up_reader, writer))
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
            up_writer.transport.abort()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as listening:
        yield f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}", connected, through
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_every_request_is_known_as_a_read_or_a_write() -> None:
    public = {name for name, _ in inspect.getmembers(Cluster, inspect.isfunction) if not name.startswith("_")}

    assert public == READS | WRITES.keys()


@pytest.mark.parametrize("write", WRITES)
async def test_no_write_passes_a_fence_that_is_shut(
    api: Api, server: ApiServer, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig("admin")))
    fence = Fence()
    async with Cluster.connect(fence) as cluster:
        there = await cluster.create(CONFIG_MAPS, made(api.namespace, "a"))
        before = await api.list(CONFIG_MAPS)
        fence.shut = True

        with pytest.raises(Shut):
            await WRITES[write](cluster, there | CHANGED)

        assert [body async for body in cluster.list(CONFIG_MAPS, api.namespace)] == before  # reads pass
        fence.shut = False
        await WRITES[write](cluster, there | CHANGED)
        assert await api.list(CONFIG_MAPS) != before


async def test_the_fence_is_asked_once_the_connection_stands(
    api: Api, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence = Fence()
    async with relay(server) as (url, connected, through):
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig("admin", through=url)))
        async with Cluster.connect(fence) as cluster:
            writing = asyncio.create_task(cluster.apply(CONFIG_MAPS, made(api.namespace, "a")))
            await connected.wait()
            fence.shut = True
            through.set()

            with pytest.raises(Shut):
                await writing

    assert await api.get(CONFIG_MAPS, "a") is None
