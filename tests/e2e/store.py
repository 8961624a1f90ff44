"""A SessionStore in a namespace of its own, with the Secrets that it names."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .cluster import Cluster, Object, restricted_pod, secret, until
from .images import SERVICE


@dataclass(frozen=True)
class Store:
    """The SessionStore `chat` of a namespace; database `main` has its DSN in the Secret `chat-main`, and so on."""

    cluster: Cluster
    namespace: str
    name: str = "chat"

    def kubectl(self, *words: str, stdin: str | None = None, seconds: float = 120) -> str:
        """Run kubectl in the store's namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *words, stdin=stdin, seconds=seconds)

    def get(self, *words: str) -> Object:
        """`kubectl get` in the store's namespace."""
        return self.cluster.get("--namespace", self.namespace, *words)

    def create(self, dsns: dict[str, str], **spec: object) -> None:
        """The Secrets, and a store that has these databases."""
        self.set_dsns(dsns)
        databases = [{"id": id, "dsn": {"secretKeyRef": {"name": f"{self.name}-{id}", "key": "dsn"}}} for id in dsns]
        self.cluster.apply(
            {
                "apiVersion": "sessionstore.dev/v1alpha1",
                "kind": "SessionStore",
                "metadata": {"namespace": self.namespace, "name": self.name},
                "spec": {"databases": databases, **spec},
            }
        )

    def set_dsns(self, dsns: dict[str, str]) -> None:
        """Write the Secrets of these databases."""
        self.cluster.apply(*(secret(self.namespace, f"{self.name}-{id}", {"dsn": dsn}) for id, dsn in dsns.items()))

    @property
    def status(self) -> Object:
        """What the operator says of the store."""
        status: Object = self.get("sessionstore", self.name).get("status", {})
        return status

    def condition(self, kind: str) -> Object:
        """A condition, empty where it is not set."""
        return next((c for c in self.status.get("conditions", ()) if c["type"] == kind), {})

    def wait_until_ready(self, seconds: int = 180) -> None:
        """As a person waits for it."""
        self.kubectl(
            "wait", f"sessionstore/{self.name}", "--for=condition=Ready", f"--timeout={seconds}s", seconds=seconds + 10
        )

    def wait_until_degraded(self, seconds: float = 180) -> str:
        """The message of the condition Degraded, once it holds."""

        def message() -> str | None:
            degraded = self.condition("Degraded")
            return degraded["message"] if degraded.get("status") == "True" else None

        return until(f"{self.name} is Degraded", seconds, message)

    def pods(self) -> dict[str, Object]:
        """The pods that serve, by name."""
        selector = ",".join(
            f"{k}={v}" for k, v in self.get("deployment", self.name)["spec"]["selector"]["matchLabels"].items()
        )
        return {pod["metadata"]["name"]: pod for pod in self.get("pods", "--selector", selector)["items"]}

    def roll(self, number: int) -> None:
        """Have all pods replaced by ones that differ in an annotation."""
        patch = {"spec": {"podTemplate": {"metadata": {"annotations": {"roll": str(number)}}}}}
        self.kubectl("patch", "sessionstore", self.name, "--type=merge", f"--patch={json.dumps(patch)}")

    def wait_until_template(self, is_wanted: Callable[[Object], bool]) -> None:
        """Until the template of the pods is the wanted one, and as many pods of it as wanted are ready."""

        def template() -> Object | None:
            found: Object = self.get("deployment", self.name)["spec"]["template"]
            return found if is_wanted(found) else None

        until("the template is the wanted one", 60, template)
        self.kubectl("rollout", "status", f"deployment/{self.name}", "--timeout=180s", seconds=190)

    @staticmethod
    def mounted(template: Object) -> str:
        """The DSN map that a template mounts."""
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        name: str = volumes["dsn-map"]["secret"]["secretName"]
        return name

    def wait_until_rolled(self, old: set[str], seconds: float = 240) -> None:
        """Until none of the old pods is left and the store is ready."""
        until(f"the pods {sorted(old)} are gone", seconds, lambda: not old & set(self.pods()) or None)
        self.wait_until_ready()


@dataclass(frozen=True)
class Load:
    """A pod that reads, writes and streams through the store's Service without a pause (load.py), and counts."""

    store: Store

    def start(self) -> None:
        """Start it; returns once it has done some of everything."""
        metadata = {"namespace": self.store.namespace, "name": "load"}
        container: Object = {
            "name": "load",
            "image": SERVICE,
            "command": ["python", "/load/load.py", f"http://{self.store.name}", "main"],
            "volumeMounts": [{"name": "load", "mountPath": "/load"}],
        }
        pod = restricted_pod(container, [{"name": "load", "configMap": {"name": "load"}}]) | {"restartPolicy": "Never"}
        script = (Path(__file__).parent / "load.py").read_text()
        self.store.cluster.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"load.py": script}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod},
        )
        self.goes_on({})

    def counts(self) -> dict[str, int]:
        """What was as it should be, by the words of load.GOOD, and what was not."""
        phase: str = self.store.get("pod", "load")["status"].get("phase", "")
        lines = self.store.kubectl("logs", "load", "--tail=1") if phase in ("Running", "Succeeded", "Failed") else ""
        counts: dict[str, int] = json.loads(lines) if lines.startswith("{") else {}
        return counts

    def goes_on(self, before: dict[str, int]) -> dict[str, int]:
        """The counts once there is more of everything than before."""
        more = {"read": 60, "write": 15, "stream": 4}

        def enough() -> dict[str, int] | None:
            counts = self.counts()
            return counts if all(counts.get(what, 0) >= before.get(what, 0) + n for what, n in more.items()) else None

        return until(f"the load goes on from {self.counts()}", 120, enough)

    def end(self) -> dict[str, int]:
        """End it; the counts once it has looked for every write that was acknowledged."""
        self.store.kubectl("exec", "load", "--", "python", "-c", "import os; os.kill(1, 15)")

        def done() -> dict[str, int] | None:
            counts = self.counts()
            return counts if counts.pop("done", 0) else None

        return until("the load has looked for its writes", 240, done)
