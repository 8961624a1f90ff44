"""`helm test`: what its pods run, against the real service on a real PostgreSQL, and against a real API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.operator.apiserver import OPERATOR, ApiServer, free_ports
from tests.service.postgres import Server, embedded

from . import helm

SERVICE = Path(sys.executable).parent / "session-service"
DATASET = helm.ROOT / "tests/contract/data/dataset_v3.sql"
TOKENS = {"JWT_VERIFICATION_KEY": "a-key-that-is-long-enough-to-sign-with-it", "AGNO_JWT_ALGORITHM": "HS256"}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with embedded() as running:
        running.run(DATASET.read_text())
        yield running


def test_the_service_answers_for_each_database(postgres: Server) -> None:
    databases = {name: postgres.dsn() for name in ("main", "archive-two")}

    with serving(AGNO_SESSION_DSN_MAP=json.dumps(databases), AGNO_REQUIRE_DB_ID="true") as url:
        done = smoke("agno-session/many-databases", url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["main: 200 ", "archive-two: 200 "]


def test_a_database_that_does_not_answer_is_named(postgres: Server) -> None:
    databases = {"main": postgres.dsn(), "away": "postgresql://agno:secret@127.0.0.1:1/agno"}

    with serving(AGNO_SESSION_DSN_MAP=json.dumps(databases), AGNO_STARTUP_GRACE_SECONDS="0") as url:
        done = smoke("agno-session/many-databases", url)

    assert done.returncode == 1
    assert "main: 200" in done.stdout
    assert "away: 503" in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_the_security_key_is_presented(postgres: Server) -> None:
    with serving(AGNO_PG_DSN=postgres.dsn(), OS_SECURITY_KEY="sesame") as url:
        done = smoke("agno-session/security-key", url, OS_SECURITY_KEY="sesame")
        other = smoke("agno-session/security-key", url, OS_SECURITY_KEY="another")

    assert (done.returncode, other.returncode) == (0, 1), done.stderr
    assert "default: 401" in other.stdout


def test_a_service_that_wants_tokens_has_to_refuse_whoever_has_none(postgres: Server) -> None:
    with serving(AGNO_PG_DSN=postgres.dsn(), **TOKENS) as url:
        refused = smoke("agno-session/token-secret", url)
    with serving(AGNO_PG_DSN=postgres.dsn()) as url:
        served = smoke("agno-session/token-secret", url)

    assert (refused.returncode, served.returncode) == (0, 1), refused.stderr


def test_the_key_is_given_to_the_pod_by_its_secret_and_only_where_it_opens_anything() -> None:
    def environment(case: str) -> Any:
        return helm.one(helm.rendered(case), "Pod")["spec"]["containers"][0].get("env")

    reference = {"secretKeyRef": {"name": "chat-auth", "key": "key"}}
    assert environment("agno-session/security-key") == [{"name": "OS_SECURITY_KEY", "valueFrom": reference}]
    assert environment("agno-session/one-database") is None
    assert environment("agno-session/key-and-tokens") is None


def test_the_operator_lists_what_it_serves_with_its_own_rights(server: ApiServer, release: str, tmp_path: Path) -> None:
    with operating(server) as health:
        done = smoke(
            "session-operator/as-it-is", health, server.url, CREDENTIALS=credentials(server, OPERATOR, tmp_path)
        )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("all namespaces: ")


@pytest.mark.parametrize("case", helm.MATRIX)
def test_a_pod_calls_a_service_and_not_itself(case: str) -> None:
    """The name of a pod is its host name, and leads to itself."""
    objects = helm.rendered(case)
    pod = helm.one(objects, "Pod")
    host = urllib.parse.urlsplit(pod["spec"]["containers"][0]["args"][1]).hostname

    assert host in {each["metadata"]["name"] for each in objects if each["kind"] == "Service"}
    assert host != pod["metadata"]["name"]


def test_an_operator_without_its_rights_fails(server: ApiServer, release: str, tmp_path: Path) -> None:
    other = "system:serviceaccount:session-operator:namespaced"

    with operating(server) as health:
        done = smoke(
            "session-operator/two-namespaces", health, server.url, CREDENTIALS=credentials(server, other, tmp_path)
        )

    assert done.returncode == 1
    assert "namespaces/team-a/: 403" in done.stderr


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        ("agno-session", "dsn.existingSecret.name=chat-main"),
        ("session-operator", "crds.enabled=false,rbac.aggregateRoles=false"),
    ],
)
def test_helm_test_passes_when_its_pod_does_and_leaves_nothing(server: ApiServer, chart: str, values: str) -> None:
    place = ("--namespace", helm.NAMESPACE, "--kubeconfig", server.kubeconfig())
    installed = helm.run("install", "tested", helm.CHARTS / chart, f"--set={values}", *place)
    assert installed.returncode == 0, installed.stderr
    pod = ("pod", f"tested-{chart}-smoke", f"--namespace={helm.NAMESPACE}")
    with ThreadPoolExecutor() as threads:
        testing = threads.submit(helm.run, "test", "tested", "--timeout=30s", *place)
        status = ("--subresource=status", '--patch={"status": {"phase": "Succeeded"}}')
        while not testing.done() and server.kubectl("patch", *pod, *status).returncode:  # as a kubelet would
            time.sleep(0.1)
    done = testing.result()
    removed = helm.run("uninstall", "tested", *place)

    assert done.returncode == 0, done.stderr
    assert "Phase:          Succeeded" in done.stdout
    assert removed.returncode == 0, removed.stderr
    left = server.kubectl("get", "pods,services", f"--namespace={helm.NAMESPACE}", "--output=name")
    assert "tested" not in left.stdout


def smoke(case: str, *urls: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run what the pod of `helm test` runs, with other URLs."""
    container = helm.one(helm.rendered(case), "Pod")["spec"]["containers"][0]
    python, option = container["command"]
    script, *arguments = container["args"]
    assert python == "python3"
    command = [sys.executable, option, script, *urls, *arguments[len(urls) :]]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@contextmanager
def serving(**variables: str) -> Iterator[str]:
    """The service, whose URL this is; the smoke test waits for it."""
    port = str(free_ports(1)[0])
    ports = {"AGNO_SERVICE_PORT": port, "AGNO_ADMIN_PORT": "off"}
    environment = {"PATH": os.environ["PATH"], "AGNO_DRAIN_SECONDS": "0", **ports, **variables}
    process = subprocess.Popen([SERVICE, "serve"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def operating(server: ApiServer) -> Iterator[str]:
    """The operator, whose health this URL is of; the smoke test waits for it."""
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(server.kubeconfig())}
    command = [SERVICE.parent / "session-operator", "run", f"--listen={listen}", "--namespace=team-a"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield f"http://{listen}/healthz"
    finally:
        process.terminate()
        process.wait()


def credentials(server: ApiServer, user: str, directory: Path) -> str:
    """The files that a pod finds of its ServiceAccount."""
    (directory / "ca.crt").write_bytes(server.certificate.read_bytes())
    (directory / "token").write_text(server.token(user))
    return str(directory)
