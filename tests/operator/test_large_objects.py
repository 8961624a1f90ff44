"""What others make may be as large as etcd takes it: the operator keeps of it what it needs, and goes on."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web

from session_operator.cluster import PAGE, PAGE_BYTES, Cluster
from session_operator.controller import ListOfStores
from session_operator.errors import error_of
from session_operator.kinds import SECRETS, Kind
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
OWNER: Object = {"uid": "c", "controller": True}


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


async def listed(server: ApiServer, api: Api, kind: Kind, *, metadata_only: bool = False) -> list[str]:
    """The names of the objects in a namespace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(server.kubeconfig(OPERATOR)))
        async with Cluster.connect() as cluster:
            names = [
                each["metadata"]["name"]
                async for each in cluster.list(kind, api.namespace, metadata_only=metadata_only)
            ]
            assert [each async for each in cluster.list(kind, api.namespace, selector="a=b")] == []
    return names


def limits(server: ApiServer, api: Api) -> list[int]:
    """How many objects were asked for at a time."""
    asked = [event["requestURI"] for event in server.audit(api.namespace) if event["verb"] == "list"]
    return [int(parse_qs(urlsplit(each).query)["limit"][0]) for each in asked if "labelSelector" not in each]


@pytest.mark.parametrize("metadata_only", [True, False])
async def test_a_list_comes_in_pages(
    server: ApiServer, api: Api, monkeypatch: pytest.MonkeyPatch, metadata_only: bool
) -> None:
    monkeypatch.setattr("session_operator.cluster.PAGE", 4)
    names = [f"secret-{number:02}" for number in range(9)]
    for name in names:
        await api.write_secret(name)

    assert await listed(server, api, SECRETS, metadata_only=metadata_only) == names
    assert limits(server, api) == [4, 4, 4]


async def test_of_objects_that_are_large_fewer_come_at_a_time(server: ApiServer, api: Api) -> None:
    names = [f"secret-{number:02}" for number in range(24)]
    for name in names:
        await api.write_secret(name, a=LARGE if name < "secret-12" else "")

    assert await listed(server, api, SECRETS) == names
    first, *others = limits(server, api)
    assert first == PAGE
    assert len(others) <= 8
    assert min(others) * len(LARGE) < PAGE_BYTES


async def test_an_object_that_is_longer_than_a_page_comes_alone(
    server: ApiServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("session_operator.cluster.PAGE_BYTES", 100_000)
    await api.write_secret("secret-0", a="b")
    await api.write_secret("secret-1", a=LARGE)

    assert await listed(server, api, SECRETS) == ["secret-0", "secret-1"]
    first, second, third, *_, last = limits(server, api)
    assert (first, second, third, last) == (100, 12, 1, 1)


async def test_of_a_list_kopf_keeps_what_tells_stores_apart() -> None:
    """It holds all that it has listed until each store was handled."""
    identity = {"namespace": "a", "name": "b", "uid": "c", "resourceVersion": "1"}
    metadata = identity | {"annotations": {"note": LARGE}, "managedFields": [{"manager": "m"}]}
    answers: Any = {
        "/some/sessionstores": {
            "metadata": {"continue": "d"},
            "items": [{"kind": "PartialObjectMetadata", "metadata": metadata}],
        },
        "/none/sessionstores": {"metadata": {}, "items": None},
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

    store = {"apiVersion": "sessionstore.dev/v1alpha1", "kind": "SessionStore", "metadata": identity}
    assert kept == [
        {"metadata": {"continue": "d"}, "items": [store]},
        {"metadata": {"continue": ""}, "items": []},
        {"resources": []},
    ]


def test_of_a_pod_what_is_looked_at_is_kept() -> None:
    volumes = [{"name": "dsn-map", "secret": {"secretName": "map"}}, {"name": "other", "csi": {"driver": LARGE}}]
    ours: Object = {"name": "session-service", "ports": [{"name": "http", "containerPort": 8080}]}
    ports = [{"containerPort": number, "protocol": "UDP"} for number in range(1, 20_000)]
    pod: Object = {
        "metadata": {"name": "a", "annotations": {"note": LARGE}, "ownerReferences": [OWNER]},
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
        assert resolution.message == "Secret chat-main has a key dsn that is too long for a DSN: write a DSN into it"
    longest = secret(dsn="postgresql://" + "a" * 10_000)
    assert base64.b64decode(longest["data"]["dsn"]).decode() == resolve(store(), {"chat-main": longest})[0].dsn


def test_of_a_refusal_that_quotes_what_it_refuses_the_beginning_is_kept() -> None:
    error = error_of(422, json.dumps({"code": 422, "reason": "Invalid", "message": f"Invalid value: {LARGE}"}))

    assert error.message.startswith("Invalid value: aaa")
    assert len(error.message) <= 4096
    assert len(str(error)) < 4200
