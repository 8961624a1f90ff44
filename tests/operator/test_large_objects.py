"""What others make may be as large as etcd takes it: the operator keeps of it what it needs, and goes on."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from session_operator.cluster import PAGE, WHOLE_PAGE, Cluster
from session_operator.controller import ListOfStores
from session_operator.errors import error_of
from session_operator.kinds import SECRETS
from session_operator.ownership import APPLIED_ANNOTATION, slim
from session_operator.pods import of_interest
from session_operator.render.pod import mounted_map
from session_operator.resource import Object
from session_operator.sources import resolve, trimmed
from session_operator.workload import workload

from .api import Api
from .apiserver import OPERATOR, ApiServer, free_ports
from .conftest import operator_in
from .stores import database, secret, store

LARGE = "a" * 250_000
OWNERS = [{"name": f"o{number}", "uid": str(number)} for number in range(5000)]
OWNERS.append({"name": LARGE, "kind": LARGE, "uid": "c", "controller": True})


async def test_an_object_with_long_annotations_does_not_end_the_watch(
    server: ApiServer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), operator_in(server, api.namespace):
        await api.write_store()
        await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")
        await api.apply(SECRETS, "large", {"metadata": {"name": "large", "annotations": {"note": LARGE}}})
        await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
        await api.deployed()

    assert not [line for line in caplog.messages if "watch of secrets" in line]


@pytest.mark.parametrize(("metadata_only", "page"), [(True, PAGE), (False, WHOLE_PAGE)])
async def test_a_list_comes_in_pages(
    server: ApiServer, api: Api, monkeypatch: pytest.MonkeyPatch, metadata_only: bool, page: int
) -> None:
    names = [f"secret-{number:02}" for number in range(2 * page + 1)]
    await asyncio.gather(*map(api.write_secret, names))
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(OPERATOR)))

    async with Cluster.connect() as cluster:
        listed = [each async for each in cluster.list(SECRETS, api.namespace, metadata_only=metadata_only)]
        none = [
            each async for each in cluster.list(SECRETS, api.namespace, selector="a=b", metadata_only=metadata_only)
        ]

    assert [each["metadata"]["name"] for each in listed] == names
    assert none == []
    asked = [event["requestURI"] for event in server.audit(api.namespace) if event["verb"] == "list"]
    assert len(asked) == 4
    assert all(f"limit={page}" in uri for uri in asked)


async def test_of_a_list_kopf_keeps_what_tells_stores_apart() -> None:
    """It holds all that it has listed until each store was handled."""
    identity = {"namespace": "a", "name": "b", "uid": "c", "resourceVersion": "1"}
    metadata = identity | {"annotations": {"note": LARGE}, "managedFields": [{"manager": "m"}]}
    answers: Any = {
        "/some": {"items": [{"kind": "PartialObjectMetadata", "metadata": metadata}]},
        "/none": {"items": None},
        "/other": {"resources": []},
    }

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.json_response(answers[request.path])

    (port,) = free_ports(1)
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    kept = []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", response_class=ListOfStores) as session:
        for path in answers:
            async with session.get(path) as response:
                kept.append(await response.json())
    await runner.cleanup()

    assert kept == [
        {"items": [{"apiVersion": "sessionstore.dev/v1alpha1", "kind": "SessionStore", "metadata": identity}]},
        {"items": []},
        {"resources": []},
    ]


def test_of_a_map_its_identity_and_what_was_applied_are_kept() -> None:
    identity = {"name": "a", "uid": "b", "resourceVersion": "1", "creationTimestamp": "t"}
    others = [{"manager": f"m{number}", "operation": "Update", "fieldsV1": {}} for number in range(1000)]
    ours = {"manager": "session-operator", "operation": "Apply", "fieldsV1": {}}
    metadata = identity | {
        "annotations": {"note": LARGE, APPLIED_ANNOTATION: "c"},
        "managedFields": [*others, {"fieldsV1": {}}, ours, ours | {"fieldsV1": {f"f:{LARGE}": {}}}],
        "ownerReferences": OWNERS,
        "labels": {"a": "b"},
    }

    kept = slim({"metadata": metadata})["metadata"]

    assert kept.pop("managedFields") == [ours, *others[:3]]
    owner = {"uid": "c", "controller": True}
    assert kept == identity | {"annotations": {APPLIED_ANNOTATION: "c"}, "ownerReferences": [owner]}
    deep: Object = {}
    for _ in range(100_000):
        deep = {"f:a": deep}
    assert slim({"metadata": metadata | {"managedFields": [ours | {"fieldsV1": deep}, ours]}})["metadata"][
        "managedFields"
    ] == [ours]


def test_of_a_pod_what_is_looked_at_is_kept() -> None:
    volumes = [{"name": "dsn-map", "secret": {"secretName": "map"}}, {"name": "other", "csi": {"driver": LARGE}}]
    ours: Object = {"name": "session-service", "ports": [{"name": "http", "containerPort": 8080}]}
    ports = [{"containerPort": number, "protocol": "UDP"} for number in range(1, 20_000)]
    pod: Object = {
        "metadata": {"name": "a", "annotations": {"note": LARGE}, "managedFields": [LARGE], "ownerReferences": OWNERS},
        "spec": {
            "volumes": volumes,
            "containers": [
                ours | {"env": [{"name": "A", "value": LARGE}], "ports": [*ports, *ours["ports"]]},
                {"name": "other", "args": [LARGE]},
            ],
        },
        "status": {"podIP": "10.0.0.1", "phase": "Running", "message": LARGE},
    }

    kept = of_interest(pod)

    assert len(str(kept)) < 500
    assert kept["spec"]["containers"] == [ours]
    assert mounted_map(kept) == "map"
    deployment = {"metadata": {"generation": 1}, "spec": {"replicas": 1, "template": kept}}
    assert workload(deployment, [kept], {}, ["main"]).databases == {}


def test_of_a_secret_the_keys_that_a_store_names_are_kept() -> None:
    pem = {"caSecretRef": {"name": "chat-app", "key": "ca.crt"}, "mode": "verify-full"}
    spec = store(database("main", dsn={"fromSecret": {"name": "chat-app"}}, tls=pem))
    found = secret(uri="postgresql://db/agno", **{"ca.crt": LARGE, "other": LARGE, "tls.crt": LARGE})
    found["metadata"] = {"resourceVersion": "7", "annotations": {"note": LARGE}}

    kept = trimmed(spec, "Secret", "chat-app", found)

    assert kept["metadata"] == {"resourceVersion": "7"}
    assert kept["data"].keys() == {"uri", "ca.crt"}
    assert len(str(kept)) < 200
    (resolution,) = resolve(spec, {"chat-app": kept})
    assert resolution.dsn == "postgresql://db/agno"
    assert trimmed(spec, "Secret", "another", found)["data"] == {}
    assert trimmed(spec, "ConfigMap", "chat-app", found)["data"] == {}
    assert trimmed(spec, "Secret", "chat-app", {"metadata": {"resourceVersion": "7"}})["data"] == {}


def test_a_secret_that_holds_more_than_a_dsn_is_told() -> None:
    found = secret(dsn="postgresql://" + LARGE) | {"metadata": {"resourceVersion": "7"}}

    for each in (found, trimmed(store(), "Secret", "chat-main", found)):
        (resolution,) = resolve(store(), {"chat-main": each})
        assert (resolution.state, resolution.dsn) == ("SecretInvalid", None)
        assert resolution.message == "Secret chat-main holds more in dsn than a DSN has: write a DSN into it"
    longest = secret(dsn="postgresql://" + "a" * 10_000)
    assert base64.b64decode(longest["data"]["dsn"]).decode() == resolve(store(), {"chat-main": longest})[0].dsn


def test_of_a_refusal_that_quotes_what_it_refuses_the_beginning_is_kept() -> None:
    error = error_of(422, json.dumps({"code": 422, "reason": "Invalid", "message": f"Invalid value: {LARGE}"}))

    assert error.message.startswith("Invalid value: aaa")
    assert len(error.message) <= 4096
    assert len(str(error)) < 4200
