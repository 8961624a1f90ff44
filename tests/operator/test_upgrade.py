"""Stores that an earlier version of the operator made go on as they are under this one: no pod is restarted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_operator.kinds import DEPLOYMENTS, PODS, REPLICA_SETS, STORES

from . import recording
from .api import Api
from .apiserver import ApiServer
from .conftest import operator_in, prepared_server

RELEASES = sorted((Path(__file__).parent / "data" / "releases").glob("*.yaml"))
NAMES = yaml.safe_load((Path(__file__).parent / "data" / "released_stores.yaml").read_text()).keys()


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def controlled(request: pytest.FixtureRequest) -> Iterator[ApiServer]:
    """An API server that holds what a release left, with the controllers that make pods."""
    with prepared_server() as running:
        recording.restore(running, yaml.safe_load(request.param.read_text()))
        running.control(*recording.CONTROLLERS)
        yield running


@pytest.fixture
async def released(controlled: ApiServer) -> AsyncIterator[Api]:
    async with Api.connect(controlled, recording.NAMESPACE) as connected:
        yield connected


async def running(api: Api) -> Any:
    """All that tells of a restart: what pods are made from, and which there are."""
    deployments = {each["metadata"]["name"]: each["spec"]["template"] for each in await api.list(DEPLOYMENTS)}
    made = [each["metadata"]["uid"] for kind in (REPLICA_SETS, PODS) for each in await api.list(kind)]
    return deployments, sorted(made)


async def passes_over(server: ApiServer, name: str, *, more: int = 3) -> None:
    """Wait until the operator has looked at a store some more times."""

    def count() -> int:
        return sum(
            (event["verb"], event["objectRef"].get("name")) == ("get", name)
            and event["objectRef"]["resource"] == STORES.plural
            for event in server.audit(recording.NAMESPACE)
        )

    enough = count() + more
    while count() < enough:  # noqa: ASYNC110 - a log file has no event
        await asyncio.sleep(0.1)


async def test_stores_of_an_earlier_version_are_adopted_and_no_pod_is_restarted(
    controlled: ApiServer, released: Api
) -> None:
    before = await running(released)
    assert len(before[1]) == 3 + 6

    with operator_in(controlled, recording.NAMESPACE, resync=0.2):
        for name in NAMES:
            await passes_over(controlled, name)
        assert await running(released) == before

        await released.edit(DEPLOYMENTS, "chat", {"spec": {"progressDeadlineSeconds": 7}})
        await released.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["progressDeadlineSeconds"] == 180)
        await passes_over(controlled, "chat")
        assert await running(released) == before

        await released.write_secret("chat-main", dsn="postgresql://agno:rotated@db:5432/agno")
        async with asyncio.timeout(20):
            # A ReplicaSet and a pod more for each store
            while len((await running(released))[1]) < 2 * 3 + 6 + 3:  # noqa: ASYNC110 - it is no event that is awaited
                await asyncio.sleep(0.1)
