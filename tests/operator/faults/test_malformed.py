"""A store that no schema of today would let through does not keep the operator from the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_operator.kinds import DEPLOYMENTS, STORES
from tests.operator.api import Api, condition
from tests.operator.apiserver import OPERATOR, ROOT, ApiServer
from tests.operator.conftest import prepared_server

from .zygote import Zygote, kill

CRD = ROOT / "manifests/crd/sessionstores.yaml"
GOOD = [f"good-{number}" for number in range(50)]
MALFORMED: dict[str, Any] = {
    "no-spec": {},
    "no-databases": {"spec": {"replicas": 1}},
    "databases-of-another-shape": {"spec": {"databases": {"main": "postgresql://db"}}},
    "a-database-without-dsn": {"spec": {"databases": [{"id": "main"}]}},
    "a-source-of-no-kind": {"spec": {"databases": [{"id": "main", "dsn": {"vault": "secret/chat"}}]}},
    "numbers-for-names": {"spec": {"databases": [{"id": 7, "dsn": {"secretKeyRef": {"name": 7, "key": 7}}}]}},
    "text-for-objects": {"spec": {"databases": [{"id": "main", "dsn": "postgresql://db"}], "service": "none"}},
    "null-everywhere": {"spec": {"databases": None, "probes": None, "service": None}},
}


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server of its own: its CustomResourceDefinition changes."""
    with prepared_server() as running:
        yield running


def permissive() -> str:
    """The CustomResourceDefinition with a schema that lets everything through, as if of an earlier day."""
    crd = yaml.safe_load(CRD.read_text())
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = crd["spec"]["versions"][0]
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}}
    version["schema"]["openAPIV3Schema"]["x-kubernetes-preserve-unknown-fields"] = True
    return json.dumps(crd)


async def write_malformed(server: ApiServer, api: Api) -> None:
    """Get the stores past the schema, and put that of today back."""
    replaced = server.kubectl("replace", "--filename=-", stdin=permissive())
    assert replaced.returncode == 0, replaced.stderr
    for name, body in MALFORMED.items():
        async with asyncio.timeout(20):
            while True:  # until the API server goes by the other schema
                try:
                    await api.create(STORES, {"metadata": {"name": name}} | body)
                    break
                except RuntimeError:
                    await asyncio.sleep(0.1)
    strict = server.kubectl("replace", "--filename", str(CRD))
    assert strict.returncode == 0, strict.stderr
    async with asyncio.timeout(20):
        while True:
            try:
                await api.create(STORES, {"metadata": {"name": "late"}})
                await api.delete(STORES, "late")
                await asyncio.sleep(0.1)
            except RuntimeError:
                return


@pytest.mark.timeout(120)
async def test_malformed_stores_beside_fifty_good_ones_harm_themselves_alone(
    server: ApiServer, namespace: str, api: Api, tmp_path: Path
) -> None:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await write_malformed(server, api)
    await asyncio.gather(*(api.write_store(name) for name in GOOD[:25]))
    log = tmp_path / "log"
    with Zygote.ready() as zygote:
        pid = zygote.fork(server.kubeconfig(OPERATOR), log, f"--namespace={namespace}")
        try:
            await asyncio.gather(*(api.write_store(name) for name in GOOD[25:]))
            for name in GOOD:
                await api.deployed(name, seconds=40)
                await api.until(STORES, name, lambda body: condition(body, "DatabasesResolved").get("status") == "True")
            await api.edit(DEPLOYMENTS, GOOD[0], {"spec": {"progressDeadlineSeconds": 7}})
            await api.until(DEPLOYMENTS, GOOD[0], lambda body: body["spec"]["progressDeadlineSeconds"] == 180)
            for name in MALFORMED:
                assert await api.get(DEPLOYMENTS, name) is None
                await api.delete(STORES, name)
                await api.write_store(name)
                await api.deployed(name)
        finally:
            kill(pid)

    assert "Traceback" not in log.read_text()
    assert [name for name in MALFORMED if f"{namespace}/{name}: refused: " not in log.read_text()] == []
    assert "postgresql://" not in log.read_text()
