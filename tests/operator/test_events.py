"""What kubectl describe tells of a store."""

from __future__ import annotations

import asyncio

import pytest

from session_operator.kinds import DEPLOYMENTS, EVENTS, SERVICES
from session_operator.resource import Object

from .api import Api
from .apiserver import ApiServer
from .controllers import begin_rollout, pod, roll_out

pytestmark = pytest.mark.usefixtures("operator")


async def told(api: Api, reason: str, *, seconds: float = 10) -> Object:
    """Wait for an Event about the store."""
    async with asyncio.timeout(seconds):
        while True:
            for event in await api.list(EVENTS):
                if event["reason"] == reason and event["regarding"]["kind"] == "SessionStore":
                    return event
            await asyncio.sleep(0.05)


async def serve(api: Api) -> Object:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store(replicas=1)
    deployment = await api.deployed()
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    return deployment


async def test_what_was_changed_by_hand_is_told_with_the_field_and_who_did_it(api: Api) -> None:
    await serve(api)

    await api.edit(DEPLOYMENTS, "chat", {"spec": {"replicas": 7}}, manager="kubectl-scale")

    event = await told(api, "DriftReverted")
    assert event["type"] == "Warning"
    assert event["note"] == "Deployment chat: put back what was changed: spec.replicas by kubectl-scale"


async def test_the_same_change_again_and_again_is_one_event(api: Api) -> None:
    await serve(api)

    for _ in range(5):
        await api.edit(SERVICES, "chat", {"spec": {"ports": [{"port": 80, "name": "http", "targetPort": 9999}]}})
        await api.until(SERVICES, "chat", lambda body: body["spec"]["ports"][0]["targetPort"] == "http")

    assert [event["reason"] for event in await api.list(EVENTS)].count("DriftReverted") == 1


async def test_a_rotation_is_no_drift(api: Api) -> None:
    await serve(api)

    await api.write_store(replicas=2, image="registry.example/session:2")
    await api.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["replicas"] == 2)

    assert "DriftReverted" not in {event["reason"] for event in await api.list(EVENTS)}


async def test_a_life_of_a_store_is_told_in_events(api: Api, server: ApiServer) -> None:
    await api.write_store(replicas=1)
    await told(api, "SecretMissing")
    deployment = await serve(api)
    await told(api, "RolloutInProgress")
    await told(api, "PodsReady")
    await begin_rollout(api)
    refusal = {"databases": [{"id": "main", "state": "refused", "reason": "InvalidPassword"}]}
    await pod(api, deployment, "chat-new", ready=False, last_words=refusal)
    refused = await told(api, "DatabaseRefused")

    assert refused["type"] == "Warning"
    described = server.kubectl("describe", "sst", "chat", "--namespace", api.namespace).stdout
    assert "refused by database main (InvalidPassword)" in described.partition("Events:")[2]
    notes = [(event["reason"], event["note"]) for event in await api.list(EVENTS)]
    assert len(notes) == len(set(notes))
