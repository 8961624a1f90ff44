"""`session-operator plan` tells what would become of a store, against a real API server or without one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from session_operator import plan as planning
from session_operator.cluster import Cluster
from session_operator.kinds import DEPLOYMENTS, NETWORK_POLICIES, OWNED, SERVICES, STORES
from session_operator.manifest import Refused, stores_in
from session_operator.render import render
from session_operator.resource import Object, SessionStore
from session_operator.schema import with_defaults

from .api import Api, mounted
from .apiserver import OPERATOR, ROOT, ApiServer
from .conftest import operator_in
from .definition import leaves, spec_schema
from .everything import EVERYTHING, served
from .process import PROGRAM
from .test_resource_definition import STORES as CASES

CANARY = "c4nary-passw0rd"
MAIN: Object = {"databases": [{"id": "main", "dsn": {"secretKeyRef": {"name": "chat-main", "key": "dsn"}}}]}
Plan = Callable[..., subprocess.CompletedProcess[str]]


def manifest(**spec: Any) -> str:
    store = {"apiVersion": STORES.api_version, "kind": STORES.name, "metadata": {"name": "chat"}, "spec": MAIN | spec}
    return yaml.safe_dump(store)


def run(*arguments: str, stdin: str, kubeconfig: str = "/nonexistent") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KUBECONFIG": kubeconfig}
    command = [PROGRAM, "plan", "--file=-", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def plan(server: ApiServer, api: Api) -> Plan:
    """Plans the one store in the namespace; nothing that is asked for is written."""

    def ask(*arguments: str, **spec: Any) -> subprocess.CompletedProcess[str]:
        kubeconfig = str(server.kubeconfig())
        return run("--namespace", api.namespace, *arguments, stdin=manifest(**spec), kubeconfig=kubeconfig)

    return ask


async def everything(api: Api) -> list[Object]:
    return [each for kind in (STORES, *OWNED[:4]) for each in await api.list(kind)]


async def test_a_new_store_is_planned_whole_and_nothing_is_written(api: Api, plan: Plan) -> None:
    await api.write_secret("chat-main", dsn=f"postgresql://agno:{CANARY}@db:5432/agno")
    before = await everything(api)

    made = plan(replicas=2)

    assert (made.returncode, made.stderr) == (0, "")
    lines = made.stdout.splitlines()
    assert lines[:2] == [f"SessionStore {api.namespace}/chat", "  database main: Secret chat-main, Resolved"]
    for kind in ("ServiceAccount", "Service", "Deployment", "PodDisruptionBudget"):
        assert f"  + {kind} chat" in lines
    assert lines[-1] == "Pods are started; there are none to restart."
    assert CANARY not in made.stdout
    assert await everything(api) == before


@pytest.mark.usefixtures("operator")
async def test_a_store_as_kubectl_prints_it_is_planned_as_well(api: Api, server: ApiServer) -> None:
    await served(api, replicas=2)
    printed = server.kubectl("get", "sst", "chat", "--namespace", api.namespace, "--output=yaml").stdout

    made = run("--fail-on-restart", stdin=printed, kubeconfig=str(server.kubeconfig()))

    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[0] == f"SessionStore {api.namespace}/chat"
    assert made.stdout.splitlines()[-1] == "Nothing changes."


@pytest.mark.usefixtures("operator")
async def test_the_plan_of_what_is_there_changes_nothing(api: Api, plan: Plan) -> None:
    await served(api, replicas=2)
    before = await everything(api)

    made = plan("--fail-on-restart", replicas=2)

    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1] == "Nothing changes."
    assert await everything(api) == before


CHANGES: dict[str, tuple[Object, str, str, int]] = {
    "a port of the Service": (
        {"service": {"port": 81}},
        "      spec.ports[http].port: 80 -> 81",
        "No pod is restarted.",
        0,
    ),
    "an image": (
        {"image": "registry.example/session:2"},
        "      spec.template.spec.containers[session-service].image: agno-session-service:0.1.0 -> "
        "registry.example/session:2",
        "2 pods are restarted, one after the other, while the others serve.",
        3,
    ),
    "a variable, whose value is not told": (
        {"podTemplate": {"env": [{"name": "TOKEN", "value": CANARY}]}},
        "      spec.template.spec.containers[session-service].env[TOKEN]",
        "2 pods are restarted, one after the other, while the others serve.",
        3,
    ),
}


@pytest.mark.usefixtures("operator")
async def test_a_change_is_named_with_what_it_does_to_pods(api: Api, plan: Plan) -> None:
    deployment = await served(api, replicas=2)

    for what, (spec, line, end, code) in CHANGES.items():
        made = plan("--fail-on-restart", **{"replicas": 2} | spec)
        assert line in made.stdout.splitlines(), what
        assert made.stdout.splitlines()[-1] == end, what
        assert made.returncode == code, what
        assert CANARY not in made.stdout
    assert (await api.until(DEPLOYMENTS, "chat"))["metadata"]["generation"] == deployment["metadata"]["generation"]


async def test_a_rotated_dsn_restarts_pods_and_its_map_is_named_not_told(
    api: Api, server: ApiServer, plan: Plan
) -> None:
    with operator_in(server, api.namespace):
        before = mounted(await served(api, replicas=2))
    await api.write_secret("chat-main", dsn=f"postgresql://agno:{CANARY}@db:5432/agno")

    made = plan("--fail-on-restart", replicas=2)

    assert made.returncode == 3
    assert f"secretName: {before} -> chat-dsn-map-" in made.stdout
    assert CANARY not in made.stdout + made.stderr


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("how", ["apply", "apply --server-side"])
async def test_what_a_store_no_longer_asks_for_is_planned_to_go(
    api: Api, server: ApiServer, plan: Plan, how: str
) -> None:
    await api.write_secret("chat-main", dsn="postgresql://db")
    text = manifest(networkPolicy="Managed")
    applied = server.kubectl(*how.split(), "--namespace", api.namespace, "--filename=-", stdin=text)
    assert applied.returncode == 0, applied.stderr
    await api.until(NETWORK_POLICIES, "chat")
    await api.deployed()

    assert "  - NetworkPolicy chat" in plan().stdout.splitlines()


async def test_what_is_in_the_way_is_said_and_fails(api: Api, plan: Plan) -> None:
    missing = plan()
    await api.write_secret("chat-main", dsn="postgresql://db")
    await api.create(SERVICES, {"metadata": {"name": "chat"}, "spec": {"ports": [{"port": 1}]}})

    assert missing.returncode == 1
    assert "  database main: Secret chat-main does not exist: create it with the key dsn" in missing.stdout.splitlines()
    taken = plan()
    assert taken.returncode == 1
    assert "Service chat exists and does not belong to this store" in taken.stdout


async def test_a_kind_that_the_cluster_lacks_is_not_planned(api: Api, plan: Plan) -> None:
    await api.write_secret("chat-main", dsn="postgresql://db")

    made = plan(httpRoute={"parentRefs": [{"name": "web"}]})

    assert made.returncode == 0, made.stderr
    assert "install the Gateway API" in made.stdout
    assert "HTTPRoute chat" not in made.stdout


async def test_a_paused_store_is_left_alone(api: Api, plan: Plan) -> None:
    await api.write_secret("chat-main", dsn="postgresql://db")

    assert plan(reconciliation="Paused").stdout.splitlines()[-1].startswith("Nothing is applied")


async def test_the_api_server_refuses_with_its_own_words(plan: Plan) -> None:
    refused = plan(replicas=2, autoscaling={"maxReplicas": 3})

    assert refused.returncode == 1
    assert "replicas and autoscaling both say how many pods there are: write one of them" in refused.stderr


def test_without_a_cluster_a_plan_needs_offline() -> None:
    assert run(stdin=manifest()).returncode == 2
    offline = run("--offline", stdin=manifest(replicas=2))

    assert offline.returncode == 0, offline.stderr
    lines = offline.stdout.splitlines()
    assert lines[0] == "SessionStore default/chat"
    assert "  + Secret chat-dsn-map-…" in lines
    assert "  + PodDisruptionBudget chat" in lines
    assert lines[-1].startswith("No cluster was asked")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("a: [", 2, "ParserError"),
        ("a: 1\na: 2", 2, "found a key twice"),
        ("kind: ConfigMap", 1, "there is no SessionStore in it"),
        ("{kind: SessionStore, metadata: {name: chat}}", 1, "a SessionStore needs metadata.name and spec"),
        (manifest(replicsa=2), 1, "spec.replicsa: unknown field"),
        (manifest(service={"type": "Cluster"}), 1, "spec.service.type: must be one of ClusterIP"),
    ],
    ids=["no YAML", "a key twice", "another kind", "no spec", "a typing error", "a value that there is not"],
)
def test_a_file_that_is_wrong_says_what_is(text: str, code: int, says: str) -> None:
    refused = run("--offline", stdin=text)

    assert refused.returncode == code
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr


def test_several_stores_are_planned_beside_other_objects() -> None:
    other = "apiVersion: v1\nkind: Secret\nmetadata: {name: chat-main}\n"
    text = "\n---\n".join((manifest(), other, manifest().replace("name: chat\n", "name: team\n")))

    planned = run("--offline", "--namespace", "agents", stdin=text)

    assert [line for line in planned.stdout.splitlines() if line.startswith("SessionStore")] == [
        "SessionStore agents/chat",
        "SessionStore agents/team",
    ]


@pytest.mark.parametrize("what", CASES["good"])
def test_a_good_store_has_the_defaults_of_the_api_server(server: ApiServer, namespace: str, what: str) -> None:
    spec = CASES["good"][what]
    body = {"apiVersion": STORES.api_version, "kind": STORES.name, "metadata": {"name": "chat"}, "spec": spec}

    created = server.kubectl(
        "create", "--dry-run=server", "--output=json", "--namespace", namespace, "-f-", stdin=json.dumps(body)
    )

    assert with_defaults(spec) == json.loads(created.stdout)["spec"]


def test_everything_that_can_be_asked_for_is_rendered_offline() -> None:
    spec = with_defaults(EVERYTHING)
    store = SessionStore.parse({"metadata": {"name": "c", "namespace": "d", "uid": "", "generation": 1}, "spec": spec})

    planned = run("--offline", stdin=manifest(**EVERYTHING))

    assert planned.stdout.count("\n  + ") == len(render(store, {"main": "postgresql://db"}))
    assert (
        ROOT / "operator/session_operator/sessionstores.yaml"
    ).resolve() == ROOT / "manifests/crd/sessionstores.yaml"


@pytest.mark.parametrize("name", ["../../victim/secrets/x", "..", "a?b=c"])
def test_a_plan_refuses_what_is_no_name(name: str) -> None:
    """Of a pull request, maybe: it must not have this cluster asked for what is elsewhere."""
    odd = {"databases": [{"id": "main", "dsn": {"secretKeyRef": {"name": name, "key": "dsn"}}}]}
    named = yaml.safe_load(manifest()) | {"metadata": {"name": name}}

    for stdin, says in (
        (manifest(**odd), "spec.databases[0].dsn.secretKeyRef.name: must match"),
        (yaml.safe_dump(named), "metadata.name"),
    ):
        result = run("--offline", stdin=stdin)
        assert (result.returncode, "Traceback" in result.stderr) == (1, False)
        assert says in result.stderr
    assert run("--namespace", name, stdin=manifest()).returncode == 2


async def test_a_plan_against_a_definition_of_an_earlier_day_refuses_what_is_no_name(
    server: ApiServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = yaml.safe_load(manifest(databases=[{"id": "main", "dsn": {"secretKeyRef": {"name": "../x", "key": "dsn"}}}]))
    odd["metadata"] |= {"namespace": api.namespace, "uid": "1", "generation": 1}
    monkeypatch.setattr(planning, "_applied", lambda *_: asyncio.sleep(0, odd))
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(OPERATOR)))

    async with Cluster.connect() as cluster:
        with pytest.raises(Refused, match=r"secretKeyRef\.name: must match"):
            await planning.against(cluster, odd)
    assert not [event for event in server.audit(None) if "/../" in event["requestURI"]]


def test_patterns_mean_here_what_they_mean_to_the_api_server() -> None:
    """$ is the end of a text, and nothing else anywhere."""
    patterns = [leaf.schema["pattern"] for leaf in leaves(spec_schema()) if "pattern" in leaf.schema]

    assert patterns
    assert [each for each in patterns if "\\$" in each or "$]" in each or each.count("[$") > 0] == []


@pytest.mark.parametrize(
    "text",
    ["kind: List", "kind: List\nitems: [1]", "kind: SessionStore\nmetadata: [a]\nspec: {}", "[" * 2_000],
    ids=["empty list", "odd list", "odd metadata", "deep"],
)
def test_a_file_that_holds_no_store_is_refused_in_words(text: str) -> None:
    with pytest.raises(Refused):
        stores_in(text, None)
