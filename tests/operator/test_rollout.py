"""A rollout that goes wrong says which database is the cause, whether or not the operator reaches the pods."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from session_operator.kinds import PODS, STORES

from .api import Api, condition, mounted
from .apiserver import free_ports
from .controllers import begin_rollout, pod, roll_out

pytestmark = pytest.mark.usefixtures("operator")
REFUSED = {
    "status": "refused",
    "databases": [
        {"id": "main", "state": "refused", "reason": "InvalidPassword"},
        {"id": "archive", "state": "serving"},
    ],
}
DATABASES = [{"id": name, "dsn": {"secretKeyRef": {"name": "chat-main", "key": "dsn"}}} for name in ("main", "archive")]


@pytest.fixture
async def deployment(api: Api) -> Any:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store(databases=DATABASES)
    return await api.deployed()


@pytest.fixture
async def answers() -> AsyncIterator[dict[str, Any]]:
    """What a pod on 127.0.0.1 answers to /healthz/ready, under the key "body"; its port under "port"."""
    (port,) = free_ports(1)
    told: dict[str, Any] = {"port": port, "body": {}, "status": 200}

    async def ready(_: web.Request) -> web.Response:
        return web.json_response(told["body"], status=told["status"])

    application = web.Application()
    application.add_routes([web.get("/healthz/ready", ready)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield told
    await runner.cleanup()


async def test_a_stopped_container_names_the_database_that_refused_it(api: Api, deployment: Any) -> None:
    await begin_rollout(api, old=1)
    await pod(api, deployment, "chat-new", ready=False, last_words=REFUSED)

    # the pod may be seen before what the Deployment says of its other pods
    message = "refused by database main (InvalidPassword); 1 ready pods keep serving"
    store = await api.until(STORES, "chat", lambda body: condition(body, "Degraded").get("message") == message)

    for kind, status in (("Ready", "False"), ("Progressing", "False"), ("Degraded", "True")):
        found = condition(store, kind)
        assert (found["status"], found["reason"], found["message"]) == (status, "DatabaseRefused", message)
    main, archive = store["status"]["databases"]
    assert (main["state"], main["asSeenByPods"], main["reason"]) == ("Resolved", "Refused", "InvalidPassword")
    assert (archive["asSeenByPods"], archive.get("reason")) == ("Serving", None)
    assert store["status"]["availableDatabases"] == "1/2"


async def test_pods_that_wait_for_the_keys_of_tokens_say_so(api: Api, deployment: Any, answers: dict[str, Any]) -> None:
    answers |= {"body": {"keys": {"state": "missing", "reason": "c4nary"}, "databases": []}, "status": 503}
    await pod(api, deployment, "chat-new", ready=False, address="127.0.0.1", port=answers["port"])
    await roll_out(api, pods=0)

    store = await api.until_condition("chat", "Ready", "False", "PodsNotReady")

    assert condition(store, "Ready")["message"].endswith(
        "pods are ready: a pod can't fetch the keys of auth.jwt.jwksUrl"
    )
    assert "c4nary" not in json.dumps(store)


async def test_a_pod_within_reach_tells_at_once(api: Api, deployment: Any, answers: dict[str, Any]) -> None:
    answers |= {"body": REFUSED, "status": 503}
    await pod(api, deployment, "chat-new", ready=False, address="127.0.0.1", port=answers["port"])
    await begin_rollout(api)

    await api.until_condition("chat", "Ready", "False", "DatabaseRefused")


async def test_what_a_container_said_before_it_came_up_counts_no_more(api: Api, deployment: Any) -> None:
    await pod(api, deployment, "chat-0", ready=True, last_words=REFUSED)
    await roll_out(api)

    await api.until_condition("chat", "Ready", "True", "PodsReady")


def evicted(phase: str) -> dict[str, Any]:
    terminated = {"exitCode": 137, "message": json.dumps(REFUSED), "containerID": "containerd://0"}
    container = {"name": "session-service", "image": "i", "imageID": "i", "ready": False, "restartCount": 0}
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {
        "phase": phase,
        "reason": "Evicted",
        "containerStatuses": [container | {"state": {"terminated": terminated}}],
        "conditions": [unscheduled],
    }


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
async def test_pods_that_ended_do_not_count(api: Api, deployment: Any, phase: str) -> None:
    await pod(api, deployment, "chat-evicted", ready=False, last_words=REFUSED)
    await begin_rollout(api)
    await api.until_condition("chat", "Degraded", "True", "DatabaseRefused")

    await api.edit(PODS, "chat-evicted", {"status": evicted(phase)}, subresource="status")
    await pod(api, deployment, "chat-new", ready=True)
    await roll_out(api)

    await api.until_condition("chat", "Degraded", "False", "AsExpected")
    await api.until_condition("chat", "Ready", "True", "PodsReady")


async def test_a_pod_that_goes_does_not_count(api: Api, deployment: Any) -> None:
    await pod(api, deployment, "chat-going", ready=False, last_words=REFUSED)
    await api.edit(PODS, "chat-going", {"metadata": {"finalizers": ["example.com/held"]}})
    await begin_rollout(api)
    await api.until_condition("chat", "Degraded", "True", "DatabaseRefused")

    await api.delete(PODS, "chat-going")
    await roll_out(api)

    await api.until_condition("chat", "Degraded", "False", "AsExpected")


async def test_pods_with_the_dsns_from_before_do_not_tell_of_the_new_ones(
    api: Api, deployment: Any, answers: dict[str, Any]
) -> None:
    answers |= {"body": REFUSED, "status": 503}
    await pod(api, deployment, "chat-old", ready=True, address="127.0.0.1", port=answers["port"])
    await roll_out(api)
    await api.write_secret("chat-main", dsn="postgresql://agno:rotated@db:5432/agno")
    await api.deployed(other_than=mounted(deployment))
    await begin_rollout(api)

    await api.until_condition("chat", "Ready", "False", "RolloutInProgress")


async def test_a_database_out_of_reach_degrades_a_store_that_serves_the_others(
    api: Api, deployment: Any, answers: dict[str, Any]
) -> None:
    answers["body"] = {
        "status": "ready",
        "databases": [{"id": "main", "state": "unreachable"}, {"id": "archive", "state": "serving"}],
    }
    await pod(api, deployment, "chat-0", ready=True, address="127.0.0.1", port=answers["port"])
    await roll_out(api)

    await api.until_condition("chat", "Ready", "True", "PodsReady")
    store = await api.until_condition("chat", "Degraded", "True", "DatabaseUnreachable")
    assert condition(store, "Degraded")["message"] == "unreachable: database main"


async def test_a_rollout_past_its_deadline_is_stalled(api: Api, deployment: Any) -> None:
    await begin_rollout(api, reason="ProgressDeadlineExceeded")

    await api.until_condition("chat", "Degraded", "True", "RolloutStalled")


async def test_pods_that_are_lost_after_the_rollout_are_told(api: Api, deployment: Any) -> None:
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    await begin_rollout(api, old=0, reason="NewReplicaSetAvailable")

    await api.until_condition("chat", "Ready", "False", "PodsNotReady")


@pytest.mark.parametrize(
    "answer",
    [[], "refused", {"databases": "all"}, {"databases": [{"id": "main", "state": "on fire"}]}, {"databases": [7]}],
    ids=str,
)
async def test_an_answer_of_another_shape_is_not_believed(
    api: Api, deployment: Any, answers: dict[str, Any], answer: Any
) -> None:
    answers["body"] = answer
    await pod(api, deployment, "chat-0", ready=True, address="127.0.0.1", port=answers["port"])
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")

    store = await api.until(STORES, "chat")
    assert all("asSeenByPods" not in database for database in store["status"]["databases"])


async def test_a_reason_that_is_no_single_word_does_not_reach_the_status(
    api: Api, deployment: Any, answers: dict[str, Any]
) -> None:
    refusal = {"id": "main", "state": "refused", "reason": "password=hunter2 is wrong"}
    answers |= {"body": {"databases": [refusal]}, "status": 503}
    await pod(api, deployment, "chat-new", ready=False, address="127.0.0.1", port=answers["port"])
    await begin_rollout(api)

    store = await api.until_condition("chat", "Degraded", "True", "DatabaseRefused")

    assert "hunter2" not in str(store["status"])
