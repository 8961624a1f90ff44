"""kube-score finds nothing critical in what the charts render, but for what is explained here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from . import helm

# Everywhere: the check and why it isn't followed
EXCEPTIONS = {
    "container-image-pull-policy": "a tag is a version, which stays what it is; who moves tags sets image.pullPolicy",
    "container-ephemeral-storage-request-and-limit": "the root file system is read-only and no volume is written to",
}
# In some cases only
CLUSTER_CHOOSES = "where runAsUser is null, the cluster has a policy that chooses users, as OpenShift's does"
WITHIN = {
    ("session-operator", "pod-probes-identical"): "no Service leads to the operator: ready tells that it runs, no more",
    ("cluster-chooses-the-user", "container-security-context-user-group-id"): CLUSTER_CHOOSES,
    ("no-limits", "container-resources"): "the case takes the limits away",
}
# A limit of CPU stops an event loop for the rest of each period, while other pods may idle: requests share CPU out
OPTIONS = ("--ignore-container-cpu-limit",)


@pytest.mark.parametrize("case", helm.MATRIX)
def test_nothing_critical_is_found_that_is_not_explained(case: str) -> None:
    objects = helm.rendered(case)
    explained = EXCEPTIONS | {check: why for (part, check), why in WITHIN.items() if part in case.split("/")}

    assert {(kind, check) for kind, check in critical(objects) if check not in explained} == without_policy(objects)


def test_each_exception_is_needed() -> None:
    found = {case: {check for _, check in critical(helm.rendered(case))} for case in helm.MATRIX}

    assert all(any(check in checks for checks in found.values()) for check in EXCEPTIONS)
    for part, check in WITHIN:
        assert all(check in checks for case, checks in found.items() if part in case.split("/"))


def without_policy(objects: list[helm.Object]) -> set[tuple[str, str]]:
    """A NetworkPolicy is an option, for not every network has them enforced, and never for the pod of helm test."""
    policies = {each["kind"] for each in objects} & {"NetworkPolicy"}
    return {(kind, "pod-networkpolicy") for kind in (("Pod",) if policies else ("Pod", "Deployment"))}


def critical(objects: list[helm.Object]) -> Iterator[tuple[str, str]]:
    """The kind of object and the check of each critical finding."""
    command = [helm.PROGRAMS / "kube-score", "score", "--output-format=json", *OPTIONS, "-"]
    text = "\n---\n".join(json.dumps(each) for each in objects)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    scored: list[Any] = json.loads(done.stdout)
    assert {"Deployment", "Pod"} <= {each["type_meta"]["kind"] for each in scored}
    for each in scored:
        for check in each["checks"] or ():
            if check["grade"] == 1 and not check["skipped"]:
                yield each["type_meta"]["kind"], check["check"]["id"]
