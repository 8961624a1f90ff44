"""Install, upgrade and remove by Helm and by kustomize, as the pages say, in namespaces for restricted pods only."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.charts.helm import HELM
from tests.charts.helm import build as build_helm

from .cluster import Cluster, namespace, secret
from .conftest import ROOT, Step
from .postgres import NAMESPACE as POSTGRES_NAMESPACE
from .postgres import Database
from .store import Store
from .test_sessions import AGNO_PYTHON, HERE

OPERATOR = "session-operator"
DEFINITION = "crd/sessionstores.sessionstore.dev"

pytestmark = pytest.mark.timeout(600, func_only=True)

Helm = Callable[..., str]


@pytest.fixture(scope="session")
def helm(cluster: Cluster, step: Step, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Run helm in a namespace, with no settings of whoever runs the tests."""
    with step("Building helm (a minute the first time)"):
        build_helm()
    home = tmp_path_factory.mktemp("helm")
    settings = [f"HELM_{kind}_HOME={home}" for kind in ("CACHE", "CONFIG", "DATA")]

    def run(space: str, *words: str | Path) -> str:
        place = ("--kubeconfig", cluster.kubeconfig, "--namespace", space)
        return cluster.run("env", *settings, HELM, *words, *place, seconds=240)

    return run


@pytest.fixture
def space(cluster: Cluster, name: str) -> Iterator[str]:
    """A namespace for restricted pods only."""
    cluster.apply(namespace(name))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def no_operator(cluster: Cluster, without_operator: None) -> Iterator[None]:
    """No operator before, and none of what the test leaves of one afterwards."""
    yield
    ours = "--selector=app.kubernetes.io/name=session-operator"
    cluster.kubectl("delete", DEFINITION, f"namespace/{OPERATOR}", "--ignore-not-found", seconds=180)
    cluster.kubectl("delete", "clusterroles,clusterrolebindings", ours)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The chart and the manifests as of a later version, whose SessionStores have another short name as well."""
    shutil.copytree(ROOT / "charts" / OPERATOR, tmp_path / OPERATOR)
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    for manifests in (tmp_path / OPERATOR / "manifests", tmp_path / "manifests"):
        definition = manifests / "crd/sessionstores.yaml"
        definition.write_text(definition.read_text().replace("shortNames: [sst]", "shortNames: [sst, stores]"))
    return tmp_path


def sessions(cluster: Cluster, space: str, service: str) -> int:
    """How many sessions a Service of the cluster tells of; an error where it does not answer 200."""
    path = f"/api/v1/namespaces/{space}/services/{service}:http/proxy/sessions?limit=5"
    found: int = json.loads(cluster.kubectl("get", "--raw", path))["meta"]["total_count"]
    return found


def write_sessions(cluster: Cluster, database: Database) -> None:
    """Three, by agno itself."""
    with cluster.forward(POSTGRES_NAMESPACE, "service/postgres", 5432) as port:
        cluster.run(AGNO_PYTHON, HERE / "agno_writes.py", stdin=database.url("127.0.0.1", port, "postgresql+psycopg"))


def wait_for_the_operator(cluster: Cluster) -> None:
    words = ("rollout", "status", f"deployment/{OPERATOR}", "--timeout=120s")
    cluster.kubectl("--namespace", OPERATOR, *words, seconds=130)


def make_the_sample(cluster: Cluster, space: str, database: Database) -> Store:
    """What the first sample says, and the Secret that its comment asks for."""
    store = Store(cluster, space)
    store.set_dsns({"main": database.dsn})
    store.kubectl("apply", "--filename", str(ROOT / "manifests/samples/one-database.yaml"))
    store.wait_until_ready()
    return store


def test_helm_installs_upgrades_and_leaves_what_serves(
    cluster: Cluster, helm: Helm, no_operator: None, space: str, database: Database, changed: Path
) -> None:
    write_sessions(cluster, database)
    cluster.apply(namespace(OPERATOR))
    helm(OPERATOR, "install", OPERATOR, ROOT / "charts" / OPERATOR)
    wait_for_the_operator(cluster)
    assert "Phase:          Succeeded" in helm(OPERATOR, "test", OPERATOR, "--timeout=90s")
    store = make_the_sample(cluster, space, database)
    pods = set(store.pods())

    helm(OPERATOR, "upgrade", OPERATOR, changed / OPERATOR)
    assert store.kubectl("get", "stores", "--output=name").split() == ["sessionstore.sessionstore.dev/chat"]

    helm(OPERATOR, "uninstall", OPERATOR, "--wait")
    assert cluster.get("deployments", "--namespace", OPERATOR)["items"] == []
    assert sessions(cluster, space, "chat") == 3
    assert set(store.pods()) == pods


def test_kustomize_installs_upgrades_and_leaves_what_serves(
    cluster: Cluster, no_operator: None, space: str, database: Database, changed: Path
) -> None:
    write_sessions(cluster, database)
    cluster.kubectl("apply", "--kustomize", str(ROOT / "manifests"))
    wait_for_the_operator(cluster)
    store = make_the_sample(cluster, space, database)
    pods = set(store.pods())

    cluster.kubectl("apply", "--kustomize", str(changed / "manifests"))
    assert store.kubectl("get", "stores", "--output=name").split() == ["sessionstore.sessionstore.dev/chat"]

    cluster.kubectl("delete", "--kustomize", str(ROOT / "manifests/operator"), seconds=180)
    assert sessions(cluster, space, "chat") == 3
    assert set(store.pods()) == pods


def test_the_service_alone_serves_without_the_operator(
    cluster: Cluster, helm: Helm, no_operator: None, space: str, database: Database
) -> None:
    write_sessions(cluster, database)
    cluster.apply(secret(space, "team-databases", {"dsn-map.json": json.dumps({"main": database.dsn})}))
    values = "--set=databases.existingSecret.name=team-databases"

    helm(space, "install", "team", ROOT / "charts/agno-session", values, "--wait", "--timeout=120s")

    assert "Phase:          Succeeded" in helm(space, "test", "team", "--timeout=90s")
    with cluster.forward(space, "service/team-agno-session", 80) as port:
        seen = json.loads(cluster.run(AGNO_PYTHON, HERE / "agno_reads.py", f"http://127.0.0.1:{port}"))
    assert (len(seen["listed"]), len(seen["listed afterwards"]), seen["renamed"]) == (3, 2, "Vienna")
    assert sessions(cluster, space, "team-agno-session") == 2
