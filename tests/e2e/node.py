"""The cluster that the tests run on: a node on this machine, or the one that E2E_KUBECONFIG names."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from .cluster import Cluster

SCRIPTS = Path(__file__).parents[1] / "cluster"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agno-session-store"


def script(name: str) -> None:
    """Run a script of tests/cluster with the kubectl of this virtual environment; what it says goes to our stdout."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(
        [SCRIPTS / name], env=os.environ | {"PATH": path}, check=True, timeout=2400, stdin=subprocess.DEVNULL
    )


@contextmanager
def a_cluster(step: Callable[[str], AbstractContextManager[None]]) -> Iterator[Cluster]:
    """A cluster for the whole run. One run at a time has the node of this machine."""
    if kubeconfig := os.environ.get("E2E_KUBECONFIG"):
        yield Cluster(Path(kubeconfig))
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "node.lock").open("w") as lock:
        with step("Waiting until no other run has the node"):
            fcntl.flock(lock, fcntl.LOCK_EX)
        for what, name in (
            ("Building the node's programs (12 minutes the first time)", "build.sh"),
            ("Starting the node", "up.sh"),
        ):
            with step(what):
                script(name)
        state = CACHE / "node"
        try:
            yield Cluster(
                state / "pki/admin.conf", ("nsenter", "--target", (state / "pid").read_text().strip(), "--net")
            )
        finally:
            script("down.sh")


def logs() -> dict[str, str]:
    """What the node's own programs logged, where the node is ours."""
    return {path.name: path.read_text(errors="replace") for path in sorted((CACHE / "node/logs").glob("*.log"))}
