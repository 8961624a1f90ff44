"""A real kube-apiserver with etcd on 127.0.0.1: RBAC on, no root, no controllers, no kubelet."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OPERATOR = "system:serviceaccount:session-operator:session-operator"
NAMESPACED = "system:serviceaccount:session-operator:namespaced"
USERS = {"admin": "system:masters", OPERATOR: "system:serviceaccounts", NAMESPACED: "system:serviceaccounts"}
AUDIT_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: Metadata
    userGroups: [system:serviceaccounts]
  - level: None
"""


def programs() -> Path:
    """The folder of etcd and kube-apiserver: KUBEBUILDER_ASSETS, else built once into the user's cache."""
    assets = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nonexistent"))
    if all((assets / program).exists() for program in ("etcd", "kube-apiserver")):
        return assets
    subprocess.run([ROOT / "tests/cluster/build.sh", "etcd", "kube-apiserver"], check=True)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agno-session-store" / "bin"


@dataclass(frozen=True)
class ApiServer:
    url: str
    certificate: Path
    directory: Path

    def token(self, user: str) -> str:
        return f"token-of-{user}"

    def kubeconfig(self, user: str = "admin") -> Path:
        """A kubeconfig of the user, JSON being YAML."""
        path = self.directory / f"{user.replace(':', '-')}.kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "test", "cluster": {"server": self.url, "certificate-authority": str(self.certificate)}}
            ],
            "users": [{"name": "test", "user": {"token": self.token(user)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config))
        return path

    def kubectl(
        self, *arguments: str, user: str = "admin", stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [ROOT / ".venv/bin/kubectl", "--kubeconfig", self.kubeconfig(user), *arguments]
        environment = os.environ | {"KUBECACHEDIR": str(self.directory / "kubectl")}
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment)

    def audit(self, namespace: str, user: str = OPERATOR) -> list[dict[str, Any]]:
        """The requests that a user made in a namespace, in order."""
        with (self.directory / "audit.log").open() as lines:
            events = [json.loads(line) for line in lines if namespace in line]
        return [
            event
            for event in events
            if event["user"]["username"] == user and event.get("objectRef", {}).get("namespace") == namespace
        ]


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """Start one with an empty store; stop it and remove its files in the end."""
    binaries = programs()
    directory = Path(tempfile.mkdtemp(prefix="kube-apiserver-"))
    etcd_port, peer_port, port = free_ports(3)
    (directory / "audit-policy.yaml").write_text(AUDIT_POLICY)
    server = ApiServer(f"https://127.0.0.1:{port}", directory / "apiserver.crt", directory)
    (directory / "tokens.csv").write_text(
        "".join(f'{server.token(user)},{user},{user},"{group}"\n' for user, group in USERS.items())
    )
    key = directory / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    etcd = f"http://127.0.0.1:{etcd_port}"
    running = [
        start(
            directory,
            [
                binaries / "etcd",
                f"--data-dir={directory}/etcd",
                "--unsafe-no-fsync",
                f"--listen-client-urls={etcd}",
                f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            ],
        ),
        start(
            directory,
            [
                binaries / "kube-apiserver",
                f"--etcd-servers={etcd}",
                "--bind-address=127.0.0.1",
                f"--secure-port={port}",
                f"--cert-dir={directory}",
                "--service-cluster-ip-range=10.96.0.0/16",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--authorization-mode=RBAC",
                f"--token-auth-file={directory}/tokens.csv",
                "--disable-admission-plugins=ServiceAccount",  # there is no controller that makes the default one
                f"--audit-policy-file={directory}/audit-policy.yaml",
                f"--audit-log-path={directory}/audit.log",
            ],
        ),
    ]
    try:
        wait_until_ready(server, running)
        yield server
    finally:
        for process in reversed(running):  # kube-apiserver would wait a minute for its watches to end
            process.kill()
            process.wait()
        shutil.rmtree(directory)


def start(directory: Path, command: list[Any]) -> subprocess.Popen[bytes]:
    with (directory / f"{command[0].name}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def wait_until_ready(server: ApiServer, running: list[subprocess.Popen[bytes]], seconds: float = 50) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in running):
            break
        try:
            context = ssl.create_default_context(cafile=server.certificate)
            headers = {"Authorization": f"Bearer {server.token('admin')}"}
            urllib.request.urlopen(
                urllib.request.Request(f"{server.url}/readyz", headers=headers), context=context
            ).close()
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
        else:
            return
    ends = [log.read_text()[-3000:] for log in sorted(server.directory.glob("*.log")) if log.name != "audit.log"]
    raise RuntimeError("kube-apiserver did not come up:\n" + "\n".join(ends))


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()
