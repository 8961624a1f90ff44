"""Stores, operator and namespace go in any order, and nothing is left behind or hangs: there are no finalizers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from session_operator.kinds import DEPLOYMENTS, HTTP_ROUTES, INSTALLABLE, OWNED, PODS, REPLICA_SETS, SECRETS, STORES

from . import gateway_api
from .api import Api
from .apiserver import ROOT, ApiServer
from .conftest import operator_in, prepared_server
from .everything import EVERYTHING, everything_named

CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "garbage-collector-controller",
    "namespace-controller",
)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def controlled() -> Iterator[ApiServer]:
    """An API server with the controllers that make pods and that collect what has no owner any more."""
    with prepared_server() as running:
        gateway_api.install(running)
        running.control(*CONTROLLERS)
        yield running


@pytest.fixture
async def api(controlled: ApiServer) -> AsyncIterator[Api]:
    name = f"goes-{next(_numbers)}"
    assert controlled.kubectl("create", "namespace", name).returncode == 0
    async with Api.connect(controlled, name) as connected:
        yield connected


async def made(api: Api) -> None:
    """A store with everything, and its pods."""
    await everything_named(api)
    await api.write_store(**EVERYTHING)
    await api.until(DEPLOYMENTS, "chat", lambda body: body.get("status", {}).get("replicas"))
    await api.until(STORES, "chat", lambda body: body.get("status", {}).get("replicas"))


async def left(api: Api) -> list[str]:
    """What is there of a store, DSN maps included."""
    served = [kind for kind in OWNED if kind not in INSTALLABLE or kind is HTTP_ROUTES]
    kinds = [kind for kind in (STORES, *served, REPLICA_SETS, PODS) if kind is not SECRETS]
    there = [(kind.name, each["metadata"]["name"]) for kind in kinds for each in await api.list(kind)]
    maps = [each["metadata"]["name"] for each in await api.list(SECRETS) if "-dsn-map-" in each["metadata"]["name"]]
    return [f"{kind} {name}" for kind, name in there if name.startswith("chat")] + maps


async def nothing_left(api: Api) -> None:
    found: list[str] = []
    for _ in range(200):
        found = await left(api)
        if not found:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"left behind: {found}")


async def test_a_store_takes_along_all_that_it_made(controlled: ApiServer, api: Api) -> None:
    with operator_in(controlled, api.namespace):
        await made(api)
        assert len(await left(api)) > 10

        await api.delete(STORES, "chat")

        await nothing_left(api)
        await asyncio.sleep(1)
        assert await left(api) == []  # nor is it created again


async def test_a_store_goes_without_the_operator(controlled: ApiServer, api: Api) -> None:
    with operator_in(controlled, api.namespace):
        await made(api)

    await api.delete(STORES, "chat")

    await nothing_left(api)


@pytest.mark.parametrize("operating", [True, False], ids=["the operator at work", "the operator gone before"])
async def test_a_namespace_goes_with_all_that_is_in_it(controlled: ApiServer, api: Api, operating: bool) -> None:
    async def goes() -> Any:
        await api.call("DELETE", f"/api/v1/namespaces/{api.namespace}")
        async with asyncio.timeout(40):
            while True:
                try:
                    await api.call("GET", f"/api/v1/namespaces/{api.namespace}")
                except RuntimeError:
                    return
                await asyncio.sleep(0.2)

    with operator_in(controlled, api.namespace):
        await made(api)
        if operating:
            await goes()
    if not operating:
        await goes()


async def test_the_custom_resource_goes_after_the_operator_and_takes_the_stores_along() -> None:
    with prepared_server() as running:
        gateway_api.install(running)
        running.control(*CONTROLLERS)
        assert running.kubectl("create", "namespace", "last").returncode == 0
        async with Api.connect(running, "last") as last:
            with operator_in(running, "last"):
                await made(last)

            for folder in ("operator", "rbac", "crd"):
                gone = running.kubectl(
                    "delete", "-k", str(ROOT / "manifests" / folder), "--timeout=40s", "--ignore-not-found"
                )
                assert gone.returncode == 0, gone.stderr

            async with asyncio.timeout(40):
                while await last.list(DEPLOYMENTS) or await last.list(PODS):  # noqa: ASYNC110 - no one event tells
                    await asyncio.sleep(0.2)
