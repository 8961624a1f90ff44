"""Of several operators one works, and another takes over when it is gone."""

from __future__ import annotations

import asyncio
import signal
from datetime import datetime
from typing import Any

import pytest

from session_operator.kinds import DEPLOYMENTS, EVENTS, LEASES, SERVICES

from .api import Api
from .apiserver import NAMESPACED, OPERATOR, ApiServer
from .process import Process
from .proxy import Call, Proxy

pytestmark = pytest.mark.timeout(180)

WRITES = {"create", "update", "patch", "delete"}
OPERATORS = (OPERATOR, NAMESPACED)


@pytest.fixture
def rights(server: ApiServer, api: Api) -> None:
    """Both users may do in the namespace what the operator may do in its own."""
    lease = ("--verb=get,create,update", "--resource=leases.coordination.k8s.io")
    users = tuple(f"--user={user}" for user in OPERATORS)
    for command in (
        ("role", "leases", *lease),
        ("rolebinding", "leases", "--role=leases", *users),
        ("rolebinding", "session-operator", "--clusterrole=session-operator", *users),
    ):
        done = server.kubectl("create", *command, "--namespace", api.namespace)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def lease_seconds() -> str:
    """Long enough that a busy machine loses none; shorter where a test waits for its end."""
    return "15"  # the default


@pytest.fixture
async def two(start: Any, api: Api, rights: None, lease_seconds: str) -> dict[str, Process]:
    """A leader and one that waits, by the users that they are."""
    options = ("--namespace", api.namespace, "--lease-namespace", api.namespace, "--lease-seconds", lease_seconds)
    first = start(OPERATOR, *options)
    await api.until(LEASES, "session-operator")
    second = start(NAMESPACED, *options)
    await serve(api)
    return {OPERATOR: first, NAMESPACED: second}


async def serve(api: Api) -> None:
    """A store, and all that the leader writes of it until something changes."""
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store()
    await api.deployed()
    while not await api.list(EVENTS):  # noqa: ASYNC110 - the last of it
        await asyncio.sleep(0.05)


def writes(event: dict[str, Any]) -> bool:
    """Whether it wrote, or tried to, something other than a Lease."""
    return event["verb"] in WRITES and event["objectRef"]["resource"] != "leases"


def written(server: ApiServer, api: Api) -> int:
    """How often the first of the two has written."""
    return sum(map(writes, server.audit(api.namespace)))


def writers(server: ApiServer, api: Api) -> list[set[str]]:
    """What kinds each of the two has written, Leases aside."""
    return [
        {
            event["objectRef"]["resource"]
            for event in server.audit(api.namespace, user)
            if event["verb"] in WRITES and event["responseStatus"]["code"] < 400
        }
        - {"leases"}
        for user in OPERATORS
    ]


ends = pytest.mark.parametrize("lease_seconds", ["9"])


async def drift_is_put_back(api: Api) -> None:
    await api.edit(DEPLOYMENTS, "chat", {"spec": {"progressDeadlineSeconds": 7}})
    await api.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["progressDeadlineSeconds"] == 180)


async def test_only_the_leader_works(server: ApiServer, api: Api, two: dict[str, Process]) -> None:
    await drift_is_put_back(api)

    leading, waiting = writers(server, api)
    assert {"deployments", "secrets"} <= leading
    assert waiting == set()


async def test_another_takes_over_at_once_from_a_leader_that_is_told_to_stop(
    server: ApiServer, api: Api, two: dict[str, Process]
) -> None:
    assert two[OPERATOR].stop() == 0

    await drift_is_put_back(api)

    assert "deployments" in writers(server, api)[1]
    assert (await api.until(LEASES, "session-operator"))["spec"]["leaseTransitions"] == 1


@ends
async def test_another_takes_over_from_a_leader_that_died(server: ApiServer, api: Api, two: dict[str, Process]) -> None:
    two[OPERATOR].kill()

    await drift_is_put_back(api)

    assert "deployments" in writers(server, api)[1]


