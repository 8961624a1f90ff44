"""What the chart agno-session makes of its values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_operator.render.deployment import deployment
from session_operator.render.labels import selector
from session_service.settings import Settings
from session_service.variables import DSN_VARIABLES, VARIABLES
from tests.operator.stores import store

from . import helm

CASES = [case for case in helm.MATRIX if case.startswith("agno-session/")]
KEYS = {"OS_SECURITY_KEY", "JWT_VERIFICATION_KEY", "AGNO_LOG_KEY"}
DSN_FILES = {"AGNO_SESSION_DSN_MAP_FILE", "AGNO_PG_DSN_FILE"}
DSN = "postgresql://agno:secret@db:5432/agno"


@pytest.mark.parametrize("case", CASES)
def test_the_service_knows_each_variable_and_reads_its_value(case: str, tmp_path: Path) -> None:
    environment = environment_of(case, tmp_path)

    settings = Settings.load(environment)

    opentelemetrys_own = {name for name in environment if name.startswith("OTEL_")}
    assert set(environment) - opentelemetrys_own <= {variable.name for variable in VARIABLES}
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)


@pytest.mark.parametrize(
    ("case", "enforced", "isolated"),
    [
        ("key-and-tokens", True, True),
        ("token-jwks", True, True),
        ("token-secret", True, True),
        ("token-url", True, True),
        ("tokens-turned-off", False, False),
        ("security-key", False, False),
        ("one-database", False, False),
    ],
)
def test_a_key_for_tokens_is_safe_unless_scopes_and_isolation_are_turned_off(
    case: str, enforced: bool, isolated: bool, tmp_path: Path
) -> None:
    auth = Settings.load(environment_of(f"agno-session/{case}", tmp_path)).auth

    assert (auth.enforces_scopes, auth.isolates_users) == (enforced, isolated)
    assert auth.required == (case != "one-database")


def test_a_large_number_stays_one() -> None:
    """Helm reads numbers as floating point, and would write 1.23456789e+08."""
    environment = helm.container(helm.rendered("agno-session/logs-and-proxies"))["env"]

    assert {"name": "AGNO_MAX_BODY_BYTES", "value": "123456789"} in environment
    assert {"name": "AGNO_MAX_CONNECTIONS", "value": "1000"} in environment
    assert {"name": "AGNO_MAX_HEADER_BYTES", "value": "16384"} in environment
    assert {"name": "AGNO_MAX_ANSWER_BYTES", "value": "234567890"} in environment
    assert {"name": "AGNO_COMPRESS_FROM_BYTES", "value": "off"} in environment


@pytest.mark.parametrize("case", CASES)
def test_dsns_are_files_and_keys_come_from_secrets(case: str) -> None:
    variables = helm.container(helm.rendered(case))["env"]
    for variable in variables:
        assert (variable["name"] in KEYS) == ("secretKeyRef" in variable.get("valueFrom", {}))
    assert len({variable["name"] for variable in variables} & DSN_FILES) == 1
    assert not {variable["name"] for variable in variables} & {*DSN_VARIABLES} - DSN_FILES


def test_a_dsn_that_is_written_into_any_value_never_reaches_the_service() -> None:
    values = yaml.safe_load((helm.CHARTS / "agno-session/values.yaml").read_text())
    taken = []

    for place, default in leaves(values):
        written: Any = [DSN] if isinstance(default, list) else DSN
        for name in reversed(place):
            written = {name: written}
        try:
            objects = helm.template("agno-session", merged({"dsn": {"existingSecret": {"name": "chat-main"}}}, written))
        except helm.Refused:
            continue
        taken.append(".".join(place))
        assert "secret@" not in json.dumps(helm.container(objects)["env"]), place

    assert "podAnnotations.any" in taken


@pytest.mark.parametrize("case", CASES)
def test_what_the_service_reads_from_a_file_is_mounted_there(case: str) -> None:
    container = helm.container(helm.rendered(case))
    pod = helm.one(helm.rendered(case), "Deployment")["spec"]["template"]["spec"]
    items = {volume["name"]: volume["secret"]["items"] for volume in pod.get("volumes", ()) if "secret" in volume}
    mounted = {
        f"{mount['mountPath']}/{item['path']}"
        for mount in container.get("volumeMounts", ())
        for item in items.get(mount["name"], ())
    }

    files = {each["value"] for each in container["env"] if each["name"].endswith("_FILE")}

    assert files == mounted


def test_a_pod_is_made_like_those_of_a_session_store() -> None:
    ours = helm.one(helm.rendered("agno-session/many-databases"), "Deployment")["spec"]
    theirs = deployment(store(), "team-databases", None)["spec"]

    def traits(spec: Any) -> Any:
        pod = spec["template"]["spec"]
        container = pod["containers"][0]
        same = ("name", "image", "ports", "securityContext", "startupProbe", "livenessProbe", "readinessProbe")
        return (
            [spec[name] for name in ("strategy", "progressDeadlineSeconds", "revisionHistoryLimit")],
            [pod[name] for name in ("securityContext", "automountServiceAccountToken", "enableServiceLinks")],
            [container[name] for name in (*same, "volumeMounts")],
            [volume["secret"]["defaultMode"] for volume in pod["volumes"]],
        )

    assert traits(ours) == traits(theirs)


@pytest.mark.parametrize("case", CASES)
def test_a_session_store_of_the_same_name_does_not_serve_from_the_pods_of_a_release(case: str) -> None:
    pod = helm.one(helm.rendered(case), "Deployment")["spec"]["template"]["metadata"]["labels"]

    assert not selector(store(metadata={"name": "chat"})).items() <= pod.items()


def grace(spec: Any) -> int:
    seconds: int = spec["template"]["spec"]["terminationGracePeriodSeconds"]
    return seconds


@pytest.mark.parametrize(("drain", "shutdown"), [(5, 15), (60, 15), (60, 100), (0, 1)])
def test_the_operator_gives_a_pod_the_same_time(drain: int, shutdown: int) -> None:
    values = yaml.safe_load(helm.MATRIX["agno-session/one-database"].read_text())
    values |= {"drainSeconds": drain, "shutdownSeconds": shutdown}
    chart = helm.one(helm.template("agno-session", values), "Deployment")["spec"]
    variables = {"AGNO_DRAIN_SECONDS": drain, "AGNO_SHUTDOWN_SECONDS": shutdown}
    env = [{"name": name, "value": str(value)} for name, value in variables.items()]

    assert grace(chart) == grace(deployment(store(podTemplate={"env": env}), "map", None)["spec"])


@pytest.mark.parametrize("case", CASES)
def test_a_pod_has_time_to_drain_and_to_end_its_requests(case: str) -> None:
    ours = helm.one(helm.rendered(case), "Deployment")["spec"]
    value = {each["name"]: each.get("value", "") for each in helm.container(helm.rendered(case))["env"]}

    wanted = int(value["AGNO_DRAIN_SECONDS"]) + int(value["AGNO_SHUTDOWN_SECONDS"])

    assert grace(ours) > wanted
    assert ours["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize("case", CASES)
def test_whatever_chooses_pods_chooses_those_of_the_deployment_and_not_the_smoke_test(case: str) -> None:
    objects = helm.rendered(case)
    spec = helm.one(objects, "Deployment")["spec"]
    selectors = [spec["selector"]["matchLabels"]]
    selectors += [each["spec"]["selector"] for each in objects if each["kind"] == "Service"]
    choosing = {"PodDisruptionBudget": "selector", "NetworkPolicy": "podSelector"}
    selectors += [each["spec"][choosing[each["kind"]]]["matchLabels"] for each in objects if each["kind"] in choosing]
    spread = spec["template"]["spec"].get("topologySpreadConstraints", ())
    labels = spec["template"]["metadata"]["labels"]

    assert all(chosen.items() <= labels.items() for chosen in selectors)
    assert all(each["labelSelector"]["matchLabels"].items() <= labels.items() for each in spread)
    smoke = helm.one(objects, "Pod")["metadata"]["labels"]
    assert not any(chosen.items() <= smoke.items() for chosen in selectors)


@pytest.mark.parametrize("case", CASES)
def test_whatever_leads_to_the_service_names_it_and_its_port(case: str) -> None:
    objects = helm.rendered(case)
    service, *_ = (each for each in objects if each["kind"] == "Service" and each["spec"].get("clusterIP") != "None")
    name, (port,) = service["metadata"]["name"], service["spec"]["ports"]
    backends = {"Ingress": ("service", {"name": "http"}), "HTTPRoute": (None, port["port"])}

    for each in objects:
        if each["kind"] not in backends:
            continue
        below, wanted = backends[each["kind"]]
        for rule in each["spec"]["rules"]:
            found = rule["backendRefs"] if below is None else [p["backend"][below] for p in rule["http"]["paths"]]
            assert all((one["name"], one["port"]) == (name, wanted) for one in found)
    assert port["name"] == "http"
    assert port["targetPort"] in [each["name"] for each in helm.container(objects)["ports"]]
    url = helm.one(objects, "Pod")["spec"]["containers"][0]["args"][1]
    assert url == f"http://{name}:{port['port']}"


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://collector:4318", 4318),
        ("http://collector.tracing.svc/v1", 80),
        ("https://collector.example.com:8443/in", 8443),
        ("https://collector.example.com", 443),
    ],
)
def test_a_network_policy_lets_spans_out_to_their_collector(endpoint: str, port: int) -> None:
    values = yaml.safe_load(helm.MATRIX["agno-session/network-policy"].read_text()) | {"traces": {"endpoint": endpoint}}
    objects = helm.template("agno-session", values)

    *_, last = helm.one(objects, "NetworkPolicy")["spec"]["egress"]

    assert last == {"ports": [{"port": port, "protocol": "TCP"}]}
    assert {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": endpoint} in helm.container(objects)["env"]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://id.example.com/keys?tenant=a:1", 443),
        ("http://dex.auth.svc/keys", 80),
        ("http://dex.auth.svc:5556/keys", 5556),
        ("https://[fd00::1]:8443/keys", 8443),
        ("https://[fd00::1]/keys", 443),
    ],
)
def test_a_network_policy_lets_the_keys_of_a_url_in(url: str, port: int) -> None:
    values = yaml.safe_load(helm.MATRIX["agno-session/network-policy"].read_text())
    objects = helm.template("agno-session", values | {"traces": {"endpoint": ""}, "auth": {"jwt": {"jwksUrl": url}}})

    *_, last = helm.one(objects, "NetworkPolicy")["spec"]["egress"]

    assert last == {"ports": [{"port": port, "protocol": "TCP"}]}
    assert {"name": "AGNO_JWT_JWKS_URL", "value": url} in helm.container(objects)["env"]


def test_an_autoscaler_owns_the_number_of_pods() -> None:
    objects = helm.rendered("agno-session/autoscaling")
    deployment = helm.one(objects, "Deployment")
    autoscaler = helm.one(objects, "HorizontalPodAutoscaler")["spec"]

    assert "replicas" not in deployment["spec"]
    assert autoscaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert autoscaler["metrics"][0]["containerResource"]["container"] == helm.container(objects)["name"]
    assert (autoscaler["minReplicas"], autoscaler["maxReplicas"]) == (3, 20)


@pytest.mark.parametrize("case", CASES)
def test_what_was_written_is_what_is_made(case: str) -> None:
    """Scalars of Kubernetes' own keep their value on the way through the templates."""
    values = yaml.safe_load(helm.MATRIX[case].read_text())
    objects = helm.rendered(case)
    pod = helm.one(objects, "Deployment")["spec"]["template"]["spec"]

    for name in ("nodeSelector", "tolerations", "affinity", "priorityClassName", "imagePullSecrets"):
        assert pod.get(name) == values.get(name)
    if "replicaCount" in values:
        assert helm.one(objects, "Deployment")["spec"]["replicas"] == values["replicaCount"]
    if maximum := values.get("podDisruptionBudget", {}).get("maxUnavailable"):
        assert helm.one(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == maximum
    assert ("runAsUser" in pod["securityContext"]) == (values.get("runAsUser", 10001) is not None)
    kinds = {each["kind"] for each in objects}
    assert ("Ingress" in kinds) == values.get("ingress", {}).get("enabled", False)
    assert ("HTTPRoute" in kinds) == values.get("httpRoute", {}).get("enabled", False)
    monitoring = values.get("monitoring", {})
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert (kind in kinds) == monitoring.get(f"{kind[0].lower()}{kind[1:]}", {}).get("enabled", False)
    assert ("ConfigMap" in kinds) == monitoring.get("dashboards", {}).get("enabled", False)
    assert ("NetworkPolicy" in kinds) == values.get("networkPolicy", {}).get("enabled", False)
    assert ("PodDisruptionBudget" in kinds) == values.get("podDisruptionBudget", {}).get("enabled", True)
    assert ("ServiceAccount" in kinds) == values.get("serviceAccount", {}).get("create", True)


def environment_of(case: str, folder: Path) -> dict[str, str]:
    """The environment of the service, with a DSN in each file and as each key."""
    environment = {each["name"]: each.get("value", DSN) for each in helm.container(helm.rendered(case))["env"]}
    texts = {"AGNO_SESSION_DSN_MAP_FILE": json.dumps({"main": DSN, "archive": DSN}), "AGNO_PG_DSN_FILE": DSN}
    for name in environment.keys() & texts.keys():
        (folder / name).write_text(texts[name])
        environment[name] = str(folder / name)
    return environment


def leaves(values: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is no map and no number, and a place in each map that is empty."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value or {"any": None}, (*above, name))
        elif not isinstance(value, int):  # a flag is one too
            yield (*above, name), value


def merged(values: Any, others: Any) -> Any:
    if not (isinstance(values, dict) and isinstance(others, dict)):
        return others
    return {**values, **{name: merged(values.get(name), value) for name, value in others.items()}}
