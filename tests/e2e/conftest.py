"""The cluster of the run, what runs in it, and what to show of it when a test fails."""

import os
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from . import images, node
from .cluster import Cluster, namespace
from .postgres import NAMESPACE as POSTGRES_NAMESPACE
from .postgres import Database, Postgres
from .store import Load, Store

ROOT = Path(__file__).parents[2]

Step = Callable[[str], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def step(request: pytest.FixtureRequest) -> Step:
    """Says what is being done and how long it took, past pytest's capture."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    @contextmanager
    def step(what: str) -> Iterator[None]:
        with capture.global_and_fixture_disabled():
            begun = time.monotonic()
            print(f"\n{what}", flush=True)
            yield
            print(f"{what}: {time.monotonic() - begun:.0f} s", flush=True)

    return step


@pytest.fixture(scope="session", autouse=True)
def _packages(step: Step) -> None:
    """Where another cluster is used, whoever names it has what is needed."""
    if "E2E_KUBECONFIG" not in os.environ:
        with step("Looking for the Debian packages that nodes, images and Compose need"):
            node.script("packages.sh")


@pytest.fixture(scope="session")
def cluster(step: Step) -> Iterator[Cluster]:
    """A node of our own, or the cluster of E2E_KUBECONFIG."""
    with node.a_cluster(step) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def _images(cluster: Cluster, step: Step) -> None:
    with step("Building and loading the images"):
        images.provide()


@pytest.fixture(scope="session")
def postgres(cluster: Cluster, _images: None, step: Step) -> Iterator[Postgres]:
    """A PostgreSQL in the cluster."""
    postgres = Postgres(cluster)
    with step("Starting PostgreSQL"):
        postgres.start()
    yield postgres
    cluster.kubectl("delete", "namespace", POSTGRES_NAMESPACE, "--wait=false")


@pytest.fixture(scope="session")
def operator(cluster: Cluster, _images: None, step: Step) -> Iterator[None]:
    """The operator, installed as a user installs it."""
    with step("Installing the operator"):
        install_operator(cluster)
    yield
    cluster.kubectl("delete", "--kustomize", str(ROOT / "manifests"), "--wait=false", "--ignore-not-found")


@pytest.fixture
def without_operator(cluster: Cluster, _images: None, step: Step) -> Iterator[None]:
    """A cluster that nobody installed the operator on. If there was one, it is back afterwards."""
    words = ("--namespace", "session-operator", "get", "deployment", "session-operator", "--output=name")
    installed = cluster.kubectl(*words, "--ignore-not-found")
    if installed:
        with step("Removing the operator for a while"):
            cluster.kubectl("delete", "--kustomize", str(ROOT / "manifests"), "--ignore-not-found", seconds=180)
    yield
    if installed:
        with step("Installing the operator again"):
            install_operator(cluster)


def install_operator(cluster: Cluster) -> None:
    """By kustomize, until it runs."""
    cluster.kubectl("apply", "--kustomize", str(ROOT / "manifests"))
    words = ("--namespace", "session-operator", "rollout", "status", "deployment/session-operator", "--timeout=120s")
    cluster.kubectl(*words, seconds=130)


@pytest.fixture
def name() -> str:
    """A name for what belongs to the test."""
    return f"e2e{secrets.token_hex(4)}"


@pytest.fixture
def store(cluster: Cluster, operator: None, name: str) -> Iterator[Store]:
    """A SessionStore yet to be created, alone in a namespace that admits restricted pods only."""
    cluster.apply(namespace(name))
    yield Store(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def database(postgres: Postgres, name: str) -> Database:
    """A database of the test's own, still empty."""
    return postgres.create(name)


@pytest.fixture
def load(store: Store) -> Load:
    """Constant load on the store's Service, yet to be started."""
    return Load(store)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with the ends of all logs, the events, and what the operator says of the stores."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and isinstance(cluster, Cluster):
        report.sections.extend(_sights(cluster))
    return report


def _sights(cluster: Cluster) -> Iterator[tuple[str, str]]:
    def seen(*words: str, end: int = 6000) -> tuple[str, str]:
        try:
            return f"kubectl {' '.join(words)}", cluster.kubectl(*words)[-end:]
        except RuntimeError as error:
            return f"kubectl {' '.join(words)}", str(error)[-end:]

    yield seen("get", "pods", "--all-namespaces", "--output=wide")
    yield seen("get", "sessionstores", "--all-namespaces", "--output=yaml")
    yield seen("get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp")
    for pod in cluster.get("pods", "--all-namespaces")["items"]:
        metadata, statuses = pod["metadata"], pod["status"].get("containerStatuses", [])
        words = ("--namespace", metadata["namespace"], "logs", metadata["name"], "--tail=40")
        yield seen(*words, end=4000)
        if any(status["restartCount"] for status in statuses):
            yield seen(*words, "--previous", end=4000)
    for program in ("node.log", "kubelet.log"):
        yield program, node.logs().get(program, "")[-3000:]
