"""A Kubernetes cluster as the tests reach it: through kubectl, in the network that its API server is on."""

import json
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

KUBECTL = Path(sys.executable).parent / "kubectl"

Object = dict[str, Any]


Found = TypeVar("Found")


def until(what: str, seconds: float, look: Callable[[], Found | None]) -> Found:
    """What `look` finds, as soon as it finds something; an error that names `what` after so many seconds."""
    end = time.monotonic() + seconds
    while (found := look()) is None or found is False:
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.5)
    return found


@dataclass(frozen=True)
class Cluster:
    """A kubeconfig, and the words before a command that make it run where the API server can be reached."""

    kubeconfig: Path
    reach: tuple[str, ...] = ()

    def run(self, *command: str | Path, stdin: str | None = None, seconds: float = 120) -> str:
        """What the command writes to stdout. What it writes to stderr is in the error when it fails."""
        words = [*self.reach, *map(str, command)]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(words)}: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done.stdout

    def kubectl(self, *words: str, stdin: str | None = None, seconds: float = 120) -> str:
        """Run kubectl as the cluster's administrator."""
        return self.run(KUBECTL, "--kubeconfig", self.kubeconfig, *words, stdin=stdin, seconds=seconds)

    def get(self, *words: str) -> Object:
        """`kubectl get` as an object; a list of kinds or names gives one whose `items` are they."""
        found: Object = json.loads(self.kubectl("get", "--output=json", *words))
        return found

    def apply(self, *objects: Object) -> None:
        """Server-side apply: it leaves no copy of a Secret in an annotation."""
        everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=everything)

    @contextmanager
    def forward(self, namespace: str, target: str, port: int) -> Iterator[int]:
        """A local port, in the cluster's network, of a Service or pod. It holds on to one pod."""
        kubectl = (*self.reach, str(KUBECTL), "--kubeconfig", str(self.kubeconfig), "--namespace", namespace)
        with subprocess.Popen(
            [*kubectl, "port-forward", target, f":{port}"], stdout=subprocess.PIPE, text=True
        ) as forwarding:
            try:
                assert forwarding.stdout is not None
                line = forwarding.stdout.readline()
                found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+)", line)
                if found is None:
                    raise RuntimeError(f"kubectl port-forward {namespace} {target}: {line!r}")
                yield int(found[1])
            finally:
                forwarding.terminate()


def namespace(name: str) -> Object:
    """A Namespace that admits only pods of the restricted Pod Security Standard."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def secret(namespace: str, name: str, data: dict[str, str]) -> Object:
    """A Secret of strings."""
    metadata = {"namespace": namespace, "name": name}
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}


def restricted_pod(container: Object, volumes: list[Object]) -> Object:
    """The spec of a pod with one container that the restricted standard admits, with a read-only root file system."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
            "fsGroup": 10001,
        },
        "containers": [
            container
            | {
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }
            }
        ],
        "volumes": volumes,
    }
