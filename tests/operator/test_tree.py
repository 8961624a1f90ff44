"""`session-operator status` prints a store with all that belongs to it."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from session_operator.kinds import STORES, Kind
from session_operator.tree import _age

from .api import Api
from .apiserver import ApiServer
from .controllers import pod
from .everything import served
from .process import PROGRAM


def status(server: ApiServer, api: Api, name: str = "chat") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KUBECONFIG": str(server.kubeconfig())}
    command: list[Any] = [PROGRAM, "status", name, "--namespace", api.namespace]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.usefixtures("operator")
async def test_a_store_that_is_well_is_shown_whole(api: Api, server: ApiServer) -> None:
    deployment = await served(api, replicas=2)
    await pod(api, deployment, "chat-0", ready=True)
    await api.until_condition("chat", "Degraded", "False", "AsExpected")

    shown = status(server, api)

    assert (shown.returncode, shown.stderr) == (0, "")
    text = " ".join(shown.stdout.split())
    for expected in (
        f"SessionStore {api.namespace}/chat http://chat.{api.namespace}.svc:80",
        "├─ Ready True PodsReady",
        "Databases │ └─ main Secret/chat-main Resolved -",
        "Deployment chat, 2 of 2 pods ready, Secret chat-dsn-map-",
        "└─ chat-0 Running ready 0 restarts",
        "Normal PodsReady x1 2 of 2 pods are ready",
    ):
        assert expected in text
    assert "secret@db" not in text


@pytest.mark.usefixtures("operator")
async def test_a_store_that_is_not_well_says_why_and_fails(api: Api, server: ApiServer) -> None:
    await api.write_store()
    await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")

    shown = status(server, api)

    assert shown.returncode == 1
    assert "Secret chat-main does not exist: create it with the key dsn" in shown.stdout
    assert "No Deployment" in shown.stdout


async def test_a_store_that_nobody_serves_yet_or_that_is_not_there(api: Api, server: ApiServer) -> None:
    await api.write_store()
    unserved, absent = status(server, api), status(server, api, "team")

    assert unserved.returncode == 1
    assert "Conditions, of generation None: the spec is of 1" in unserved.stdout
    assert (absent.returncode, absent.stdout) == (2, "")
    assert f"there is no SessionStore {api.namespace}/team" in absent.stderr


NASTY = "\x1b[2Jgone\n└─ Ready  True\r\u202e\x07"
CORE_EVENTS = Kind("v1", "Event", "events")


async def test_events_of_others_forge_no_line_and_move_no_cursor(api: Api, server: ApiServer) -> None:
    await api.write_store()
    store = await api.until(STORES, "chat")
    about = {"kind": "SessionStore", "namespace": api.namespace, "name": "chat", "uid": store["metadata"]["uid"]}
    await api.create(CORE_EVENTS, {"metadata": {"name": "bare"}, "involvedObject": about})
    for name, message in (("nasty", NASTY), ("long", "x" * 900_000)):
        body = {"metadata": {"name": name}, "involvedObject": about, "type": "Normal", "reason": NASTY}
        await api.create(CORE_EVENTS, body | {"message": message})

    shown = status(server, api)

    assert shown.returncode == 1
    assert len(shown.stdout) < 10_000
    assert all(line.isprintable() for line in shown.stdout.split("\n"))
    assert len(shown.stdout.splitlines()) == 11


@pytest.mark.parametrize(
    ("time", "age"),
    [("0000-06-01T00:00:00.000000Z", "-"), ("9999-12-31T23:59:59.999999Z", "0s"), ("", "-")],
)
def test_a_time_that_is_none_ends_nothing(time: str, age: str) -> None:
    assert _age(time, datetime(2026, 1, 1, tzinfo=UTC)) == age
