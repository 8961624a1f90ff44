"""What a store may ask for beside its pods, on a real API server that serves all kinds that there may be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from session_operator.kinds import (
    AUTOSCALERS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    HTTP_ROUTES,
    INGRESSES,
    NETWORK_POLICIES,
    OPTIONAL,
    PROMETHEUS_RULES,
    SERVICE_MONITORS,
    SERVICES,
    STORES,
)
from session_operator.render.pod import AUTH_ANNOTATION
from session_operator.resource import Object

from . import gateway_api, prometheus_operator
from .api import Api
from .apiserver import ApiServer
from .conftest import operator_in, prepared_server
from .everything import EVERYTHING, served

WRITES = {"create", "update", "patch", "delete", "deletecollection"}


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server that serves HTTPRoutes, ServiceMonitors and PrometheusRules."""
    with prepared_server() as running:
        gateway_api.install(running)
        prometheus_operator.install(running)
        yield running


@pytest.mark.usefixtures("operator")
async def test_a_store_has_every_object_that_it_asks_for_and_each_is_its_own(api: Api) -> None:
    await served(api, **EVERYTHING)

    uid = (await api.until(STORES, "chat"))["metadata"]["uid"]
    for kind in OPTIONAL:
        made = await api.until(kind, "chat")
        assert [owner["uid"] for owner in made["metadata"]["ownerReferences"]] == [uid]


@pytest.mark.usefixtures("operator")
async def test_what_a_store_no_longer_asks_for_is_deleted_and_nothing_else(api: Api) -> None:
    await served(api, **EVERYTHING)
    theirs = {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    await api.apply(NETWORK_POLICIES, "of-somebody-else", theirs)

    await api.write_store()

    for kind in OPTIONAL:
        await api.gone(kind, "chat")
    assert await api.get(NETWORK_POLICIES, "of-somebody-else") is not None


def key_version(deployment: Object) -> str:
    return str(deployment["spec"]["template"]["metadata"]["annotations"][AUTH_ANNOTATION])


DRIFT: dict[str, tuple[Any, Object, Any]] = {
    "the most pods": (
        AUTOSCALERS,
        {"spec": {"maxReplicas": 99}},
        lambda body: body["spec"]["maxReplicas"] == 4,
    ),
    "what the autoscaler goes by": (
        AUTOSCALERS,
        {"spec": {"metrics": None}},
        lambda body: body["spec"]["metrics"][0]["type"] == "ContainerResource",
    ),
    "the budget": (
        DISRUPTION_BUDGETS,
        {"spec": {"minAvailable": 0}},
        lambda body: body["spec"]["minAvailable"] == "50%",
    ),
    "the host": (
        INGRESSES,
        {"spec": {"rules": [{"host": "evil.example.com"}]}},
        lambda body: body["spec"]["rules"][0]["host"] == "agents.example.com",
    ),
    "the Gateway": (
        HTTP_ROUTES,
        {"spec": {"parentRefs": [{"name": "other"}]}},
        lambda body: body["spec"]["parentRefs"][0]["name"] == "web",
    ),
    "where pods may connect to": (
        NETWORK_POLICIES,
        {"spec": {"egress": [{}]}},
        lambda body: body["spec"]["egress"][-1] == {"ports": [{"protocol": "TCP", "port": 5432}]},
    ),
    "how often Prometheus asks": (
        SERVICE_MONITORS,
        {"spec": {"endpoints": [{"port": "metrics", "interval": "1h"}]}},
        lambda body: body["spec"]["endpoints"][0]["interval"] == "30s",
    ),
    "the alerts": (
        PROMETHEUS_RULES,
        {"spec": {"groups": []}},
        lambda body: bool(body["spec"]["groups"]),
    ),
    "an annotation of the Service": (
        SERVICES,
        {"metadata": {"annotations": {"example.com/internal": "false"}}},
        lambda body: body["metadata"]["annotations"]["example.com/internal"] == "true",
    ),
    "the version of the key": (
        DEPLOYMENTS,
        {"spec": {"template": {"metadata": {"annotations": {AUTH_ANNOTATION: "0"}}}}},
        lambda body: key_version(body) != "0",
    ),
}


@pytest.mark.usefixtures("operator")
async def test_what_somebody_changes_by_hand_is_put_back(api: Api) -> None:
    await served(api, **EVERYTHING)

    for what, (kind, patch, as_wanted) in DRIFT.items():
        changed = await api.edit(kind, "chat", patch)
        assert not as_wanted(changed), what
        await api.until(kind, "chat", as_wanted)


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("kind", OPTIONAL, ids=lambda kind: kind.name)
async def test_what_somebody_deletes_is_made_anew(api: Api, kind: Any) -> None:
    await served(api, **EVERYTHING)
    uid = (await api.until(kind, "chat"))["metadata"]["uid"]

    await api.delete(kind, "chat")

    await api.until(kind, "chat", lambda body: body["metadata"]["uid"] != uid)


async def test_resyncs_of_a_store_with_everything_write_nothing(api: Api, server: ApiServer) -> None:
    def passes() -> int:
        return sum(
            (event["verb"], event["objectRef"]["resource"]) == ("get", "sessionstores")
            for event in server.audit(api.namespace)
        )

    with operator_in(server, api.namespace, resync=0.05):
        await served(api, **EVERYTHING)
        for kind in OPTIONAL:
            await api.until(kind, "chat")
        settled, before = passes(), len(server.audit(api.namespace))
        while passes() < settled + 50:  # noqa: ASYNC110 - a log file has no event
            await asyncio.sleep(0.2)

    events = server.audit(api.namespace)[before:]
    assert not [event for event in events if event["verb"] in WRITES]


@pytest.mark.usefixtures("operator")
async def test_the_number_of_pods_that_an_autoscaler_chose_is_left_alone(api: Api, server: ApiServer) -> None:
    await served(api, autoscaling={"maxReplicas": 4})

    server.kubectl("scale", "deployment/chat", "--replicas=3", "--namespace", api.namespace)
    await api.write_store(autoscaling={"maxReplicas": 5})
    await api.until(AUTOSCALERS, "chat", lambda body: body["spec"]["maxReplicas"] == 5)
    await api.until_condition("chat", "Degraded", "False", "AsExpected")

    assert (await api.deployed())["spec"]["replicas"] == 3


@pytest.mark.usefixtures("operator")
async def test_going_over_to_an_autoscaler_takes_no_pod_away_and_wakes_up_a_store_that_sleeps(api: Api) -> None:
    await served(api, pods=3, replicas=3)
    await api.write_store(autoscaling={"maxReplicas": 5})
    await api.until(AUTOSCALERS, "chat")
    assert (await api.deployed())["spec"]["replicas"] == 3

    await api.write_store(replicas=0)
    await api.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["replicas"] == 0)
    await api.write_store(autoscaling={"maxReplicas": 5})
    await api.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["replicas"] == 2)
