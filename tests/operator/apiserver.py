"""A real kube-apiserver with etcd on 127.0.0.1: RBAC on, no root, no kubelet, no controllers unless asked for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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


def programs(*names: str) -> Path:
    """The folder of the programs named: KUBEBUILDER_ASSETS if it has them, else built once into the user's cache."""
    assets = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nonexistent"))
    if all((assets / name).exists() for name in names):
        return assets
    subprocess.run([ROOT / "tests/cluster/build.sh", *names], check=True, stdout=sys.stderr)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agno-session-store" / "bin"


@dataclass(frozen=True)
class ApiServer:
    """One API server and the etcd below it. Stopped, it can be started again, also on another port."""

    url: str
    etcd: str
    directory: Path
    _running: dict[str, subprocess.Popen[bytes]]

    @property
    def certificate(self) -> Path:
        return self.directory / "apiserver.crt"

    def start(self, program: str, *options: str) -> None:
        with (self.directory / f"{program}.log").open("ab") as log:
            command = [programs(program) / program, *options]
            self._running[program] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, program: str) -> None:
        process = self._running.pop(program)
        process.kill()  # kube-apiserver would wait a minute for its watches to end
        process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections stay, and nobody answers on them."""
        self._running["kube-apiserver"].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._running["kube-apiserver"].send_signal(signal.SIGCONT)

    @contextmanager
    def elsewhere(self) -> Iterator[ApiServer]:
        """Another kube-apiserver on the same etcd, while this one is stopped."""
        (port,) = free_ports(1)
        other = replace(self, url=f"https://127.0.0.1:{port}")
        other.serve()
        yield other
        other.kill("kube-apiserver")

    def compact(self) -> None:
        """Have etcd forget all but the newest version of everything: watches from before answer 410 Gone."""

        def call(path: str, body: Any) -> Any:
            with urllib.request.urlopen(f"{self.etcd}/v3/kv/{path}", json.dumps(body).encode()) as answer:
                return json.load(answer)

        revision = call("range", {"key": "AA=="})["header"]["revision"]
        call("compaction", {"revision": revision, "physical": True})

    def serve(self) -> None:
        """Start kube-apiserver on what etcd holds; returns when it answers."""
        key = self.directory / "service-accounts.key"
        self.start(
            "kube-apiserver",
            f"--etcd-servers={self.etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.url.rpartition(':')[2]}",
            f"--cert-dir={self.directory}",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self.directory}/tokens.csv",
            "--disable-admission-plugins=ServiceAccount",  # there is no controller that makes the default one
            f"--audit-policy-file={self.directory}/audit-policy.yaml",
            f"--audit-log-path={self.directory}/audit.log",
        )
        self._wait_until_ready()

    def control(self, *controllers: str) -> None:
        """Start kube-controller-manager with these controllers alone."""
        self.start(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig()}",
            f"--controllers={','.join(controllers)}",
            "--leader-elect=false",
            "--secure-port=0",
        )

    def _wait_until_ready(self, seconds: float = 50) -> None:
        deadline = time.monotonic() + seconds
        headers = {"Authorization": f"Bearer {self.token('admin')}"}
        while time.monotonic() < deadline and all(process.poll() is None for process in self._running.values()):
            try:
                context = ssl.create_default_context(cafile=self.certificate)
                urllib.request.urlopen(
                    urllib.request.Request(f"{self.url}/readyz", headers=headers), context=context
                ).close()
            except (OSError, urllib.error.URLError):
                time.sleep(0.2)
            else:
                return
        ends = [log.read_text()[-3000:] for log in sorted(self.directory.glob("*.log")) if log.name != "audit.log"]
        raise RuntimeError("kube-apiserver did not come up:\n" + "\n".join(ends))

    def token(self, user: str) -> str:
        return f"token-of-{user}"

    def kubeconfig(self, user: str = "admin", *, through: str = "") -> Path:
        """A kubeconfig of the user, JSON being YAML; `through` is the URL of a proxy that may speak plain HTTP."""
        name = f"{user}-{through.rpartition(':')[2]}" if through else user
        path = self.directory / f"{name.replace(':', '-')}.kubeconfig"
        cluster = {"server": through or self.url, "certificate-authority": str(self.certificate)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": self.token(user)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        # Another thread may be reading it
        new = path.with_suffix(f".{threading.get_ident()}")
        new.write_text(json.dumps(config))
        return new.rename(path)

    def kubectl(
        self, *arguments: str, user: str = "admin", stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [ROOT / ".venv/bin/kubectl", "--kubeconfig", self.kubeconfig(user), *arguments]
        environment = os.environ | {"KUBECACHEDIR": str(self.directory / "kubectl")}
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment)

    def served(self, *names: str, seconds: float = 50) -> None:
        """Wait until it serves these custom resources, whose definitions were applied, and describes them."""
        deadline = time.monotonic() + seconds
        for name in names:
            while not self._serves(name):
                assert time.monotonic() < deadline, f"{name} is not served"
                time.sleep(0.1)

    def _serves(self, name: str) -> bool:
        # `kubectl wait` fails where there are no conditions yet; kinds are described a moment after Established
        established = '{.status.conditions[?(@.type=="Established")].status}'
        found = self.kubectl("get", "customresourcedefinition", name, f"--output=jsonpath={established}")
        return found.stdout == "True" and self.kubectl("explain", name).returncode == 0

    def audit_size(self) -> int:
        return (self.directory / "audit.log").stat().st_size

    def audit(self, namespace: str | None, user: str = OPERATOR) -> list[dict[str, Any]]:
        """The requests that a user made in a namespace, or all that it made about objects, in order."""
        with (self.directory / "audit.log").open() as lines:
            events = [json.loads(line) for line in lines if user in line and (namespace or "") in line]
        return [
            event
            for event in events
            if event["user"]["username"] == user
            and "objectRef" in event
            and (namespace is None or event["objectRef"].get("namespace") == namespace)
        ]


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """Start one with an empty store; stop it and remove its files in the end."""
    directory = Path(tempfile.mkdtemp(prefix="kube-apiserver-"))
    etcd_port, peer_port, port = free_ports(3)
    running: dict[str, subprocess.Popen[bytes]] = {}
    server = ApiServer(f"https://127.0.0.1:{port}", f"http://127.0.0.1:{etcd_port}", directory, running)
    (directory / "audit-policy.yaml").write_text(AUDIT_POLICY)
    (directory / "tokens.csv").write_text(
        "".join(f'{server.token(user)},{user},{user},"{group}"\n' for user, group in USERS.items())
    )
    key = directory / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    try:
        server.start(
            "etcd",
            f"--data-dir={directory}/etcd",
            "--unsafe-no-fsync",
            f"--listen-client-urls={server.etcd}",
            f"--advertise-client-urls={server.etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
        )
        server.serve()
        yield server
    finally:
        for program in reversed([*running]):
            server.kill(program)
        shutil.rmtree(directory)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()
