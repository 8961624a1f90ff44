"""The objects that a store asks for beside the ones that it always has."""

from __future__ import annotations

from typing import Any

import pytest

from session_operator.render import render
from session_operator.render.dsn_map import SOURCES_ANNOTATION
from session_operator.resource import Object
from session_service.settings import Settings
from tests.operator.stores import database, store

AUTOSCALING = {"minReplicas": 2, "maxReplicas": 5, "targetCPUUtilizationPercentage": 70}


def rendered(*databases: Object, dsn: str = "postgresql://db:5433/agno", **spec: Any) -> dict[str, Object]:
    dsns = {each["id"]: dsn for each in databases or [database()]}
    return {each["kind"]: each for each in render(store(*databases, **spec), dsns)}


def container(objects: dict[str, Object]) -> Any:
    return objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]


def test_a_store_that_asks_for_nothing_has_nothing_more() -> None:
    assert set(rendered()) == {"ServiceAccount", "Secret", "Service", "Deployment"}


def test_an_autoscaler_says_how_many_pods_there_are_in_place_of_the_deployment() -> None:
    objects = rendered(autoscaling=AUTOSCALING)

    spec = objects["HorizontalPodAutoscaler"]["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)
    (metric,) = spec["metrics"]
    assert metric["containerResource"]["container"] == container(objects)["name"]
    assert metric["containerResource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert "replicas" not in objects["Deployment"]["spec"]


@pytest.mark.parametrize(
    ("spec", "budget"),
    [
        ({}, None),
        ({"replicas": 1}, None),
        ({"replicas": 2}, {"maxUnavailable": 1}),
        ({"autoscaling": AUTOSCALING}, {"maxUnavailable": 1}),
        ({"autoscaling": AUTOSCALING | {"minReplicas": 1}}, None),
        ({"replicas": 3, "podDisruptionBudget": {"minAvailable": "50%"}}, {"minAvailable": "50%"}),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, {"maxUnavailable": 0}),
    ],
    ids=str,
)
def test_several_pods_are_not_all_taken_away_at_once(spec: Object, budget: Object | None) -> None:
    made = rendered(**spec).get("PodDisruptionBudget")

    assert (made is None) == (budget is None)
    if made and budget:
        selector = {"matchLabels": rendered()["Deployment"]["spec"]["selector"]["matchLabels"]}
        assert made["spec"] == {"selector": selector, "unhealthyPodEvictionPolicy": "AlwaysAllow"} | budget


def test_an_ingress_sends_the_path_to_the_service() -> None:
    wanted = {
        "className": "nginx",
        "host": "agents.example.com",
        "path": "/sessions",
        "tls": {"secretName": "agents-tls"},
        "annotations": {"cert-manager.io/cluster-issuer": "ca"},
    }
    ingress = rendered(ingress=wanted)["Ingress"]

    backend = {"service": {"name": "chat", "port": {"name": "http"}}}
    assert ingress["spec"] == {
        "ingressClassName": "nginx",
        "rules": [
            {
                "host": "agents.example.com",
                "http": {"paths": [{"path": "/sessions", "pathType": "Prefix", "backend": backend}]},
            }
        ],
        "tls": [{"hosts": ["agents.example.com"], "secretName": "agents-tls"}],
    }
    assert ingress["metadata"]["annotations"] == wanted["annotations"]


def test_a_route_sends_the_path_to_the_service() -> None:
    wanted = {"parentRefs": [{"name": "web", "namespace": "edge"}], "hostnames": ["a.example"], "path": "/sessions"}
    route = rendered(httpRoute=wanted, service={"type": "ClusterIP", "port": 81})["HTTPRoute"]

    assert route["spec"] == {
        "parentRefs": [{"name": "web", "namespace": "edge"}],
        "hostnames": ["a.example"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/sessions"}}],
                "backendRefs": [{"name": "chat", "port": 81}],
            }
        ],
    }


