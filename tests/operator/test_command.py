"""The command `session-operator`, run as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from session_operator.cluster import DEPLOYMENTS, SECRETS

from .api import Api, mounted
from .apiserver import OPERATOR, ROOT, ApiServer, free_ports

PROGRAM = ROOT / ".venv/bin/session-operator"
NAMESPACED = "system:serviceaccount:session-operator:namespaced"


class Process:
    def __init__(self, server: ApiServer, user: str, log: Path, *arguments: str) -> None:
        (self.port,) = free_ports(1)
        self._log = log
        environment = os.environ | {"KUBECONFIG": str(server.kubeconfig(user))}
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                [PROGRAM, "run", "--listen", f"127.0.0.1:{self.port}", *arguments],
                env=environment,
                stdout=output,
                stderr=output,
            )

    def stop(self) -> int:
        self._popen.send_signal(signal.SIGTERM)
        return self._popen.wait(timeout=20)

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
def start(server: ApiServer, tmp_path: Path) -> Iterator[Any]:
    started: list[Process] = []

    def run(user: str, *arguments: str) -> Process:
        started.append(Process(server, user, tmp_path / f"operator-{len(started)}.log", *arguments))
        return started[-1]

    yield run
    for process in started:
        process.kill()


async def test_it_serves_one_namespace_with_no_right_outside_of_it(server: ApiServer, api: Api, start: Any) -> None:
    binding = ("create", "rolebinding", "session-operator", "--clusterrole=session-operator")
    bound = server.kubectl(*binding, f"--user={NAMESPACED}", "--namespace", api.namespace)
    assert bound.returncode == 0, bound.stderr
    process = start(NAMESPACED, "--namespace", api.namespace)
    await api.write_store()
    await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")

    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")

    await api.until(SECRETS, mounted(await api.deployed()))
    async with aiohttp.request("GET", f"http://127.0.0.1:{process.port}/healthz") as answer:
        assert answer.status == 200
    assert process.stop() == 0
    assert "Forbidden" not in process.log
    events = server.audit(api.namespace, NAMESPACED)
    assert events
    assert not [event for event in events if event["responseStatus"]["code"] not in (200, 201, 404)]


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


def test_its_help_tells_what_it_needs_and_gives_examples() -> None:
    text = subprocess.run([PROGRAM, "run", "--help"], capture_output=True, text=True, check=True).stdout

    for wanted in ("--namespace", "KUBECONFIG", "manifests/rbac", "Examples:", "kubectl explain sessionstore.spec"):
        assert wanted in text


def test_without_a_command_it_says_how_it_is_used() -> None:
    result = subprocess.run([PROGRAM], capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "usage: session-operator" in result.stderr
