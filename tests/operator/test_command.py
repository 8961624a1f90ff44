"""The command `session-operator`, run as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from session_operator.kinds import DEPLOYMENTS, SECRETS

from .api import Api, mounted
from .apiserver import NAMESPACED, OPERATOR, ApiServer, free_ports
from .conftest import operator_in
from .process import PROGRAM


async def test_it_serves_one_namespace_with_no_right_outside_of_it(server: ApiServer, api: Api, start: Any) -> None:
    binding = ("create", "rolebinding", "session-operator", "--clusterrole=session-operator")
    bound = server.kubectl(*binding, f"--user={NAMESPACED}", "--namespace", api.namespace)
    assert bound.returncode == 0, bound.stderr
    process = start(NAMESPACED, "--namespace", api.namespace)
    await api.write_store()
    await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")

    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")

    await api.until(SECRETS, mounted(await api.deployed()))
    assert await process.healthy()
    assert process.stop() == 0
    assert "Forbidden" not in process.log
    events = server.audit(api.namespace, NAMESPACED)
    assert events
    assert not [event["requestURI"] for event in events if event["responseStatus"]["code"] in (401, 403)]


async def test_it_catches_up_with_what_changed_while_it_was_away(server: ApiServer, api: Api, start: Any) -> None:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store()
    first = start(OPERATOR, "--namespace", api.namespace)
    before = mounted(await api.deployed())
    assert first.stop() == 0

    await api.write_secret("chat-main", dsn="postgresql://agno:rotated@db:5432/agno")
    await api.edit(DEPLOYMENTS, "chat", {"spec": {"progressDeadlineSeconds": 7}})
    start(OPERATOR, "--namespace", api.namespace)

    await api.deployed(other_than=before)
    await api.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["progressDeadlineSeconds"] == 180)


async def test_it_runs_as_a_user_without_a_name(server: ApiServer, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """As images have none, nor the users that OpenShift chooses."""

    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)
    with operator_in(server, api.namespace):
        await api.write_store()
        await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")


def test_its_help_tells_what_it_needs_and_gives_examples() -> None:
    text = subprocess.run([PROGRAM, "run", "--help"], capture_output=True, text=True, check=True).stdout

    for wanted in ("--namespace", "KUBECONFIG", "manifests/rbac", "Examples:", "kubectl explain sessionstore.spec"):
        assert wanted in text


def test_without_a_command_it_says_how_it_is_used() -> None:
    result = subprocess.run([PROGRAM], capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "usage: session-operator" in result.stderr


@pytest.mark.parametrize("kubeconfig", [None, "nowhere", "closed"])
def test_without_a_cluster_it_says_so_in_one_line(tmp_path: Path, kubeconfig: str | None) -> None:
    config = tmp_path / "config"
    if kubeconfig == "closed":
        [port] = free_ports(1)
        cluster = {"name": "a", "cluster": {"server": f"http://127.0.0.1:{port}"}}
        context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
        users = [{"name": "a", "user": {}}]
        config.write_text(
            json.dumps({"current-context": "a", "contexts": [context], "clusters": [cluster], "users": users})
        )
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    variables |= {} if kubeconfig is None else {"KUBECONFIG": str(config)}

    ended = subprocess.run(
        [PROGRAM, "run", "--listen", "127.0.0.1:0"], env=variables, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith("session-operator: there is no cluster that can be asked: ")
