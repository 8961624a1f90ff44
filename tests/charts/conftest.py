"""The API server that all that the charts render is shown to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operator.apiserver import ApiServer, api_server, programs

from . import helm

# Of others, that charts make objects of: the folder with the go.mod that pins the module, the module, its files
DEFINITIONS = (
    (
        "gateway-api",
        "sigs.k8s.io/gateway-api",
        ("config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",),
    ),
    (
        "prometheus-operator",
        "github.com/prometheus-operator/prometheus-operator",
        (
            "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        ),
    ),
)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the time limits of tests count."""
    if any(Path(__file__).parent in item.path.parents for item in session.items):
        helm.build()
        programs("etcd", "kube-apiserver")
        for pinned_in, module, _ in DEFINITIONS:
            go(pinned_in, "mod", "download", module)


@pytest.fixture(scope="session")
def server() -> Iterator[ApiServer]:
    """A real API server that knows what charts make, with the namespaces that values name, all restricted."""
    with api_server() as running:
        for pinned_in, module, files in DEFINITIONS:
            directory = go(pinned_in, "list", "-m", "-f", "{{.Dir}}", module)
            for file in files:
                done = running.kubectl("apply", "--server-side", "--filename", f"{directory}/{file}")
                assert done.returncode == 0, done.stderr
        for name in (helm.NAMESPACE, "team-a", "team-b"):
            labels = {
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
            }
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            done = running.kubectl("create", "--filename=-", stdin=json.dumps(namespace))
            assert done.returncode == 0, done.stderr
        running.served(*running.kubectl("get", "crd", "--output=custom-columns=:.metadata.name").stdout.split())
        yield running


@pytest.fixture
def release(server: ApiServer) -> Iterator[str]:
    """A release of the operator in a namespace of the same name. Each leaves the custom resource to the next."""
    name = "session-operator"
    place = ("--namespace", name, "--kubeconfig", server.kubeconfig())
    done = helm.run("install", name, helm.CHARTS / name, "--create-namespace", *place)
    assert done.returncode == 0, done.stderr
    server.served("sessionstores.sessionstore.dev")
    yield name
    done = helm.run("uninstall", name, "--ignore-not-found", *place)
    assert done.returncode == 0, done.stderr


def go(pinned_in: str, *words: str) -> str:
    directory = Path(__file__).parent / pinned_in
    return subprocess.run(["go", *words], cwd=directory, capture_output=True, text=True, check=True).stdout.strip()
