"""What the API server takes for a SessionStore, what it says of others, and what kubectl tells about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_operator.render import render
from session_operator.resource import SessionStore
from session_service.variables import AUTHENTICATION, DSN_VARIABLES

from .api import Api
from .apiserver import ROOT, ApiServer
from .conftest import operator_in
from .controllers import roll_out
from .stores import store

STORES = yaml.safe_load((Path(__file__).parent / "data" / "stores.yaml").read_text())


def applied(server: ApiServer, namespace: str, spec: Any, name: str = "chat") -> Any:
    store = {
        "apiVersion": "sessionstore.dev/v1alpha1",
        "kind": "SessionStore",
        "metadata": {"name": name},
        "spec": spec,
    }
    return server.kubectl("apply", "--namespace", namespace, "--filename=-", stdin=json.dumps(store))


@pytest.mark.parametrize("what", STORES["good"])
async def test_a_good_store_is_taken_and_keeps_what_it_says(
    server: ApiServer, namespace: str, api: Api, what: str
) -> None:
    spec = STORES["good"][what]

    result = applied(server, namespace, spec)

    assert result.returncode == 0, result.stderr
    got = json.loads(server.kubectl("get", "sst", "chat", "--namespace", namespace, "--output=json").stdout)
    assert within(spec, got["spec"])
    assert len(SessionStore.parse(got).databases) == len(spec["databases"])


@pytest.mark.parametrize("what", STORES["bad"])
def test_a_bad_store_is_refused_with_what_to_write(server: ApiServer, namespace: str, what: str) -> None:
    case = STORES["bad"][what]

    result = applied(server, namespace, case["spec"], case.get("name", "chat"))

    assert result.returncode != 0
    assert case["says"] in result.stderr.replace('\\"', '"')


KEY = {"secretKeyRef": {"name": "chat-auth", "key": "key"}}
SET = {*DSN_VARIABLES, *(variable.name for variable in AUTHENTICATION)} - {"AGNO_OS_ID"}
TOKENS = {
    "algorithm": "RS256",
    "adminScope": "admin",
    "authorization": True,
    "userIsolation": True,
    "verificationKey": KEY,
    "jwks": KEY,
    "jwksUrl": "https://id.example.com/keys",
    "audience": ["chat"],
    "issuer": "chat",
    "databasesClaim": "databases",
}


def rendered_variables(auth: Any) -> set[str]:
    spec = store(auth=auth, cors={"origins": ["https://chat.example"]}, defaultDatabase="main")
    deployment = next(each for each in render(spec, {"main": "postgresql://db"}) if each["kind"] == "Deployment")
    return {each["name"] for each in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}


def test_no_variable_that_the_operator_sets_can_be_set_beside_it(server: ApiServer, namespace: str) -> None:
    by_key = {"securityKey": KEY, "serviceAccounts": {"database": "main", "table": "t", "cacheSeconds": 0}}
    for name in rendered_variables(by_key) | rendered_variables({"jwt": TOKENS}) | SET:
        spec = STORES["good"]["one database"] | {"podTemplate": {"env": [{"name": name, "value": "x"}]}}

        assert f"{name} is set by the operator" in applied(server, namespace, spec).stderr


@pytest.mark.parametrize("sample", sorted((ROOT / "manifests/samples").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_sample_is_taken(server: ApiServer, namespace: str, sample: Path) -> None:
    result = server.kubectl("apply", "--namespace", namespace, "--filename", str(sample))

    assert result.returncode == 0, result.stderr


def test_what_is_left_out_has_the_defaults_that_were_promised(server: ApiServer, namespace: str) -> None:
    applied(server, namespace, STORES["good"]["one database"])

    spec = json.loads(server.kubectl("get", "sst", "chat", "--namespace", namespace, "--output=json").stdout)["spec"]

    assert spec["databases"][0] | {"dsn": None} == {
        "id": "main",
        "dsn": None,
        "schema": "ai",
        "sessionTable": "agno_sessions",
        "runsTable": "agno_runs",
        "pool": {"maxSize": 10},
        "statementTimeoutSeconds": 30,
    }
    del spec["databases"]
    assert spec == {
        "image": "agno-session-service:0.1.0",
        "service": {"type": "ClusterIP", "port": 80},
        "networkPolicy": "None",
        "probes": {
            "startup": {"periodSeconds": 2, "timeoutSeconds": 3, "failureThreshold": 30},
            "liveness": {"periodSeconds": 10, "timeoutSeconds": 3, "failureThreshold": 3},
            "readiness": {"periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 2},
        },
        "resources": {"requests": {"cpu": "100m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "rotation": {"minIntervalSeconds": 0},
        "reconciliation": "Active",
    }


async def test_kubectl_get_shows_whether_a_store_is_ready_its_databases_and_its_pods(
    server: ApiServer, api: Api
) -> None:
    with operator_in(server, api.namespace):
        await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
        dsn = {"secretKeyRef": {"name": "chat-main", "key": "dsn"}}
        await api.write_store(databases=[{"id": "main", "dsn": dsn}, {"id": "archive", "dsn": dsn}], replicas=2)
        await api.deployed()
        await roll_out(api, pods=2)
        await api.until_condition("chat", "Ready", "True", "PodsReady")

    header, row = server.kubectl("get", "agno", "--namespace", api.namespace).stdout.splitlines()

    assert header.split() == ["NAME", "READY", "DATABASES", "REPLICAS", "AGE"]
    assert row.split()[:4] == ["chat", "True", "2/2", "2"]


def fields(schema: Any, path: str) -> list[str]:
    """Every path below a schema, as kubectl explain wants it."""
    found = [path]
    for name, below in schema.get("properties", {}).items():
        found += fields(below, f"{path}.{name}")
    return found + (fields(schema["items"], path)[1:] if "items" in schema else [])


def schema() -> Any:
    crd = yaml.safe_load((ROOT / "manifests/crd/sessionstores.yaml").read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def test_every_field_is_described() -> None:
    def undescribed(part: Any, path: str) -> list[str]:
        below = [(f"{path}.{name}", each) for name, each in part.get("properties", {}).items()]
        below += [(f"{path}[]", part[key]) for key in ("items", "additionalProperties") if key in part]
        return [path] * ("description" not in part) + [hit for name, each in below for hit in undescribed(each, name)]

    assert undescribed(schema(), "sessionstore") == []


def test_no_description_is_cut_off_at_a_comma() -> None:
    def cut_off(part: Any, path: str) -> list[str]:
        below = [(f"{path}.{name}", each) for name, each in part.get("properties", {}).items()]
        below += [(f"{path}[]", part[key]) for key in ("items", "additionalProperties") if key in part]
        stray = [path] * (None in part.values())  # what YAML makes of {description: One, two.}
        return stray + [hit for name, each in below for hit in cut_off(each, name)]

    assert cut_off(schema(), "sessionstore") == []


@pytest.mark.parametrize(
    "field", [field for field in fields(schema()["properties"]["spec"], "sessionstore.spec") if "ffinity." not in field]
)
def test_kubectl_explains_a_field(server: ApiServer, field: str) -> None:
    result = server.kubectl("explain", field)

    assert result.returncode == 0, result.stderr
    assert "DESCRIPTION:\n    <empty>" not in result.stdout


def within(wanted: Any, got: Any) -> bool:
    """Whether all that is wanted is there, besides defaults."""
    if isinstance(wanted, dict):
        return all(key in got and within(value, got[key]) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(wanted) == len(got) and all(map(within, wanted, got))
    return bool(wanted == got)
