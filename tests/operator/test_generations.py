"""What a status says of a generation of the spec holds of that one, however fast specs change."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from session_operator.kinds import DEPLOYMENTS, SERVICES, STORES, Kind
from session_operator.resource import Object

from .api import Api, condition
from .controllers import roll_out

CHANGES = 1000
LABEL = "example.com/change"


@dataclass
class Versions:
    """Every version of the objects of one name, by the version of etcd, which is one for all kinds."""

    seen: dict[int, Object] = field(default_factory=dict)

    def at(self, version: int) -> Object:
        """The object as it was then."""
        return self.seen[max(each for each in self.seen if each <= version)]


@asynccontextmanager
async def versions(api: Api, kind: Kind, changed: Callable[[Object], Any] = lambda _: None) -> AsyncIterator[Versions]:
    """All that becomes of the object `chat` of a kind."""
    there = await api.get(kind, "chat")
    assert there is not None
    since = there["metadata"]["resourceVersion"]
    versions = Versions({int(since): there})
    path = kind.path(api.namespace) + f"?watch=true&fieldSelector=metadata.name=chat&resourceVersion={since}"

    async def follow() -> None:
        async with api.watching(path) as objects:
            async for body in objects:
                versions.seen[int(body["metadata"]["resourceVersion"])] = body
                changed(body)

    following = asyncio.create_task(follow())
    yield versions
    newest = await api.get(kind, "chat")
    assert newest is not None
    while int(newest["metadata"]["resourceVersion"]) not in versions.seen:  # noqa: ASYNC110 - it may be there already
        await asyncio.sleep(0.05)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


def change(number: int) -> Object:
    """A change of the spec: most reach the Service alone, some the pods, and now and then reconciliation is paused."""
    spec: Object = {"service": {"annotations": {LABEL: str(number)}}}
    if number % 10 == 0:
        spec["podTemplate"] = {"metadata": {"annotations": {LABEL: str(number)}}}
    if number % 50 in (0, 10):
        spec["reconciliation"] = "Active" if number % 50 else "Paused"
    return {"spec": spec}


def told(body: Object) -> tuple[str | None, str | None]:
    """What changes of a spec the objects of it carry: that of the Service, that of the pods."""
    pods = body["spec"].get("podTemplate", {}).get("metadata", {}).get("annotations", {})
    return body["spec"]["service"].get("annotations", {}).get(LABEL), pods.get(LABEL)


def carried(service: Object, deployment: Object) -> tuple[str | None, str | None]:
    metadata = deployment["spec"]["template"]["metadata"]
    annotations: Mapping[str, str] = service["metadata"].get("annotations", {})
    return annotations.get(LABEL), metadata.get("annotations", {}).get(LABEL)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("operator")
async def test_readiness_is_told_of_a_generation_that_was_applied_alone(api: Api) -> None:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store(replicas=1)
    await api.deployed()
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    chance, outdated = random.Random(7), asyncio.Event()

    async def keep_rolling_out() -> None:
        while True:
            await outdated.wait()
            outdated.clear()
            await roll_out(api)

    def of_another_template(deployment: Object) -> None:
        if deployment["metadata"]["generation"] != deployment["status"].get("observedGeneration"):
            outdated.set()

    async with (
        versions(api, STORES) as stores,
        versions(api, DEPLOYMENTS, of_another_template) as deployments,
        versions(api, SERVICES) as services,
        asyncio.TaskGroup() as group,
    ):
        rolling = group.create_task(keep_rolling_out())
        for number in range(1, CHANGES + 1):
            await api.edit(STORES, "chat", change(number))
            await asyncio.sleep(chance.choice((0, 0, 0.01, 0.1)))
        await api.edit(STORES, "chat", {"spec": {"reconciliation": "Active"}})
        await api.until_condition("chat", "Ready", "True", "PodsReady", seconds=60)
        rolling.cancel()

    specs = {body["metadata"]["generation"]: body for body in stores.seen.values()}
    assert len(specs) > CHANGES
    ready = 0
    for version, body in stores.seen.items():
        status, about = body["status"], condition(body, "Ready")
        applied = condition(body, "Applied")["observedGeneration"]
        if about["status"] == "True":
            ready += 1
            assert applied == status["observedGeneration"] == about["observedGeneration"]
            assert specs[applied]["spec"]["reconciliation"] == "Active"
            assert carried(services.at(version), deployments.at(version)) == told(specs[applied])
        elif about["reason"] == "ReconciliationPaused":
            assert about["observedGeneration"] == applied < status["observedGeneration"]
    print(f"{len(stores.seen)} versions of the store, {ready} of them ready, of {len(specs)} generations")
    assert ready > 20
