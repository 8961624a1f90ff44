"""DSN maps that no pod has go, also while a rollout does not end, or does not even begin."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from session_operator.kinds import DEPLOYMENTS, PODS, REPLICA_SETS, SECRETS
from session_operator.old_maps import Mounting, old_maps
from session_operator.resource import Object

from .api import Api, mounted
from .apiserver import OPERATOR, ApiServer
from .conftest import operator_in, prepared_server
from .controllers import roll_out
from .proxy import Call, Proxy, refusal

CHANGES = 40
_numbers = itertools.count()


@pytest.fixture(scope="module")
def controlled() -> Iterator[ApiServer]:
    """An API server with the controllers that make pods; nobody starts these, so that no rollout ends."""
    with prepared_server() as running:
        running.control("deployment-controller", "replicaset-controller")
        yield running


@pytest.fixture
async def rolling(controlled: ApiServer) -> AsyncIterator[Api]:
    name = f"rolls-{next(_numbers)}"
    assert controlled.kubectl("create", "namespace", name).returncode == 0
    async with Api.connect(controlled, name) as connected:
        yield connected


async def maps(api: Api) -> set[str]:
    return {each["metadata"]["name"] for each in await api.list(SECRETS) if "-dsn-map-" in each["metadata"]["name"]}


async def change(api: Api, number: int) -> None:
    await api.write_secret("chat-main", dsn=f"postgresql://agno:secret-{number}@db:5432/agno")


async def until_maps(api: Api, holds: Callable[[set[str]], Any]) -> set[str]:
    """Wait for maps of which something holds."""
    async with asyncio.timeout(30):
        while True:
            if holds(found := await maps(api)):
                return found
            await asyncio.sleep(0.1)


async def settle(api: Api, most: int) -> set[str]:
    """Wait until there are few maps."""
    return await until_maps(api, lambda found: len(found) <= most)


@pytest.mark.timeout(120)
async def test_old_maps_go_while_a_rollout_does_not_end(controlled: ApiServer, rolling: Api) -> None:
    with operator_in(controlled, rolling.namespace):
        await change(rolling, 0)
        await rolling.write_store(replicas=2)
        before = mounted(await rolling.deployed())
        most = 1
        for number in range(1, CHANGES + 1):
            await change(rolling, number)
            before = mounted(await rolling.deployed(other_than=before))
            most = max(most, len(await maps(rolling)))
        # Two pods, the newest, the last three without pods
        found = await settle(rolling, 7)
        replica_sets, pods = await rolling.list(REPLICA_SETS), await rolling.list(PODS)

    print(f"{CHANGES} changes, {len(replica_sets)} ReplicaSets, {most} maps at the most, {len(found)} at the end")
    assert most < 20
    assert before in found
    assert {each["spec"]["volumes"][0]["secret"]["secretName"] for each in pods} <= found
    assert {mounted(each) for each in replica_sets if each["spec"]["replicas"]} <= found


async def test_old_maps_go_while_nobody_rolls_anything_out(server: ApiServer, api: Api) -> None:
    with operator_in(server, api.namespace):
        await change(api, 0)
        await api.write_store()
        before = mounted(await api.deployed())
        for number in range(1, CHANGES + 1):
            await change(api, number)
            before = mounted(await api.deployed(other_than=before))
        found = await settle(api, 12)

    assert before in found


async def test_old_maps_go_while_the_deployment_is_refused(server: ApiServer, api: Api) -> None:
    async def refuse(call: Call) -> web.Response | None:
        return refusal(403, "Forbidden", "exceeded quota") if str(call) == "patch deployments/chat" else None

    async with Proxy.in_front_of(server) as proxy:
        with operator_in(server, api.namespace, kubeconfig=proxy.kubeconfig(OPERATOR)):
            await change(api, 0)
            await api.write_store()
            first = mounted(await roll_out(api))
            proxy.before = refuse
            known = {first}
            for number in range(1, 6):
                await change(api, number)
                known |= await until_maps(api, lambda found: found - known)  # noqa: B023 - awaited at once
            found = await settle(api, 2)
            await asyncio.sleep(1.5)  # and it is not made and deleted in turn
            assert await maps(api) == found

    assert first in found
    assert mounted(await api.until(DEPLOYMENTS, "chat")) == first


def made(*names: str) -> dict[str, Object]:
    """Maps, the oldest first, all of the same second."""
    return {
        name: {
            "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": str(98 + number)}
        }
        for number, name in enumerate(names)
    }


def of(mountings: str) -> list[Mounting]:
    """Mountings out of revision:map, with a star where there are pods."""
    pairs = [each.partition(":") for each in mountings.split()]
    return [Mounting(int(revision), name.rstrip("*"), name.endswith("*")) for revision, _, name in pairs]


@pytest.mark.parametrize(
    ("mountings", "all_seen", "old"),
    [
        ("", True, "abcd"),
        ("5:e* 4:d 3:c 2:b", True, "a"),  # a rollout is over, and its history is there
        ("5:e 4:d 3:c 2:b 1:a*", True, ""),  # the oldest still serves
        ("6:f* 5:e* 4:d 3:c 2:b* 1:a", True, "a"),
        ("9:e 8:e 7:e 6:e 5:d 4:c* 3:b", True, "abd"),
        ("", False, ""),  # any of them may get pods in a moment
    ],
)
def test_of_maps_those_stay_that_pods_have_and_the_last_few_revisions(mountings: str, all_seen: bool, old: str) -> None:
    assert [*old_maps(made(*"abcde"), {"e"}, of(mountings), all_seen=all_seen)] == [*old]


def test_of_maps_whose_pods_may_be_in_the_making_the_newest_stay() -> None:
    names = [f"map-{number}" for number in range(25)]

    assert [*old_maps(made(*names), {names[-1]}, [], all_seen=False)] == names[:14]


def test_a_replica_set_says_what_it_mounts() -> None:
    def replica_set(name: str | None = "a", annotations: Any = None, **more: Any) -> Object:
        volumes = [{"name": "dsn-map", "secret": {"secretName": name}}] if name else []
        template = {"spec": {"volumes": volumes}}
        return {"metadata": {"annotations": annotations or {}}, "spec": {"template": template} | more}

    assert Mounting.of(replica_set(replicas=1)) == Mounting(0, "a", True)
    assert Mounting.of(replica_set(replicas=0)) == Mounting(0, "a", False)
    assert Mounting.of(replica_set(replicas=0) | {"status": {"replicas": 1}}) == Mounting(0, "a", True)
    assert Mounting.of(replica_set(None)) == Mounting(0, "", False)
    revision = {"deployment.kubernetes.io/revision": "12"}
    assert Mounting.of(replica_set("a", revision, replicas=0)) == Mounting(12, "a", False)
    assert Mounting.of(replica_set("a", {"deployment.kubernetes.io/revision": "x²"})) == Mounting(0, "a", False)
