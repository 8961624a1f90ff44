"""What becomes of a SessionStore on a real API server."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from session_operator.kinds import (
    DEPLOYMENTS,
    OPTIONAL,
    OWNED,
    REPLICA_SETS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STORES,
)

from .api import Api, condition, mounted
from .apiserver import ApiServer
from .controllers import begin_rollout, roll_out

pytestmark = pytest.mark.usefixtures("operator")
DSN = "postgresql://agno:secret@db:5432/agno"
ALWAYS = [kind for kind in OWNED if kind not in OPTIONAL]


async def served(api: Api, **spec: Any) -> Any:
    """A store that is ready, and its Deployment."""
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_store(**spec)
    await api.deployed()
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    return await api.deployed()


async def test_a_store_becomes_a_deployment_a_service_and_a_dsn_map(api: Api) -> None:
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_store()

    deployment = await api.deployed()

    secret = await api.until(SECRETS, mounted(deployment))
    assert secret["immutable"] is True
    written = json.loads(base64.b64decode(secret["data"]["dsn-map.json"]))
    assert written["main"]["dsn"] == DSN
    assert (await api.until(SERVICES, "chat"))["spec"]["ports"][0]["port"] == 80
    assert (await api.until(SERVICE_ACCOUNTS, "chat"))["automountServiceAccountToken"] is False
    store = await api.until_condition("chat", "Progressing", "True", "RolloutInProgress")
    assert store["status"]["dsnMap"] == mounted(deployment)
    assert store["status"]["databases"] == [{"id": "main", "source": "Secret/chat-main", "state": "Resolved"}]
    assert condition(store, "Ready")["status"] == "False"


async def test_a_store_whose_pods_are_ready_is_ready(api: Api) -> None:
    await served(api, replicas=1)

    store = await api.until_condition("chat", "Degraded", "False", "AsExpected")

    assert store["status"]["observedGeneration"] == store["metadata"]["generation"]
    assert (store["status"]["replicas"], store["status"]["readyReplicas"]) == (1, 1)
    assert store["status"]["endpoint"] == f"http://chat.{api.namespace}.svc:80"
    assert store["status"]["selector"] == "app.kubernetes.io/instance=chat,app.kubernetes.io/name=agno-session"


async def test_readiness_is_about_the_newest_spec_from_the_first_status_on(api: Api) -> None:
    await served(api)

    await api.write_store(image="registry.example/session:2")
    store = await api.until(STORES, "chat", lambda body: body["status"]["observedGeneration"] == 2)

    ready = condition(store, "Ready")
    assert (ready["status"] in ("False", "Unknown"), ready["observedGeneration"]) == (True, 2)


async def test_a_store_waits_for_a_secret_that_is_missing_and_heals_when_it_appears(api: Api) -> None:
    await api.write_store()
    store = await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")
    assert condition(store, "Ready")["message"] == (
        "database main: Secret chat-main does not exist: create it with the key dsn"
    )

    await api.write_secret("chat-main", other="x")
    await api.until_condition("chat", "DatabasesResolved", "False", "SecretKeyMissing")
    await api.write_secret("chat-main", dsn=DSN)

    await api.deployed(seconds=5)
    await api.until_condition("chat", "DatabasesResolved", "True", "AllResolved")


async def test_a_rotated_secret_rolls_the_pods_onto_a_new_map_and_leaves_the_old_one_to_the_old_pods(api: Api) -> None:
    before = mounted(await served(api))

    await api.write_secret("chat-main", dsn="postgresql://agno:rotated@db:5432/agno")
    after = mounted(await api.deployed(other_than=before))

    await begin_rollout(api)
    await api.until_condition("chat", "Ready", "False", "RolloutInProgress")
    assert {before, after} <= {secret["metadata"]["name"] for secret in await api.list(SECRETS)}


async def test_an_old_map_goes_when_no_replica_set_mounts_it(api: Api) -> None:
    before = mounted(await served(api))
    await api.write_secret("chat-main", dsn="postgresql://agno:rotated@db:5432/agno")
    await api.deployed(other_than=before)
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    assert await api.get(SECRETS, before) is not None

    old = next(each for each in await api.list(REPLICA_SETS) if mounted(each) == before)
    await api.delete(REPLICA_SETS, old["metadata"]["name"])

    await api.gone(SECRETS, before)


async def test_a_secret_that_changes_without_its_dsn_rolls_nothing(api: Api, server: ApiServer) -> None:
    generation = (await served(api))["metadata"]["generation"]

    await api.edit(SECRETS, "chat-main", {"metadata": {"labels": {"team": "search"}}})
    await api.write_store(service={"port": 81})  # worked on after the Secret's event
    await api.until(SERVICES, "chat", lambda body: body["spec"]["ports"][0]["port"] == 81)

    assert (await api.deployed())["metadata"]["generation"] == generation


DRIFT = {
    "the image of the pods": (
        DEPLOYMENTS,
        {"spec": {"template": {"spec": {"containers": [{"name": "session-service", "image": "evil:1"}]}}}},
        lambda body: body["spec"]["template"]["spec"]["containers"][0]["image"] == "agno-session-service:0.1.0",
    ),
    "the strategy": (
        DEPLOYMENTS,
        {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}},
        lambda body: body["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0,
    ),
    "the number of pods": (
        DEPLOYMENTS,
        {"spec": {"replicas": 7}},
        lambda body: body["spec"]["replicas"] == 1,
    ),
    "the port of the Service": (
        SERVICES,
        {"spec": {"ports": [{"port": 80, "name": "http", "targetPort": 9999}]}},
        lambda body: body["spec"]["ports"][0]["targetPort"] == "http",
    ),
    "a label": (
        SERVICES,
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
        lambda body: body["metadata"]["labels"].get("app.kubernetes.io/managed-by") == "session-operator",
    ),
    "the owner": (
        SERVICES,
        {"metadata": {"ownerReferences": None}},
        lambda body: body["metadata"].get("ownerReferences", [{}])[0].get("kind") == "SessionStore",
    ),
    "the token of the ServiceAccount": (
        SERVICE_ACCOUNTS,
        {"automountServiceAccountToken": True},
        lambda body: body["automountServiceAccountToken"] is False,
    ),
}


@pytest.mark.parametrize("what", DRIFT)
async def test_what_somebody_changes_by_hand_is_put_back(api: Api, what: str) -> None:
    kind, patch, as_wanted = DRIFT[what]
    await served(api, replicas=1)
    changed = await api.edit(kind, "chat", patch)
    assert not as_wanted(changed)

    await api.until(kind, "chat", as_wanted)


@pytest.mark.parametrize("kind", ALWAYS, ids=lambda kind: kind.name)
async def test_what_somebody_deletes_is_made_anew(api: Api, kind: Any) -> None:
    deployment = await served(api)
    name = mounted(deployment) if kind is SECRETS else "chat"
    uid = (await api.until(kind, name))["metadata"]["uid"]

    await api.delete(kind, name)

    await api.until(kind, name, lambda body: body["metadata"]["uid"] != uid)


async def test_a_rollout_restart_survives(api: Api, server: ApiServer) -> None:
    await served(api)

    restarted = server.kubectl("rollout", "restart", "deployment/chat", "--namespace", api.namespace)
    assert restarted.returncode == 0, restarted.stderr
    await roll_out(api)
    await api.write_store(service={"port": 81})
    await api.until(SERVICES, "chat", lambda body: body["spec"]["ports"][0]["port"] == 81)

    annotations = (await api.deployed())["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations


async def test_without_replicas_in_the_spec_the_number_of_pods_is_left_alone(api: Api, server: ApiServer) -> None:
    await served(api)

    server.kubectl("scale", "deployment/chat", "--replicas=5", "--namespace", api.namespace)
    await api.write_store(service={"port": 81})
    await api.until(SERVICES, "chat", lambda body: body["spec"]["ports"][0]["port"] == 81)

    assert (await api.deployed())["spec"]["replicas"] == 5


async def test_taking_replicas_out_of_the_spec_hands_the_number_over_as_it_is(api: Api, server: ApiServer) -> None:
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_store(replicas=3)
    await api.deployed()

    await api.write_store(service={"port": 81})
    await api.until(STORES, "chat", lambda body: body.get("status", {}).get("observedGeneration") == 2)

    assert (await api.deployed())["spec"]["replicas"] == 3
    server.kubectl("scale", "deployment/chat", "--replicas=5", "--namespace", api.namespace)
    await api.write_store(service={"port": 82})
    await api.until(SERVICES, "chat", lambda body: body["spec"]["ports"][0]["port"] == 82)
    assert (await api.deployed())["spec"]["replicas"] == 5


async def test_a_store_is_scaled_through_its_own_scale_subresource(api: Api, server: ApiServer) -> None:
    await served(api, replicas=1)

    scaled = server.kubectl("scale", "sessionstore/chat", "--replicas=3", "--namespace", api.namespace)

    assert scaled.returncode == 0, scaled.stderr
    await api.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["replicas"] == 3)


async def test_a_store_scaled_to_zero_is_not_ready(api: Api) -> None:
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_store(replicas=0)
    await api.deployed()
    await roll_out(api, pods=0)

    await api.until_condition("chat", "Ready", "False", "ScaledToZero")


async def test_a_paused_store_is_left_alone_and_still_observed(api: Api) -> None:
    await served(api)
    await api.write_store(reconciliation="Paused", image="registry.example/session:2")
    paused = await api.until_condition("chat", "Paused", "True", "ReconciliationPaused")
    assert (paused["status"]["observedGeneration"], condition(paused, "Applied")["observedGeneration"]) == (2, 1)
    ready = condition(paused, "Ready")
    assert (ready["status"], ready["reason"], ready["observedGeneration"]) == ("Unknown", "ReconciliationPaused", 1)

    await api.edit(SERVICES, "chat", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}})
    await api.delete(SERVICE_ACCOUNTS, "chat")
    await roll_out(api, pods=2)
    await api.until(STORES, "chat", lambda body: body["status"]["readyReplicas"] == 2)

    assert await api.get(SERVICE_ACCOUNTS, "chat") is None
    deployment = await api.deployed()
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "agno-session-service:0.1.0"

    await api.write_store(image="registry.example/session:2")
    await api.until_condition("chat", "Applied", "True", "SpecApplied")


async def test_a_spec_that_was_refused_before_a_pause_was_not_applied(api: Api) -> None:
    await served(api)
    await api.write_store(resources={"requests": {"memory": "512Mi"}, "limits": {"memory": "64Mi"}})
    refused = await api.until_condition("chat", "Ready", "False", "ApplyRefused")
    assert (refused["metadata"]["generation"], condition(refused, "Applied")["observedGeneration"]) == (2, 1)

    await api.edit(STORES, "chat", {"spec": {"reconciliation": "Paused"}})

    paused = await api.until_condition("chat", "Paused", "True", "ReconciliationPaused")
    ready = condition(paused, "Ready")
    assert (ready["status"], ready["reason"], ready["observedGeneration"]) == ("Unknown", "ReconciliationPaused", 1)


async def test_a_store_that_was_paused_from_the_first_has_no_generation_that_was_applied(api: Api) -> None:
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_store(reconciliation="Paused")

    paused = await api.until_condition("chat", "Paused", "True", "ReconciliationPaused")

    assert condition(paused, "Applied")["reason"] == "NotApplied"
    ready = condition(paused, "Ready")
    assert (ready["status"], ready["reason"]) == ("Unknown", "ReconciliationPaused")
    assert "observedGeneration" not in ready


async def test_annotations_of_a_store_do_not_reach_its_pods(api: Api) -> None:
    generation = (await served(api))["metadata"]["generation"]

    await api.edit(STORES, "chat", {"metadata": {"annotations": {"owner": "search"}}})
    await api.write_store(service={"port": 81})
    await api.until(SERVICES, "chat", lambda body: body["spec"]["ports"][0]["port"] == 81)

    deployment = await api.deployed()
    assert deployment["metadata"]["generation"] == generation
    assert "owner" not in json.dumps(deployment["spec"]["template"])


async def test_an_object_of_somebody_else_is_not_taken_over(api: Api) -> None:
    foreign = {"spec": {"selector": {"app": "other"}, "ports": [{"port": 8080}]}}
    await api.apply(SERVICES, "chat", foreign, manager="somebody")
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_store()

    store = await api.until_condition("chat", "Degraded", "True", "NameTaken")

    assert "Service chat exists" in condition(store, "Degraded")["message"]
    assert (await api.until(SERVICES, "chat"))["spec"]["selector"] == {"app": "other"}


async def test_what_the_api_server_refuses_is_told_in_a_condition(api: Api) -> None:
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_store(resources={"requests": {"memory": "512Mi"}, "limits": {"memory": "64Mi"}})

    store = await api.until_condition("chat", "Degraded", "True", "ApplyRefused")

    assert "must be less than or equal to memory limit" in condition(store, "Degraded")["message"]


async def test_nothing_that_a_store_made_is_without_an_owner(api: Api) -> None:
    await served(api)
    store = await api.until(STORES, "chat")

    made = [item for kind in ALWAYS for item in await api.list(kind, "?labelSelector=app.kubernetes.io/instance=chat")]

    assert len(made) == len(ALWAYS)
    for item in made:
        (owner,) = item["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (store["metadata"]["uid"], True)
        assert "finalizers" not in item["metadata"]
    assert "finalizers" not in store["metadata"]


async def test_the_operator_writes_no_annotation_and_nothing_but_the_status_of_a_store(api: Api) -> None:
    await served(api)

    store = await api.until(STORES, "chat")

    assert "annotations" not in store["metadata"]
    by_operator = [entry for entry in store["metadata"]["managedFields"] if entry["manager"] == "session-operator"]
    assert [entry["subresource"] for entry in by_operator] == ["status"]
