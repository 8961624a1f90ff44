"""What the chart session-operator makes of its values, and how a release of it lives on a real API server."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.operator.apiserver import ApiServer

from . import helm

CASES = [case for case in helm.MATRIX if case.startswith("session-operator/")]
OPERATOR = "session-operator"
# Labels that Helm's conventions want on all objects of a release
RELEASE_LABELS = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
}


@pytest.mark.parametrize(
    ("overlay", "values"),
    [
        (".", []),
        ("overlays/cluster-wide", []),
        ("overlays/namespaced", [f"--set=watchNamespaces={{{OPERATOR}}}"]),
    ],
)
def test_the_chart_renders_what_kustomize_renders(overlay: str, values: list[str]) -> None:
    command = [helm.ROOT / ".venv/bin/kubectl", "kustomize", helm.ROOT / "manifests" / overlay]
    built = subprocess.run(command, capture_output=True, text=True, check=True)
    done = helm.run("template", OPERATOR, helm.CHARTS / OPERATOR, "--namespace", OPERATOR, "--skip-tests", *values)

    wanted = comparable(yaml.safe_load_all(built.stdout))
    # Helm has --create-namespace for this one
    assert wanted.pop(("Namespace", OPERATOR))
    found = comparable(yaml.safe_load_all(done.stdout))

    assert found.keys() == wanted.keys()
    for key, each in wanted.items():
        assert found[key] == each, key


def test_the_custom_resource_is_left_when_the_release_goes_unless_told_otherwise() -> None:
    def policy(case: str) -> Any:
        metadata = helm.one(helm.rendered(case), "CustomResourceDefinition")["metadata"]
        return metadata.get("annotations", {}).get("helm.sh/resource-policy")

    assert policy("session-operator/as-it-is") == "keep"
    assert policy("session-operator/crd-goes-with-the-release") is None


def test_the_operator_knows_each_of_its_options() -> None:
    rendered = [helm.container(helm.rendered(case))["args"] for case in CASES]

    assert {command for command, *_ in rendered} == {"run"}
    assert {option.partition("=")[0] for _, *options in rendered for option in options} <= known_options()


def test_options_say_what_the_values_say() -> None:
    assert helm.container(helm.rendered("session-operator/as-it-is"))["args"] == ["run"]
    assert helm.container(helm.rendered("session-operator/two-namespaces"))["args"] == [
        "run",
        "--namespace=team-a",
        "--namespace=team-b",
    ]
    assert helm.container(helm.rendered("session-operator/at-work"))["args"] == [
        "run",
        "--workers=16",
        "--resync=3600",
        "--log-level=debug",
    ]


def test_with_watch_namespaces_the_operator_has_no_rights_elsewhere(server: ApiServer) -> None:
    values = {"crds": {"enabled": False}, "rbac": {"aggregateRoles": False}, "watchNamespaces": ["team-a"]}
    roles = helm.template(OPERATOR, values, "--show-only=templates/rbac.yaml", release="rights")
    objects = {"apiVersion": "v1", "kind": "List", "items": roles}
    kubectl(server, "apply", "--server-side", "--filename=-", stdin=json.dumps(objects))

    def may(verb: str, what: str, namespace: str) -> bool:
        user = f"--as=system:serviceaccount:{helm.NAMESPACE}:rights-session-operator"
        return server.kubectl("auth", "can-i", verb, what, user, "--namespace", namespace).stdout.strip() == "yes"

    eventually(lambda: may("create", "secrets", "team-a"))
    assert may("list", "pods", "team-a")
    assert not may("get", "secrets", "team-b")
    assert not may("get", "secrets", helm.NAMESPACE)
    assert not may("list", "secrets", "")


def test_an_upgrade_upgrades_the_custom_resource_and_uninstalling_leaves_the_stores(
    server: ApiServer, release: str, tmp_path: Path
) -> None:
    changed = tmp_path / OPERATOR
    shutil.copytree(helm.CHARTS / OPERATOR, changed)
    definition = changed / "manifests/crd/sessionstores.yaml"
    definition.write_text(definition.read_text().replace("shortNames: [sst]", "shortNames: [sst, stores]"))
    eventually(lambda: server.kubectl("apply", "--filename=-", stdin=json.dumps(example("kept"))).returncode == 0)

    run(server, "upgrade", release, str(changed), "--namespace", release)
    names = ("get", "crd/sessionstores.sessionstore.dev", "--output=jsonpath={.spec.names.shortNames}")
    assert json.loads(kubectl(server, *names)) == ["sst", "stores"]
    run(server, "uninstall", release, "--namespace", release)

    assert kubectl(server, "get", "sst", "--namespace", helm.NAMESPACE, "--output=name").split() == [
        "sessionstore.sessionstore.dev/kept"
    ]
    gone = ("get", "deployments,serviceaccounts,roles,rolebindings", "--namespace", release, "--output=name")
    assert kubectl(server, *gone) == ""


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        ("agno-session", ["--set=dsn.existingSecret.name=chat-main"]),
        (OPERATOR, ["--set=crds.enabled=false,rbac.aggregateRoles=false"]),
    ],
)
def test_the_notes_name_what_was_installed(server: ApiServer, chart: str, values: list[str]) -> None:
    place = ("--namespace", helm.NAMESPACE)
    notes = run(server, "install", "notes", str(helm.CHARTS / chart), *values, *place).partition("NOTES:\n")[2]
    try:
        named = [word for word in notes.split() if word.startswith(("deployment/", "service/"))]
        assert named
        kubectl(server, "get", *named, *place)
        assert f"helm test notes --namespace {helm.NAMESPACE}\n" in notes
    finally:
        run(server, "uninstall", "notes", *place)


def comparable(objects: Any) -> dict[tuple[str, str], Any]:
    """Objects by kind and name, without what only Helm adds."""
    found = {}
    for each in objects:
        metadata = each["metadata"]
        found[each["kind"], metadata["name"]] = each
        metadata.get("annotations", {}).pop("helm.sh/resource-policy", None)
        labelled = [metadata]
        if each["kind"] == "Deployment":
            template = each["spec"]["template"]
            labelled += [template["metadata"], {"labels": each["spec"]["selector"]["matchLabels"]}]
            spread = template["spec"]["topologySpreadConstraints"]
            labelled += [{"labels": constraint["labelSelector"]["matchLabels"]} for constraint in spread]
            # Kubernetes' default for an image with a tag
            assert template["spec"]["containers"][0].pop("imagePullPolicy", "IfNotPresent") == "IfNotPresent"
        if each["kind"] == "PodDisruptionBudget":
            labelled.append({"labels": each["spec"]["selector"]["matchLabels"]})
        if each["kind"] == "CustomResourceDefinition":
            metadata.get("labels", {}).pop("app.kubernetes.io/name", None)
        for part in labelled:
            for label in RELEASE_LABELS:
                part.get("labels", {}).pop(label, None)
        for name in ("labels", "annotations"):
            if not metadata.get(name, True):
                del metadata[name]
    return found


def known_options() -> set[str]:
    command = helm.ROOT / ".venv/bin/session-operator"
    told = subprocess.run([command, "run", "--help"], capture_output=True, text=True, check=True).stdout
    return {word.strip("[],") for word in told.split() if word.strip("[").startswith("--")}


def example(name: str) -> Any:
    store = yaml.safe_load((helm.ROOT / "manifests/samples/one-database.yaml").read_text())
    store["metadata"] = {"name": name, "namespace": helm.NAMESPACE}
    return store


def kubectl(server: ApiServer, *words: str, stdin: str | None = None) -> str:
    done = server.kubectl(*words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(server: ApiServer, *words: str) -> str:
    done = helm.run(*words, "--kubeconfig", server.kubeconfig())
    assert done.returncode == 0, done.stderr
    return done.stdout


def eventually(happened: Callable[[], bool], seconds: float = 50) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)
