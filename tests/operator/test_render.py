"""What a store is rendered into, without an API server."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_operator.render import render
from session_operator.resource import Object

from .stores import database, store

DSNS = {"main": "postgresql://main", "archive": "postgresql://archive"}


def rendered(*databases: Object, **more: Any) -> dict[str, Object]:
    return {each["kind"]: each for each in render(store(*databases, **more), DSNS)}


def dsn_map(objects: dict[str, Object]) -> Any:
    return json.loads(base64.b64decode(objects["Secret"]["data"]["dsn-map.json"]))


def pod(objects: dict[str, Object]) -> Any:
    return objects["Deployment"]["spec"]["template"]["spec"]


def test_the_dsn_map_keeps_the_order_of_databases_and_their_options() -> None:
    written = dsn_map(rendered(database("main", pool={"maxSize": 3}), database("archive", schema="old")))

    assert list(written) == ["main", "archive"]
    assert written["main"] == {
        "dsn": "postgresql://main",
        "schema": "ai",
        "sessionTable": "agno_sessions",
        "runsTable": "agno_runs",
        "pool": {"maxSize": 3},
        "statementTimeoutSeconds": 30,
    }
    assert written["archive"]["schema"] == "old"


def test_the_dsn_map_is_named_by_its_content() -> None:
    first = rendered()["Secret"]["metadata"]["name"]

    assert first.startswith("chat-dsn-map-")
    assert rendered()["Secret"]["metadata"]["name"] == first
    assert rendered(replicas=9)["Secret"]["metadata"]["name"] == first
    assert rendered(database(schema="other"))["Secret"]["metadata"]["name"] != first
    assert rendered(metadata={"uid": "other"})["Secret"]["metadata"]["name"] != first


def test_the_pods_mount_the_dsn_map_and_are_told_where() -> None:
    objects = rendered(defaultDatabase="main")
    (container,) = pod(objects)["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}

    assert pod(objects)["volumes"][0]["secret"]["secretName"] == objects["Secret"]["metadata"]["name"]
    assert container["volumeMounts"][0]["mountPath"] == "/etc/session-service"
    assert environment == {
        "AGNO_SESSION_DSN_MAP_FILE": "/etc/session-service/dsn-map.json",
        "AGNO_SERVICE_HOST": "0.0.0.0",
        "AGNO_SERVICE_PORT": "8080",
        "AGNO_DEFAULT_DB_ID": "main",
    }


def test_the_probes_ask_the_paths_that_were_agreed() -> None:
    (container,) = pod(rendered())["containers"]

    assert {
        name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")
    } == {
        "startupProbe": "/healthz/startup",
        "livenessProbe": "/healthz",
        "readinessProbe": "/healthz/ready",
    }


def test_no_pod_serves_less_during_a_rollout() -> None:
    strategy = rendered()["Deployment"]["spec"]["strategy"]

    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def test_without_replicas_the_deployment_names_none() -> None:
    assert "replicas" not in rendered()["Deployment"]["spec"]
    assert rendered(replicas=0)["Deployment"]["spec"]["replicas"] == 0


def test_a_service_named_agno_cannot_move_the_service_to_another_port() -> None:
    assert pod(rendered())["enableServiceLinks"] is False


def test_what_a_user_adds_to_the_pods_is_there_beside_the_labels_of_the_operator() -> None:
    scheduling = {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "high",
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
        "affinity": {"podAntiAffinity": {}},
    }
    extra = {"labels": {"team": "search"}, "annotations": {"linkerd.io/inject": "enabled"}}
    objects = rendered(
        podTemplate=scheduling | {"metadata": extra},
        imagePullPolicy="Always",
        imagePullSecrets=[{"name": "registry"}],
    )
    metadata = objects["Deployment"]["spec"]["template"]["metadata"]

    assert {name: pod(objects)[name] for name in scheduling} == scheduling
    assert metadata["annotations"] == extra["annotations"]
    assert metadata["labels"]["team"] == "search"
    assert metadata["labels"].items() >= objects["Deployment"]["spec"]["selector"]["matchLabels"].items()
    assert pod(objects)["containers"][0]["imagePullPolicy"] == "Always"
    assert pod(objects)["imagePullSecrets"] == [{"name": "registry"}]


def test_the_pods_meet_the_restricted_pod_security_standard() -> None:
    template = pod(rendered())
    (container,) = template["containers"]

    assert template["automountServiceAccountToken"] is False
    assert template["securityContext"]["runAsNonRoot"] is True
    assert template["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


names = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8)
databases = st.lists(names, min_size=1, max_size=5, unique=True).map(lambda ids: [database(each) for each in ids])


@given(
    databases=databases,
    replicas=st.none() | st.integers(0, 9),
    port=st.integers(1, 65535),
    annotations=st.dictionaries(names, names),
    labels=st.dictionaries(names, names),
)
def test_the_same_store_becomes_the_same_bytes_with_nothing_empty_in_them(
    databases: list[Object], replicas: int | None, port: int, annotations: dict[str, str], labels: dict[str, str]
) -> None:
    spec: Object = {"service": {"type": "ClusterIP", "port": port}, "podTemplate": {"metadata": {"labels": labels}}}
    spec |= {} if replicas is None else {"replicas": replicas}
    dsns = {each["id"]: "postgresql://x" for each in databases}

    first = json.dumps(render(store(*databases, **spec), dsns))
    again = json.dumps(render(store(*databases, metadata={"annotations": annotations}, **spec), dsns))

    assert first == again
    assert empty_parts(json.loads(first)) == []


def empty_parts(part: Any, path: str = "") -> list[str]:
    """Nulls and empty lists and objects: GitOps tools see a difference where the API server drops them."""
    if part is None or part in ([], {}):
        return [path]
    below = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [hit for name, each in below for hit in empty_parts(each, f"{path}.{name}")]


@pytest.mark.parametrize("kind", ["ServiceAccount", "Secret", "Service", "Deployment"])
def test_every_object_is_owned_by_its_store_and_can_be_found_by_labels(kind: str) -> None:
    metadata = rendered()[kind]["metadata"]

    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("SessionStore", "chat", "6f9d", True)
    assert metadata["labels"] == {
        "app.kubernetes.io/name": "agno-session",
        "app.kubernetes.io/instance": "chat",
        "app.kubernetes.io/managed-by": "session-operator",
    }