async def test_a_leader_that_died_at_work_is_followed_once_its_lease_ran_out_and_none_writes_beside_the_other(
    server: ApiServer, api: Api, two: dict[str, Process]
) -> None:
    names = [f"store-{number}" for number in range(20)]
    await asyncio.gather(*(api.write_store(name) for name in names))
    await api.deployed(names[5])
    two[OPERATOR].kill()

    for name in names:
        await api.deployed(name, seconds=120)
    await drift_is_put_back(api)

    first, second = ([event for event in server.audit(api.namespace, user) if writes(event)] for user in OPERATORS)
    assert first
    assert second
    assert max(map(received, first)) < min(map(received, second))
    looks = looks_before_it_led(server, api)
    # by the clock of the API server: once it has seen the Lease unchanged for 15 seconds, it takes it at the next look
    assert (received(looks[-1]) - received(looks[0])).total_seconds() > 14
    assert (received(looks[-3]) - received(looks[0])).total_seconds() < 15


def received(event: dict[str, Any]) -> datetime:
    """When the API server was asked."""
    return datetime.fromisoformat(event["requestReceivedTimestamp"])


def looks_before_it_led(server: ApiServer, api: Api) -> list[dict[str, Any]]:
    """How the second looked at the Lease from when the first had renewed it for the last time until it took it."""
    leases = [
        [event for event in server.audit(api.namespace, user) if event["objectRef"]["resource"] == "leases"]
        for user in OPERATORS
    ]
    renewed = max(received(event) for event in leases[0] if event["verb"] in WRITES)
    taken = min(received(event) for event in leases[1] if event["verb"] in WRITES)
    return [event for event in leases[1] if event["verb"] == "get" and renewed < received(event) < taken]


@ends
async def test_a_leader_that_was_frozen_writes_no_more_when_it_wakes_up(
    server: ApiServer, api: Api, two: dict[str, Process]
) -> None:
    two[OPERATOR].signal(signal.SIGSTOP)
    await api.edit(SERVICES, "chat", {"spec": {"selector": {"app": "other"}}})
    await api.until(SERVICES, "chat", lambda body: "app" not in body["spec"]["selector"])
    before = written(server, api)

    two[OPERATOR].signal(signal.SIGCONT)

    assert two[OPERATOR].wait() == 1
    assert "stopping: the Lease is not held" in two[OPERATOR].log
    assert "Traceback" not in two[OPERATOR].log
    assert written(server, api) == before


async def test_a_leader_that_was_frozen_in_the_middle_of_its_work_does_not_go_on_with_it(
    server: ApiServer, api: Api, start: Any, rights: None
) -> None:
    options = ("--namespace", api.namespace, "--lease-namespace", api.namespace, "--lease-seconds", "9")
    reached, go_on, frozen = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold_the_last_answer_of_a_pass(call: Call) -> None:
        if str(call) == "get services/chat" and armed:
            reached.set()
            await go_on.wait()

    async def hold_the_lease(call: Call) -> None:
        if "leases" in call.what and frozen.is_set():
            await asyncio.Event().wait()

    async with Proxy.in_front_of(server) as proxy:
        proxy.before, proxy.after, armed = hold_the_lease, hold_the_last_answer_of_a_pass, False
        first = start(OPERATOR, *options, through=proxy.url)
        await serve(api)
        second = start(NAMESPACED, *options)
        assert await second.healthy()
        armed = True
        await api.edit(SERVICES, "chat", {"spec": {"selector": {"app": "other"}}})
        await reached.wait()  # it has yet to be told what there is of the Service, and to write

        first.signal(signal.SIGSTOP)
        frozen.set()
        await api.until(SERVICES, "chat", lambda body: "app" not in body["spec"]["selector"], seconds=40)
        before = len(proxy.calls)
        go_on.set()
        first.signal(signal.SIGCONT)

        assert await asyncio.to_thread(first.wait) == 1  # the proxy goes on meanwhile
        assert [str(call) for call in proxy.calls[before:] if call.verb in WRITES] == []
    assert f"{api.namespace}/chat: LeaseLost" in first.log  # it was about to
    assert "stopping: the Lease is not held" in first.log


async def test_an_operator_that_waits_is_alive(two: dict[str, Process]) -> None:
    assert await two[NAMESPACED].healthy()
