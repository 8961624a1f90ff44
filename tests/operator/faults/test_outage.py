"""An API server that is away for a minute: the operator waits, and then sees all that it has missed."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from session_operator.kinds import DEPLOYMENTS, SECRETS, SERVICES, STORES
from tests.operator.api import Api, condition, mounted
from tests.operator.apiserver import OPERATOR, ApiServer
from tests.operator.conftest import prepared_server
from tests.operator.controllers import roll_out
from tests.operator.proxy import Call, Proxy, refusal

from .zygote import Zygote, kill

SECONDS = 60
BACK_AT_WORK = 30
DSN = "postgresql://agno:secret@db:5432/agno"
Answer = Callable[[], web.Response | None]


def _answering(code: int, reason: str, headers: dict[str, str] | None = None) -> Any:
    async def answer(_: Call) -> web.Response:
        return refusal(code, reason, "not now", headers)

    return answer


OUTAGES: dict[str, Any] = {
    "refused": None,  # no proxy: nobody listens
    "silent": None,
    "failing": _answering(500, "InternalError"),
    "unavailable": _answering(503, "ServiceUnavailable"),
    "overloaded": _answering(429, "TooManyRequests", {"Retry-After": "2"}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server that can be stopped without hurting other tests."""
    with prepared_server() as running:
        yield running


@dataclass
class Scene:
    """A namespace with an operator of its own and how its API server goes away."""

    outage: str
    namespace: str
    proxy: Proxy | None
    pid: int
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        self.over.clear()
        if self.proxy is not None:
            self.proxy.before = OUTAGES[self.outage] or self._silence

    async def _silence(self, _: Call) -> None:
        await self.over.wait()

    def end(self) -> None:
        self.over.set()
        if self.proxy is not None:
            self.proxy.meddle_no_more()

    def alive(self) -> bool:
        return os.path.exists(f"/proc/{self.pid}")


@asynccontextmanager
async def scene(server: ApiServer, zygote: Zygote, outage: str, directory: Path) -> AsyncIterator[Scene]:
    namespace, log = f"outage-{outage}", directory / f"{outage}.log"
    await asyncio.to_thread(server.kubectl, "create", "namespace", namespace)
    async with AsyncExitStack() as stack:
        proxy = None
        if outage != "refused":
            proxy = await stack.enter_async_context(Proxy.in_front_of(server))
        kubeconfig = proxy.kubeconfig(OPERATOR) if proxy else server.kubeconfig(OPERATOR)
        pid = zygote.fork(kubeconfig, log, f"--namespace={namespace}")
        made = Scene(outage, namespace, proxy, pid)
        try:
            yield made
        finally:
            if made.alive():
                kill(pid)


async def settle(api: Api) -> str:
    """Two stores at rest; gives the DSN map of the one that stays."""
    await api.write_secret("chat-main", dsn=DSN)
    for name in ("chat", "goes"):
        await api.write_store(name)
        await api.deployed(name)
        await roll_out(api, name)
        await api.until_condition(name, "Ready", "True", "PodsReady")
    return mounted(await api.deployed())


async def change_everything(api: Api) -> None:
    """What others do while the operator sees nothing."""
    await api.write_secret("chat-main", dsn="postgresql://agno:rotated@db:5432/agno")
    await api.delete(SERVICES, "chat")
    await api.edit(DEPLOYMENTS, "chat", {"spec": {"progressDeadlineSeconds": 7}})
    await api.delete(STORES, "goes")
    await api.write_secret("new-main", dsn=DSN)
    await api.write_store("new", secret="new-main", replicas=3)


async def caught_up(api: Api, before: str) -> None:
    """All of it has been acted upon."""
    deployment = await api.deployed(other_than=before, seconds=BACK_AT_WORK)
    assert deployment["spec"]["progressDeadlineSeconds"] == 180
    await api.until(SERVICES, "chat")
    assert (await api.deployed("new"))["spec"]["replicas"] == 3
    for name in ("chat", "new"):
        await api.until(STORES, name, lambda body: condition(body, "Progressing").get("status") == "True")
    maps = [each["metadata"]["name"] for each in await api.list(SECRETS) if "-dsn-map-" in each["metadata"]["name"]]
    assert sorted(each.rpartition("-")[0] for each in maps) == ["chat-dsn-map"] * 2 + ["goes-dsn-map", "new-dsn-map"]


async def still_watching(api: Api) -> None:
    """What happens from now on is seen as well."""
    before = mounted(await api.deployed())
    await api.write_secret("chat-main", dsn="postgresql://agno:again@db:5432/agno")
    await api.deployed(other_than=before, seconds=5)
    await api.edit(SERVICES, "chat", {"spec": {"selector": {"app": "other"}}})
    await api.until(SERVICES, "chat", lambda body: "app" not in body["spec"]["selector"], seconds=5)


async def too_old(api: Api, version: str) -> bool:
    """Whether a watch from this version on is answered by 410 Gone."""
    path = f"{STORES.path(api.namespace)}?watch=true&resourceVersion={version}&timeoutSeconds=5"
    while True:
        event = json.loads(await api.first_line(path))
        # a server that has just come back may first answer that its storage is not read yet
        if event.get("kind") != "Status" or event.get("code") == 410:
            break
    return event.get("code") == 410 or (event["type"], event["object"].get("code")) == ("ERROR", 410)


@pytest.mark.timeout(240)
async def test_a_minute_without_an_api_server_loses_nothing(server: ApiServer, tmp_path: Path) -> None:
    with Zygote.ready() as zygote:
        async with AsyncExitStack() as stack:
            scenes = [await stack.enter_async_context(scene(server, zygote, outage, tmp_path)) for outage in OUTAGES]
            apis = [await stack.enter_async_context(Api.connect(server, each.namespace)) for each in scenes]
            before = await asyncio.gather(*map(settle, apis))
            version = (await apis[0].call("GET", STORES.path(apis[0].namespace)))["metadata"]["resourceVersion"]

            gone = asyncio.create_task(asyncio.sleep(SECONDS))
            for each in scenes:
                each.begin()
            server.kill("kube-apiserver")
            await asyncio.to_thread(change_behind_its_back, server, [each.namespace for each in scenes])
            await gone
            await asyncio.to_thread(server.serve)
            assert await too_old(apis[0], version)
            for each in scenes:
                each.end()

            assert [each.outage for each in scenes if not each.alive()] == []
            await asyncio.gather(*(caught_up(api, was) for api, was in zip(apis, before, strict=True)))
            await asyncio.gather(*map(still_watching, apis))
            assert [each.outage for each in scenes if not each.alive()] == []


def change_behind_its_back(server: ApiServer, namespaces: list[str]) -> None:
    """Change everything through another API server on the same etcd, which then forgets what was before."""

    async def change(other: ApiServer) -> None:
        for namespace in namespaces:
            async with Api.connect(other, namespace) as api:
                await change_everything(api)

    with server.elsewhere() as other:
        asyncio.run(change(other))
    server.compact()
