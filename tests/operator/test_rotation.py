"""A Secret that flaps rolls the pods at most once in so many seconds, and the newest is what they get."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from session_operator.kinds import DEPLOYMENTS, EVENTS, SECRETS, SERVICES, STORES
from session_operator.resource import MANAGER, Object

from .api import Api, condition, mounted
from .apiserver import ApiServer
from .conftest import operator_in
from .everything import served

SECONDS = 6
ROTATION = {"minIntervalSeconds": SECONDS}


async def rotate(api: Api, password: str) -> None:
    await api.write_secret("chat-main", dsn=f"postgresql://agno:{password}@db:5432/agno")


async def password(api: Api, name: str) -> str:
    secret = await api.until(SECRETS, name)
    dsn: str = json.loads(base64.b64decode(secret["data"]["dsn-map.json"]))["main"]["dsn"]
    return dsn.split(":")[2].split("@")[0]


def applied_at(deployment: Object) -> datetime:
    """When the operator changed it last, by the clock of the API server."""
    entries = deployment["metadata"]["managedFields"]
    return max(datetime.fromisoformat(entry["time"]) for entry in entries if entry["manager"] == MANAGER)


@asynccontextmanager
async def flapping(api: Api, *passwords: str) -> AsyncIterator[None]:
    """A Secret that is written over and over while the context lasts."""

    async def flap() -> None:
        for word in itertools.cycle(passwords):
            await rotate(api, word)
            await asyncio.sleep(0.1)

    task = asyncio.create_task(flap())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.usefixtures("operator")
async def test_pods_are_rolled_once_an_interval_and_the_newest_dsn_lands_at_its_end(api: Api) -> None:
    seen, rolled = mounted(await served(api, rotation=ROTATION)), []

    async with flapping(api, "one", "two"):
        for _ in range(2):
            deployment = await api.deployed(other_than=seen)
            seen = mounted(deployment)
            rolled.append(applied_at(deployment))
    await rotate(api, "newest")

    # times are cut to the second
    assert (rolled[1] - rolled[0]).total_seconds() > SECONDS - 1
    store = await api.until_condition("chat", "Progressing", "True", "RotationDelayed")
    message = condition(store, "Progressing")["message"]
    assert message.startswith(
        f"Secrets roll the pods at most once in {SECONDS} seconds: the newest ones roll out at 20"
    )
    await api.until(DEPLOYMENTS, "chat", lambda body: mounted(body) != seen, seconds=50)
    assert await password(api, mounted(await api.deployed())) == "newest"
    await api.until_condition("chat", "Progressing", "True", "RolloutInProgress")
    told = [each for each in await api.list(EVENTS) if each["reason"] == "RotationDelayed"]
    assert [each["note"] for each in told] == [f"Secrets roll the pods at most once in {SECONDS} seconds"]


async def test_a_restart_of_the_operator_neither_shortens_the_interval_nor_writes_anything(
    api: Api, server: ApiServer
) -> None:
    with operator_in(server, api.namespace):
        before = mounted(await served(api, rotation={"minIntervalSeconds": 3600}))
        await rotate(api, "rotated")
        await api.until_condition("chat", "Progressing", "True", "RotationDelayed")
        await asyncio.sleep(0.5)  # the Event
    wrote = [event for event in server.audit(api.namespace) if event["verb"] in ("create", "patch", "delete")]

    with operator_in(server, api.namespace, resync=0.2):
        await asyncio.sleep(3)

    assert mounted(await api.deployed()) == before
    assert [event for event in server.audit(api.namespace) if event["verb"] in ("create", "patch", "delete")] == wrote


@pytest.mark.usefixtures("operator")
async def test_a_change_of_the_spec_does_not_wait_and_takes_the_newest_dsn_along(api: Api) -> None:
    before = mounted(await served(api, rotation={"minIntervalSeconds": 3600}))
    await rotate(api, "rotated")
    await api.until_condition("chat", "Progressing", "True", "RotationDelayed")

    await api.write_store(rotation={"minIntervalSeconds": 3600}, image="registry.example/session:2")

    deployment = await api.deployed(other_than=before)
    assert await password(api, mounted(deployment)) == "rotated"


DRIFT: dict[str, Any] = {
    "a Service that is changed": lambda api: api.edit(SERVICES, "chat", {"spec": {"selector": {"app": "other"}}}),
    "a Service that is deleted": lambda api: api.delete(SERVICES, "chat"),
}


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("what", DRIFT)
async def test_what_does_not_depend_on_secrets_is_put_back_meanwhile(api: Api, what: str) -> None:
    await served(api, rotation={"minIntervalSeconds": 3600})
    await rotate(api, "rotated")
    await api.until_condition("chat", "Progressing", "True", "RotationDelayed")
    wanted = (await api.until(SERVICES, "chat"))["spec"]["selector"]

    await DRIFT[what](api)

    await api.until(SERVICES, "chat", lambda body: body["spec"]["selector"] == wanted)


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("kind", [DEPLOYMENTS, SECRETS], ids=lambda kind: kind.name)
async def test_what_pods_cannot_start_without_does_not_wait(api: Api, kind: Any) -> None:
    before = mounted(await served(api, rotation={"minIntervalSeconds": 3600}))
    await rotate(api, "rotated")
    await api.until_condition("chat", "Progressing", "True", "RotationDelayed")

    await api.delete(kind, "chat" if kind is DEPLOYMENTS else before)

    await api.deployed(other_than=before)


@pytest.mark.usefixtures("operator")
async def test_readiness_is_unknown_from_when_a_changed_spec_is_seen_until_it_is_applied(api: Api) -> None:
    await served(api)
    seen: list[tuple[str, str, int]] = []
    path = STORES.path(api.namespace) + "?watch=true&timeoutSeconds=5&fieldSelector=metadata.name=chat"

    async with api.watching(path) as events:
        await api.write_store(service={"port": 81})
        async for body in events:
            ready = condition(body, "Ready")
            seen.append((ready["status"], ready["reason"], ready["observedGeneration"]))
            if seen[-1] == ("True", "PodsReady", 2):
                break

    assert ("Unknown", "Reconciling", 2) in seen
    assert seen.index(("Unknown", "Reconciling", 2)) < seen.index(("True", "PodsReady", 2))
