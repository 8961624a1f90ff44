"""However large stores are, as an earlier definition let them through, they fit into the memory of the operator."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from session_operator.kinds import PODS, REPLICA_SETS, SECRETS, STORES, Kind
from session_operator.resource import Object

from .api import Api
from .apiserver import OPERATOR, ROOT, ApiServer
from .conftest import prepared_server
from .definition import in_place, without
from .process import Process

MIB = 2**20
DATABASES = [{"id": "main", "dsn": {"secretKeyRef": {"name": "chat-main", "key": "dsn"}}}]
LABELS = {"app.kubernetes.io/managed-by": "session-operator", "app.kubernetes.io/instance": "chat"}
DEPLOYMENT = yaml.safe_load((ROOT / "manifests/operator/deployment.yaml").read_text())
(CONTAINER,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
LIMIT = int(CONTAINER["resources"]["limits"]["memory"].removesuffix("Mi"))
"""MiB that the operator gets."""


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server of its own: its CustomResourceDefinition changes, and what it holds is large."""
    with prepared_server() as running:
        yield running


def most_memory(process: Process) -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


@asynccontextmanager
async def before_limits(server: ApiServer, api: Api) -> AsyncIterator[None]:
    limits = ("maxLength", "maxItems", "maxProperties", "pattern", "x-kubernetes-validations")
    async with in_place(server, api, without(*limits)):
        yield


async def create(api: Api, bodies: Iterable[Object]) -> None:
    """Make stores, a few at a time."""
    waiting = iter(bodies)

    async def some() -> None:
        for body in waiting:
            await api.create(STORES, body)

    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await asyncio.gather(*(some() for _ in range(4)))


async def seen(process: Process, count: int) -> None:
    """Wait until the operator has made a pass over so many stores."""
    async with asyncio.timeout(200), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{process.port}/metrics") as answer:
                    page = await answer.text()
            except aiohttp.ClientConnectionError:
                page = ""
            told = re.findall(r'^session_operator_stores\{condition="Ready",status="\w+"\} (\S+)', page, re.MULTILINE)
            if sum(map(float, told)) >= count:
                return
            await asyncio.sleep(0.5)


LARGE = (
    # values of env, which reach the pods
    {"env": [{"name": f"A{number}", "value": "a" * 32_768} for number in range(37)]},
    # annotations, which the API server refuses
    {"metadata": {"annotations": {f"a{number}": "a" * 16_000 for number in range(75)}}},
    # keys, which managedFields repeat
    {"nodeSelector": {f"{number:03}{'k' * 12_000}": "a" for number in range(50)}},
)


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.timeout(300)
async def test_120_stores_of_12_hundred_kb_fit(server: ApiServer, api: Api, start: Callable[..., Process]) -> None:
    names = [f"chat-{number}" for number in range(120)]
    templates = zip(names, itertools.cycle(LARGE))
    async with before_limits(server, api):
        await create(
            api,
            (
                {"metadata": {"name": name}, "spec": {"databases": DATABASES, "podTemplate": template}}
                for name, template in templates
            ),
        )
        process = start(OPERATOR, "--namespace", api.namespace)
        await seen(process, len(names))

    print(f"{most_memory(process):.0f} MiB at the most")
    assert most_memory(process) < LIMIT * 0.85
    assert "Traceback" not in process.log


def grown(kind: Kind, name: str, owners: Sequence[Object] = (), **body: Any) -> Object:
    """An object that carries our labels and has as many fields in `managedFields` as etcd takes."""
    fields = {f"f:{number:05x}": {} for number in range(80_000)}  # in the order in which the API server sorts them
    entry = {"manager": "m", "operation": "Update", "apiVersion": kind.api_version, "fieldsType": "FieldsV1"}
    entries = [entry | {"fieldsV1": fields}]
    metadata = {"name": name, "labels": LABELS, "ownerReferences": [*owners], "managedFields": entries}
    return {"metadata": metadata} | body


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.timeout(300)
async def test_objects_with_grown_managed_fields_fit(
    server: ApiServer, api: Api, start: Callable[..., Process]
) -> None:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store()
    store = await api.get(STORES, "chat")
    assert store
    owner = {
        "apiVersion": STORES.api_version,
        "kind": STORES.name,
        "name": "chat",
        "uid": store["metadata"]["uid"],
        "controller": True,
    }
    pod = {"containers": [{"name": "session-service", "image": "some"}]}
    template = {"metadata": {"labels": LABELS}, "spec": pod}
    for number in range(9):
        await api.create(SECRETS, grown(SECRETS, f"chat-dsn-map-{number}", [owner]))
        await api.create(PODS, grown(PODS, f"chat-{number}", spec=pod))
        spec = {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": template}
        await api.create(REPLICA_SETS, grown(REPLICA_SETS, f"chat-{number}", spec=spec))
        await api.create(STORES, grown(STORES, f"other-{number}", spec={"databases": DATABASES}))
    process = start(OPERATOR, "--namespace", api.namespace)
    await seen(process, 10)
    await api.deployed("chat")

    print(f"{most_memory(process):.0f} MiB at the most")
    assert most_memory(process) < LIMIT * 0.6
    assert "Traceback" not in process.log
