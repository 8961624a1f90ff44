"""A password is in Secrets and nowhere else."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from session_operator.kinds import STORES

from .api import Api, mounted
from .apiserver import OPERATOR, ApiServer
from .conftest import operator_in
from .controllers import begin_rollout, roll_out
from .process import Process

CANARY = "c4nary-passw0rd"
REFUSING = {"requests": {"memory": "512Mi"}, "limits": {"memory": "64Mi"}}


async def live_through_everything(api: Api) -> None:
    """A life of a store: made, served, broken, rotated, refused."""
    await api.write_secret("chat-main", dsn=f"postgresql://agno:{CANARY}@db:5432/agno")
    await api.write_store()
    before = mounted(await api.deployed())
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    await api.write_secret("chat-main", dsn=f"not a dsn at all {CANARY}")
    await api.deployed(other_than=before)
    await begin_rollout(api, reason="ProgressDeadlineExceeded")
    await api.until_condition("chat", "Degraded", "True", "RolloutStalled")
    await api.write_store(resources=REFUSING)
    await api.until_condition("chat", "Degraded", "True", "ApplyRefused")


def planted() -> set[str]:
    return {CANARY, base64.b64encode(CANARY.encode()).decode().rstrip("=")}


async def everything_in(api: Api, server: ApiServer) -> dict[str, str]:
    """All objects of the namespace as JSON, Secrets without their data."""
    kinds = server.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").stdout.split()
    assert "events" in kinds
    listed = server.kubectl(
        "get", ",".join(kinds), "--namespace", api.namespace, "--output=json", "--show-managed-fields"
    )
    items: list[dict[str, Any]] = json.loads(listed.stdout)["items"]
    assert {"SessionStore", "Deployment", "Secret"} <= {item["kind"] for item in items}
    for item in items:
        if item["kind"] == "Secret":
            del item["data"]
    return {f"{item['kind']} {item['metadata']['name']}": json.dumps(item) for item in items}


async def test_no_object_and_no_log_line_holds_a_password(
    api: Api, server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with operator_in(server, api.namespace):
        await live_through_everything(api)

    found = await everything_in(api, server) | {"log": caplog.text}
    assert len(caplog.records) > 10
    assert not [where for where, text in found.items() if any(canary in text for canary in planted())]


async def test_the_command_prints_no_password_at_its_most_talkative(
    api: Api, server: ApiServer, tmp_path: Path
) -> None:
    process = Process(server, OPERATOR, tmp_path / "log", "--namespace", api.namespace, "--log-level", "debug")
    try:
        await live_through_everything(api)
    finally:
        process.kill()

    assert "creating Deployment chat" in process.log
    assert CANARY not in process.log


async def test_a_store_has_no_field_for_a_dsn(api: Api) -> None:
    with pytest.raises(RuntimeError, match="exactly one of secretKeyRef"):
        await api.write_store(databases=[{"id": "main", "dsn": {}}])
    with pytest.raises(RuntimeError, match="expected map"):
        await api.write_store(databases=[{"id": "main", "dsn": f"postgresql://agno:{CANARY}@db/agno"}])

    assert await api.get(STORES, "chat") is None
