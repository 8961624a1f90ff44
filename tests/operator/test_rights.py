"""The operator has the rights that it uses, and uses all that it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from session_operator import events
from session_operator.kinds import (
    DEPLOYMENTS,
    LEASES,
    OPTIONAL,
    REPLICA_SETS,
    SECRETS,
    SERVICES,
)

from . import gateway_api, prometheus_operator
from .api import Api, mounted
from .apiserver import OPERATOR, ApiServer
from .conftest import operator_in, prepared_server
from .controllers import roll_out
from .everything import EVERYTHING, served
from .process import Process
from .proxy import Proxy

OWN = "session-operator"
Right = tuple[str, str, str]
"""Group, resource with its subresource, verb."""


@pytest.fixture(scope="module", params=["cluster-wide", "namespaced"])
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(overlay: str) -> Iterator[ApiServer]:
    """An API server with one of the shipped overlays, that serves all kinds that there may be."""
    with prepared_server(f"overlays/{overlay}") as running:
        gateway_api.install(running)
        prometheus_operator.install(running)
        yield running


@pytest.fixture
def namespace(server: ApiServer, overlay: str) -> str:
    if overlay == "namespaced":
        return OWN  # that of the operator, which the overlay is for
    assert server.kubectl("create", "namespace", "chat").returncode == 0
    return "chat"


def granted(server: ApiServer) -> set[Right]:
    """What the bindings of the operator's ServiceAccount give it."""

    def items(kinds: str) -> list[Any]:
        listed = server.kubectl("get", kinds, "--all-namespaces", "--output=json")
        return list(json.loads(listed.stdout)["items"])

    roles = {(each["kind"], each["metadata"]["name"]): each["rules"] for each in items("roles,clusterroles")}
    bound = [
        roles[binding["roleRef"]["kind"], binding["roleRef"]["name"]]
        for binding in items("rolebindings,clusterrolebindings")
        if any(each["kind"] == "ServiceAccount" and each["name"] == OWN for each in binding.get("subjects", ()))
    ]
    return {
        (group, resource, verb)
        for rules in bound
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(audit: list[dict[str, Any]]) -> set[Right]:
    rights = set()
    for event in audit:
        reference = event["objectRef"]
        path = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
        verbs = {event["verb"]}
        if (event["verb"], event["responseStatus"]["code"]) == ("patch", 201):
            verbs.add("create")  # asked for as well where server-side apply makes an object
        rights |= {(reference.get("apiGroup", ""), path, verb) for verb in verbs if path}
    return rights


async def live_through_everything(api: Api) -> None:
    """A life of a store that takes the operator along all of its ways."""
    before = mounted(await served(api, **EVERYTHING))
    for kind in OPTIONAL:
        await api.until(kind, "chat")
    for selector in ({"app": "other"}, {"app": "another"}, {"app": "other"}):  # the same drift again is counted
        await api.edit(SERVICES, "chat", {"spec": {"selector": selector}})
        await api.until(SERVICES, "chat", lambda body: "app" not in body["spec"]["selector"])
    await api.write_secret("chat-main", dsn="postgresql://agno:rotated@db:5432/agno")
    await api.deployed(other_than=before)
    await roll_out(api, pods=2)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    (old,) = [each for each in await api.list(REPLICA_SETS) if mounted(each) == before]
    await api.delete(REPLICA_SETS, old["metadata"]["name"])
    await api.gone(SECRETS, before)
    await api.write_store()
    for kind in OPTIONAL:
        await api.gone(kind, "chat")
    await api.until(DEPLOYMENTS, "chat")


async def take_the_lease(server: ApiServer, start: Callable[..., Process], *options: str) -> None:
    process = start(OPERATOR, "--lease-namespace", OWN, "--lease-seconds", "2", *options)
    async with Api.connect(server, OWN) as own:
        await own.until(LEASES, OWN, lambda body: body["spec"]["renewTime"] != body["spec"]["acquireTime"])
    assert process.stop() == 0


async def test_every_right_of_the_manifests_is_needed_and_no_other(
    server: ApiServer, api: Api, overlay: str, start: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "REPEAT_SECONDS", 0)
    namespaces = (api.namespace,) if overlay == "namespaced" else ()
    async with Proxy.in_front_of(server) as proxy:
        with operator_in(server, *namespaces, kubeconfig=proxy.kubeconfig(OPERATOR), resync=0.5):
            await live_through_everything(api)
    await take_the_lease(server, start, *(f"--namespace={each}" for each in namespaces))

    audit = server.audit(None)
    assert not [event for event in audit if event["responseStatus"]["code"] in (401, 403)]
    assert used(audit) == granted(server)
    if overlay == "namespaced":
        assert {event["objectRef"].get("namespace") for event in audit if event["objectRef"].get("resource")} == {OWN}
    # Nothing but the client that the fence of the leader guards, so not kopf's
    assert {each["userAgent"] for each in audit if each["verb"] in ("create", "update", "patch", "delete")} == {OWN}
    for what in ("secrets", "sessionstores"):
        lists = [call for call in proxy.calls if call.verb in ("list", "watch") and call.what == what]
        assert {call.verb for call in lists} == {"list", "watch"}
        assert all("as=PartialObjectMetadata" in call.accept for call in lists)
