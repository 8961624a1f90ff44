"""Monitoring of a store: what it adds, and that without it nothing changes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_operator.render import render
from session_operator.resource import Object
from tests.operator.apiserver import ROOT
from tests.operator.stores import store

MONITORING = {
    "serviceMonitor": {"interval": "30s", "labels": {"release": "prometheus"}},
    "prometheusRule": {"labels": {"release": "prometheus"}},
}
ALERTS = yaml.safe_load((ROOT / "manifests/monitoring/rules/session-service.yaml").read_text())["groups"]


def rendered(**spec: Any) -> dict[tuple[str, str], Object]:
    objects = render(store(**spec), {"main": "postgresql://db"})
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def container(objects: dict[tuple[str, str], Object]) -> Any:
    return objects["Deployment", "chat"]["spec"]["template"]["spec"]["containers"][0]


def test_the_metrics_service_leads_to_the_port_of_metrics_of_each_pod_ready_or_not() -> None:
    objects = rendered(monitoring={})

    spec = objects["Service", "chat-metrics"]["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)
    assert [(port["name"], port["port"]) for port in spec["ports"]] == [("metrics", 9090)]
    ports = {port["name"]: port["containerPort"] for port in container(objects)["ports"]}
    assert ports == {"http": 8080, "metrics": 9090}
    pod = objects["Deployment", "chat"]["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"].items() <= pod.items()
    assert not {"ServiceMonitor", "PrometheusRule"} & {kind for kind, _ in objects}


def test_the_service_monitor_finds_the_metrics_service_and_no_other() -> None:
    objects = rendered(monitoring=MONITORING)
    monitor = objects["ServiceMonitor", "chat"]
    chosen = monitor["spec"]["selector"]["matchLabels"].items()

    found = [
        key for key, each in objects.items() if key[0] == "Service" and chosen <= each["metadata"]["labels"].items()
    ]

    assert found == [("Service", "chat-metrics")]
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "interval": "30s"}]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_a_label_of_the_user_does_not_outweigh_one_of_the_operator() -> None:
    labels = {"app.kubernetes.io/managed-by": "me", "team": "search"}

    made = rendered(monitoring={"prometheusRule": {"labels": labels}})["PrometheusRule", "chat"]["metadata"]["labels"]

    assert (made["team"], made["app.kubernetes.io/managed-by"]) == ("search", "session-operator")


def test_the_alerts_are_those_of_the_project_about_this_store_alone() -> None:
    groups = rendered(monitoring=MONITORING)["PrometheusRule", "chat"]["spec"]["groups"]

    rules = [rule for group in groups for rule in group["rules"]]
    for rule in rules:
        of_metrics = re.findall(r"agno_session_\w+(\{[^}]*\})?", rule["expr"])
        assert of_metrics
        assert all(each.startswith('{namespace="default", job="chat-metrics"') for each in of_metrics)
    widened = json.loads(
        re.sub(r'namespace=\\"default\\", job=\\"chat-metrics\\"(, )?', "", json.dumps(groups)).replace("{}", "")
    )
    assert widened == ALERTS


@pytest.mark.timeout(300, func_only=True)
def test_promtool_accepts_the_alerts_of_a_store(tmp_path: Path) -> None:
    words = [ROOT / "tests/debian.sh", "prometheus", "usr/bin/promtool"]
    promtool = subprocess.run(words, check=True, capture_output=True, text=True, timeout=300).stdout.strip()
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(rendered(monitoring=MONITORING)["PrometheusRule", "chat"]["spec"]))

    checked = subprocess.run([promtool, "check", "rules", rules], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("monitoring", [None, {}], ids=["without", "with"])
def test_the_network_policy_lets_in_to_the_ports_that_there_are(monitoring: Any) -> None:
    spec = {"networkPolicy": "Managed"} | ({} if monitoring is None else {"monitoring": monitoring})
    objects = rendered(**spec)

    (rule,) = objects["NetworkPolicy", "chat"]["spec"]["ingress"]

    assert [port["port"] for port in rule["ports"]] == [port["containerPort"] for port in container(objects)["ports"]]
