"""Anything may run in the pods of a store: what they say costs little, leads nowhere and is believed in one shape."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_operator import observation
from session_operator.kinds import DEPLOYMENTS, REPLICA_SETS, STORES
from session_operator.observation import ask
from session_operator.render.pod import mounted_map
from session_operator.reports import LONGEST_ANSWER, Report, reports
from session_operator.resource import Object

from . import hostile
from .api import Api, condition
from .apiserver import OPERATOR, ApiServer
from .controllers import controlled_by, create_pod, pod, replica_set, roll_out, run_pod
from .hostile import FLOODS, LIES, ODDITIES, canary, pod_that_hangs, pod_that_sends
from .process import Process
from .test_tree import status

MIB = 2**20
ASKING = """
import asyncio, pathlib, re, resource, sys
from session_operator import observation
observation.ASK_SECONDS = 30
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
most = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) * 1024
before = most()
asyncio.run(observation.ask(sys.argv[1]))
print(most() - before)
"""


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/healthz/ready"


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_ends_by_itself_and_costs_no_memory(flood: str) -> None:
    async with pod_that_sends(FLOODS[flood]) as port:
        asking = await asyncio.create_subprocess_exec(sys.executable, "-c", ASKING, url(port), stdout=-1)
        printed, _ = await asking.communicate()

    assert int(printed) < 6 * MIB


async def heard(port: int) -> dict[str, Report]:
    answer = await ask(url(port))
    return dict(reports(answer, ["main"])) if answer is not None else {}


@pytest.mark.parametrize("oddity", ODDITIES)
async def test_what_is_no_answer_tells_nothing(oddity: str) -> None:
    async with pod_that_sends(lambda: iter([ODDITIES[oddity]])) as port:
        assert await heard(port) == {}


@pytest.mark.parametrize("lie", LIES)
async def test_of_an_answer_one_word_about_databases_of_the_store_is_believed(lie: str) -> None:
    async with pod_that_sends(lambda: iter([LIES[lie]])) as port:
        found = await heard(port)

    assert found in ({"main": Report("Refused")}, {"main": Report("Refused", "InvalidPassword")})


@pytest.mark.parametrize("code", ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"])
async def test_a_pod_leads_the_operator_nowhere(code: str) -> None:
    async with (
        canary() as (elsewhere, asked),
        pod_that_sends(lambda: iter([hostile.redirect(elsewhere, code)])) as port,
    ):
        assert await heard(port) == {}

    assert asked == []


async def test_a_pod_that_says_nothing_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "ASK_SECONDS", 0.2)

    async with pod_that_hangs() as port:
        assert await heard(port) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["main", "refused"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "state", "reason"]) | st.text(), inner),
)


@settings(deadline=None)
@given(st.binary() | JSON.map(lambda items: json.dumps({"databases": [items]}).encode()) | JSON.map(json.dumps))
def test_whatever_is_said_has_the_shape_of_a_sight(answer: str | bytes) -> None:
    for database, report in reports(answer, ["main"]).items():
        assert database == "main"
        assert report.state in ("Serving", "Untried", "Unreachable", "Refused")
        assert re.fullmatch(r"[A-Za-z0-9]{0,64}", report.reason)


def test_a_volume_named_as_that_of_the_dsn_map_need_not_be_a_secret() -> None:
    assert mounted_map({"spec": {"volumes": [{"name": "dsn-map", "emptyDir": {}}]}}) is None


def test_a_termination_message_has_the_same_limits() -> None:
    said = json.dumps({"databases": hostile.DATABASES})

    assert reports(said, ["main"]) == {"main": Report("Refused", "InvalidPassword")}
    assert reports(said + " " * LONGEST_ANSWER, ["main"]) == {}


async def deployed(api: Api) -> Object:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store()
    return await api.deployed()


@pytest.fixture
async def deployment(api: Api, operator: None) -> Object:
    return await deployed(api)


@pytest.fixture
async def asked(api: Api, deployment: Object) -> AsyncIterator[tuple[Callable[..., Any], list[str]]]:
    """Starts a pod that says that main refused it, whoever its owners are; and what such pods were asked."""
    template = deployment["spec"]["template"]
    async with canary() as (port, requests):

        async def start(pod_name: str, owners: list[Object], **differing: Any) -> None:
            container = template["spec"]["containers"][0]
            ports = [{"name": name, "containerPort": port} for name in differing.pop("ports", ["http"])]
            container |= {"ports": ports} | differing
            await create_pod(api, pod_name, owners, template, container)
            last_words = {"databases": hostile.DATABASES}
            await run_pod(api, pod_name, container, ready=False, last_words=last_words, address="127.0.0.1")

        yield start, requests


async def foreign_replica_set(api: Api, deployment: Object, owners: list[Object]) -> Object:
    body = await replica_set(api, deployment)
    return await api.create(
        REPLICA_SETS,
        {"metadata": {"name": "foreign", "labels": body["metadata"]["labels"], "ownerReferences": owners}}
        | {"spec": body["spec"]},
    )


async def test_pods_that_the_deployment_does_not_control_are_not_those_of_the_store(
    api: Api, server: ApiServer, deployment: Object, asked: Any
) -> None:
    start, requests = asked
    own = await replica_set(api, deployment)
    other = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "chat", "uid": "another"}}
    foreign = await foreign_replica_set(api, deployment, controlled_by(other))
    await start("nobodys", [])
    await start("of-another", controlled_by(foreign))
    await start("not-controlled", [each | {"controller": False} for each in controlled_by(own)])
    await start("of-the-deployment", controlled_by(deployment | {"apiVersion": "apps/v1", "kind": "Deployment"}))
    await roll_out(api)

    store = await api.until_condition("chat", "Ready", "True", "PodsReady")

    assert condition(store, "Degraded")["reason"] == "AsExpected"
    assert "asSeenByPods" not in store["status"]["databases"][0]
    assert requests == []
    shown = status(server, api).stdout
    assert "Deployment chat, 1 of 1 pods ready" in shown
    for name in ("nobodys", "of-another", "not-controlled", "of-the-deployment"):
        assert name not in shown

    await start("its-own", controlled_by(own))
    await api.until_condition("chat", "Degraded", "True", "DatabaseRefused")
    assert requests
    assert "its-own" in status(server, api).stdout


@pytest.mark.parametrize(
    ("differing", "degraded"),
    [
        ({"name": "other"}, "AsExpected"),
        ({"ports": []}, "DatabaseRefused"),  # what our container left behind is still its word
        ({"ports": ["metrics"]}, "DatabaseRefused"),
    ],
    ids=str,
)
async def test_a_pod_without_our_container_or_port_is_passed_over(
    api: Api, deployment: Object, asked: Any, differing: Object, degraded: str
) -> None:
    start, requests = asked
    await start("chat-odd", controlled_by(await replica_set(api, deployment)), **differing)
    await roll_out(api)

    store = await api.until_condition("chat", "Ready", "True", "PodsReady")
    assert condition(store, "Degraded")["reason"] == degraded
    assert requests == []


def most_memory(pid: int) -> int:
    """The most that a process ever had resident, in bytes."""
    kilobytes = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert kilobytes
    return int(kilobytes[1]) * 1024


async def test_the_operator_stays_small_among_hostile_pods(api: Api, start: Callable[..., Process]) -> None:
    process = start(OPERATOR, "--namespace", api.namespace, "--resync", "0.5")
    deployment = await deployed(api)
    await pod(api, deployment, "chat-well", ready=True)
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    before, connected = most_memory(process.pid), dict.fromkeys(FLOODS, 0)

    def counted(flood: str) -> Callable[[], Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            connected[flood] += 1
            return FLOODS[flood]()

        return pieces

    async with AsyncExitStack() as servers:
        for number, flood in enumerate(FLOODS):
            port = await servers.enter_async_context(pod_that_sends(counted(flood)))
            await pod(api, deployment, f"chat-{number}", ready=True, address="127.0.0.1", port=port)
        while min(connected.values()) < 3:  # noqa: ASYNC110 - servers count
            await asyncio.sleep(0.1)
        await api.edit(STORES, "chat", {"spec": {"replicas": 3}})
        await api.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["replicas"] == 3)

    after = most_memory(process.pid)
    print(f"{before / MIB:.0f} MiB before, {after / MIB:.0f} MiB at the most")
    assert after - before < 24 * MIB
    assert "Traceback" not in process.log
