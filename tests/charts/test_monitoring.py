"""What the charts make for Prometheus and Grafana where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import helm

MONITORING = helm.ROOT / "manifests/monitoring"
CASES = ("agno-session/monitoring", "session-operator/monitoring")


def files(case: str, pattern: str) -> list[Path]:
    """Those that a chart hands on: the operator's chart has all, for the services are its own."""
    of_it = "session-service" if case.startswith("agno-session/") else ""
    return [file for file in sorted(MONITORING.glob(pattern)) if file.name.startswith(of_it)]


@pytest.mark.parametrize("case", CASES)
def test_prometheus_is_led_to_each_pod_once(case: str) -> None:
    objects = helm.rendered(case)
    monitor = helm.one(objects, "ServiceMonitor")
    chosen = monitor["spec"]["selector"]["matchLabels"].items()
    (service,) = (
        each for each in objects if each["kind"] == "Service" and chosen <= each["metadata"]["labels"].items()
    )
    pod = helm.one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    (endpoint,) = monitor["spec"]["endpoints"]

    assert service["metadata"]["name"].endswith("-metrics")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"].items() <= pod.items()
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


@pytest.mark.parametrize("case", CASES)
def test_a_network_policy_lets_prometheus_in(case: str) -> None:
    chart = case.split("/")[0]
    values = yaml.safe_load(helm.MATRIX[case].read_text()) | {"networkPolicy": {"enabled": True}}
    objects = helm.template(chart, values)
    policy = helm.one(objects, "NetworkPolicy")["spec"]
    open_ports = {port["port"] for rule in policy["ingress"] for port in rule["ports"]}
    ports = helm.container(objects)["ports"]
    named = {port["name"]: port["containerPort"] for port in ports}
    targets = {port["targetPort"] for each in objects if each["kind"] == "Service" for port in each["spec"]["ports"]}

    assert {named.get(target, target) for target in targets} <= open_ports


def test_a_port_of_metrics_is_closed_where_nobody_asks_for_them() -> None:
    objects = helm.rendered("agno-session/network-policy")

    assert [rule["ports"] for rule in helm.one(objects, "NetworkPolicy")["spec"]["ingress"]] == [
        [{"port": 8080, "protocol": "TCP"}]
    ]


@pytest.mark.parametrize("case", CASES)
def test_alerts_are_those_of_the_files(case: str) -> None:
    groups: list[Any] = []
    for file in files(case, "rules/*.yaml"):
        groups += yaml.safe_load(file.read_text())["groups"]

    assert helm.one(helm.rendered(case), "PrometheusRule")["spec"]["groups"] == groups


@pytest.mark.parametrize("case", CASES)
def test_dashboards_are_those_of_the_files(case: str) -> None:
    found = {name: json.loads(text) for name, text in helm.one(helm.rendered(case), "ConfigMap")["data"].items()}

    assert found == {file.name: json.loads(file.read_text()) for file in files(case, "dashboards/*.json")}
    assert found


def test_a_grafana_that_looks_for_another_label_is_given_it() -> None:
    labels = {case: helm.one(helm.rendered(case), "ConfigMap")["metadata"]["labels"] for case in CASES}

    assert labels["session-operator/monitoring"]["grafana_dashboard"] == "1"
    assert "grafana_dashboard" not in labels["agno-session/monitoring"]
    assert labels["agno-session/monitoring"]["dashboards"] == "mine"


@pytest.mark.parametrize("case", CASES)
def test_a_package_holds_what_the_chart_reads(case: str, tmp_path: Path) -> None:
    chart = case.split("/")[0]
    packed = helm.run("package", helm.CHARTS / chart, "--destination", tmp_path)
    assert packed.returncode == 0, packed.stderr
    (archive,) = tmp_path.glob("*.tgz")

    done = helm.run("template", "chat", archive, "--namespace", helm.NAMESPACE, "--values", helm.MATRIX[case])

    assert done.returncode == 0, done.stderr
    assert [each for each in yaml.safe_load_all(done.stdout) if each] == helm.rendered(case)