def test_a_network_policy_lets_requests_in_and_names_and_databases_out() -> None:
    policy = rendered(networkPolicy="Managed")["NetworkPolicy"]["spec"]

    assert policy["podSelector"] == rendered()["Deployment"]["spec"]["selector"]
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": 8080}]}]
    assert policy["egress"] == [
        {"ports": [{"protocol": protocol, "port": port} for protocol in ("UDP", "TCP") for port in (53, 5353)]},
        {"ports": [{"protocol": "TCP", "port": 5433}]},
    ]


def test_annotations_of_the_service_are_on_it_and_on_nothing_else() -> None:
    wanted = {"example.com/internal": "true"}
    objects = rendered(service={"type": "LoadBalancer", "port": 80, "annotations": wanted})

    annotated = {
        kind: each["metadata"]["annotations"] for kind, each in objects.items() if "annotations" in each["metadata"]
    }
    assert annotated.pop("Secret").keys() == {SOURCES_ANNOTATION}  # the operator's own
    assert annotated == {"Service": wanted}


def test_the_service_allows_the_origins_that_the_spec_names() -> None:
    origins = ["https://chat.example.com", "http://localhost:5173"]
    environment = {each["name"]: each["value"] for each in container(rendered(cors={"origins": origins}))["env"]}
    del environment["AGNO_SESSION_DSN_MAP_FILE"]

    assert Settings.load(environment | {"DATABASE_URL": "postgresql://db"}).cors_origins == frozenset(origins)


def test_probes_have_the_timings_of_the_spec() -> None:
    slow = {"periodSeconds": 30, "timeoutSeconds": 9, "failureThreshold": 7}
    made = container(rendered(probes={"startup": slow, "liveness": slow, "readiness": slow}))

    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert made[probe].items() >= slow.items()


def test_what_a_user_adds_to_the_container_follows_what_the_operator_sets() -> None:
    extra = {
        "env": [{"name": "AGNO_DRAIN_SECONDS", "value": "9"}],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    objects = rendered(podTemplate=extra)
    pod = objects["Deployment"]["spec"]["template"]["spec"]

    assert container(objects)["env"][-1:] == extra["env"]
    assert pod["volumes"][-1:] == extra["volumes"]
    assert container(objects)["volumeMounts"][-1:] == extra["volumeMounts"]
    assert pod["volumes"][0]["name"] == "dsn-map"


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, 45),
        ({"AGNO_DRAIN_SECONDS": "60"}, 85),
        ({"AGNO_DRAIN_SECONDS": "60.5", "AGNO_SHUTDOWN_SECONDS": "100"}, 171),
        ({"AGNO_DRAIN_SECONDS": "0", "AGNO_SHUTDOWN_SECONDS": "1"}, 45),
        ({"AGNO_DRAIN_SECONDS": "nan"}, 45),
        ({"AGNO_DRAIN_SECONDS": "soon"}, 45),
        ({"AGNO_DRAIN_SECONDS": "-1"}, 45),
    ],
    ids=str,
)
def test_a_pod_has_the_time_that_its_variables_ask_for(variables: dict[str, str], seconds: int) -> None:
    env = [{"name": name, "value": value} for name, value in variables.items()]
    objects = rendered(podTemplate={"env": env})

    assert objects["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == seconds


@pytest.mark.parametrize(
    ("value", "port"), [("8181", 8181), ("65535", 65535), ("65536", 9090), ("0", 9090), ("off", 9090), ("x", 9090)]
)
def test_monitoring_follows_the_port_of_the_metrics(value: str, port: int) -> None:
    env = [{"name": "AGNO_ADMIN_PORT", "value": value}]
    objects = {
        (each["kind"], each["metadata"]["name"]): each
        for each in render(
            store(monitoring={}, networkPolicy="Managed", podTemplate={"env": env}), {"main": "postgresql://db"}
        )
    }

    ports = container({"Deployment": objects["Deployment", "chat"]})["ports"]
    assert {"name": "metrics", "containerPort": port, "protocol": "TCP"} in ports
    assert objects["Service", "chat-metrics"]["spec"]["ports"][0]["targetPort"] == "metrics"
    (ingress,) = objects["NetworkPolicy", "chat"]["spec"]["ingress"]
    assert {"protocol": "TCP", "port": port} in ingress["ports"]
