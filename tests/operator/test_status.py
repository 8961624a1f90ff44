"""Conditions from what is known, without an API server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from session_operator.reasons import Finding, Reason
from session_operator.reports import Report
from session_operator.resource import Object, SessionStore
from session_operator.sources import resolve
from session_operator.status import applied_generation, begun, refused, report
from session_operator.workload import Workload

from .stores import database, secret, store

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REFUSED = {"main": Report("Refused", "NoSuchDatabase")}
UNREACHABLE = {"main": Report("Unreachable", "ConnectionTimeout")}


def workload(**differing: Any) -> Workload:
    settled: dict[str, Any] = {
        "desired": 2,
        "replicas": 2,
        "ready": 2,
        "updated": 2,
        "rolling": False,
        "stalled": False,
    }
    return Workload(**settled | {"databases": {}} | differing)


def status_of(running: Workload | None, *, of: SessionStore | None = None, found: Any = ..., **more: Any) -> Object:
    of = of or store()
    found = secret(dsn="postgresql://db") if found is ... else found
    resolutions = resolve(of, dict.fromkeys(of.secrets, found))
    told = {"applied": of.generation, "failure": None} | more
    return report(of, resolutions, dsn_map="chat-dsn-map-1", workload=running, now=NOW, **told)


def conditions(status: Object) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


CASES: dict[str, tuple[Workload | None, tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    "no Deployment yet": (None, ("False", "NotDeployed"), ("False", "NotDeployed"), ("False", "AsExpected")),
    "all pods ready": (
        workload(),
        ("True", "PodsReady"),
        ("False", "RolloutComplete"),
        ("False", "AsExpected"),
    ),
    "a rollout": (
        workload(rolling=True, updated=1),
        ("False", "RolloutInProgress"),
        ("True", "RolloutInProgress"),
        ("False", "AsExpected"),
    ),
    "a rollout past its deadline": (
        workload(rolling=True, stalled=True, updated=1),
        ("False", "RolloutStalled"),
        ("False", "RolloutStalled"),
        ("True", "RolloutStalled"),
    ),
    "a rollout that a database refuses": (
        workload(rolling=True, updated=1, databases=REFUSED),
        ("False", "DatabaseRefused"),
        ("False", "DatabaseRefused"),
        ("True", "DatabaseRefused"),
    ),
    "pods lost after the rollout": (
        workload(ready=1),
        ("False", "PodsNotReady"),
        ("False", "RolloutComplete"),
        ("True", "PodsNotReady"),
    ),
    "one database out of reach": (
        workload(databases=UNREACHABLE),
        ("True", "PodsReady"),
        ("False", "RolloutComplete"),
        ("True", "DatabaseUnreachable"),
    ),
    "a rollout during which a database is out of reach": (
        workload(rolling=True, databases=UNREACHABLE),
        ("False", "RolloutInProgress"),
        ("True", "RolloutInProgress"),
        ("True", "DatabaseUnreachable"),
    ),
    "a database that refuses after the rollout, while the others serve": (
        workload(databases=REFUSED),
        ("True", "PodsReady"),
        ("False", "RolloutComplete"),
        ("True", "DatabaseRefused"),
    ),
    "the only database refuses after the rollout": (
        workload(ready=0, databases=REFUSED),
        ("False", "DatabaseRefused"),
        ("False", "DatabaseRefused"),
        ("True", "DatabaseRefused"),
    ),
    "no pods wanted": (
        workload(desired=0, replicas=0, ready=0, updated=0),
        ("False", "ScaledToZero"),
        ("False", "RolloutComplete"),
        ("False", "AsExpected"),
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_what_runs_becomes_conditions(what: str) -> None:
    running, ready, progressing, degraded = CASES[what]

    found = conditions(status_of(running))

    assert (found["Ready"], found["Progressing"], found["Degraded"]) == (ready, progressing, degraded)
    assert found["DatabasesResolved"] == ("True", "AllResolved")
    assert found["Paused"] == ("False", "ReconciliationActive")


def test_a_missing_secret_outweighs_what_runs() -> None:
    found = conditions(status_of(workload(), found=None))

    assert {kind: found[kind] for kind in ("Ready", "Progressing", "Degraded", "DatabasesResolved")} == {
        "Ready": ("False", "SecretMissing"),
        "Progressing": ("False", "SecretMissing"),
        "Degraded": ("True", "SecretMissing"),
        "DatabasesResolved": ("False", "SecretMissing"),
    }


def test_a_refusal_of_the_api_server_is_told_first() -> None:
    failure = Finding(Reason.APPLY_REFUSED, "quota exceeded")

    found = conditions(status_of(workload(), failure=failure))

    assert (found["Ready"], found["Degraded"]) == (("False", "ApplyRefused"), ("True", "ApplyRefused"))


ABSENT = Finding(Reason.GATEWAY_API_MISSING, "install it")


def test_what_the_cluster_has_no_place_for_does_not_keep_a_store_from_being_ready() -> None:
    found = conditions(status_of(workload(), absent=ABSENT))

    assert found["Degraded"] == ("True", "GatewayApiMissing")
    assert (found["Ready"], found["Progressing"]) == (("True", "PodsReady"), ("False", "RolloutComplete"))


def test_what_pods_suffer_from_is_told_before_what_the_cluster_has_no_place_for() -> None:
    found = conditions(status_of(workload(ready=1), absent=ABSENT))

    assert (found["Ready"], found["Degraded"]) == (("False", "PodsNotReady"), ("True", "PodsNotReady"))


def test_every_condition_is_about_the_generation_that_was_read() -> None:
    status = status_of(workload(), of=store(metadata={"generation": 7}))

    assert {status["observedGeneration"], *(each["observedGeneration"] for each in status["conditions"])} == {7}


def test_the_time_of_a_condition_is_that_of_its_last_change() -> None:
    before = status_of(workload(rolling=True))
    earlier = "2025-01-01T00:00:00Z"
    for condition in before["conditions"]:
        condition["lastTransitionTime"] = earlier

    after = status_of(workload(), of=store(status=before))

    times = {each["type"]: each["lastTransitionTime"] for each in after["conditions"]}
    assert times == {
        "Ready": "2026-01-02T03:04:05Z",
        "Progressing": "2026-01-02T03:04:05Z",
        "Degraded": earlier,
        "DatabasesResolved": earlier,
        "Paused": earlier,
        "Applied": earlier,
    }


def test_nothing_new_makes_the_same_status() -> None:
    first = status_of(workload(databases=UNREACHABLE))

    assert status_of(workload(databases=UNREACHABLE), of=store(status=first)) == first


def test_a_message_names_every_database_that_has_no_dsn() -> None:
    status = status_of(None, of=store(database("main"), database("archive")), found=None)

    message = status["conditions"][0]["message"]
    assert "database main: Secret chat-main does not exist" in message
    assert "database archive: Secret chat-archive does not exist" in message


def test_a_database_of_a_pod_that_the_store_does_not_name_is_not_reported() -> None:
    status = status_of(workload(databases={"gone": Report("Serving")}))

    assert [each["id"] for each in status["databases"]] == ["main"]


PAUSED = store(reconciliation="Paused", metadata={"generation": 7})
RUNNING = {
    "pods that are ready": (workload(), ("False", "RolloutComplete"), ("False", "AsExpected")),
    "pods that are not": (workload(ready=1), ("False", "RolloutComplete"), ("True", "PodsNotReady")),
    "a rollout": (workload(rolling=True), ("True", "RolloutInProgress"), ("False", "AsExpected")),
    "a stalled rollout": (
        workload(rolling=True, stalled=True),
        ("False", "RolloutStalled"),
        ("True", "RolloutStalled"),
    ),
    "nothing": (None, ("False", "NotDeployed"), ("False", "AsExpected")),
}


@pytest.mark.parametrize("what", RUNNING)
@pytest.mark.parametrize("applied", [5, None])
def test_of_a_paused_store_nobody_knows_whether_its_spec_is_ready(what: str, applied: int | None) -> None:
    running, progressing, degraded = RUNNING[what]

    status = status_of(running, of=PAUSED, applied=applied)

    found = conditions(status)
    assert found["Ready"] == ("Unknown", "ReconciliationPaused")
    assert (found["Progressing"], found["Degraded"]) == (progressing, degraded)
    generations = {each["type"]: each.get("observedGeneration") for each in status["conditions"]}
    about_the_spec = dict.fromkeys(("Degraded", "DatabasesResolved", "Paused"), 7)
    assert generations == {"Ready": applied, "Progressing": applied, "Applied": applied or 7} | about_the_spec
    assert status["observedGeneration"] == 7
    assert found["Applied"] == (("True", "SpecApplied") if applied else ("False", "NotApplied"))


def test_a_spec_that_cannot_be_resolved_is_told_of_a_paused_store_and_says_nothing_of_its_rollout() -> None:
    found = conditions(status_of(workload(), of=PAUSED, found=None, applied=5))

    assert found["Progressing"] == ("False", "RolloutComplete")
    assert (found["Degraded"], found["DatabasesResolved"]) == (("True", "SecretMissing"), ("False", "SecretMissing"))


def test_a_spec_that_is_being_applied_changes_what_is_said_of_readiness_alone() -> None:
    before = status_of(workload(), of=PAUSED, applied=5)

    status = begun(store(metadata={"generation": 8}, status=before), NOW)

    ready, *others = status["conditions"]
    assert (ready["status"], ready["reason"], ready["observedGeneration"]) == ("Unknown", "Reconciling", 8)
    assert others == before["conditions"][1:]
    assert status["observedGeneration"] == 8


@pytest.mark.parametrize("applied", [5, None])
def test_the_generation_that_was_applied_is_remembered(applied: int | None) -> None:
    status = status_of(workload(), of=PAUSED, applied=applied)
    after = refused(begun(store(status=status), NOW), 9, "no such name", NOW)

    assert applied_generation(store(status=after)) == applied
    assert applied_generation(store()) is None


def test_a_status_has_no_field_that_the_first_definition_lacks_for_an_older_one_would_refuse_it_whole() -> None:
    first = "observedGeneration conditions databases availableDatabases dsnMap replicas readyReplicas selector endpoint"

    assert set(status_of(workload())) == set(first.split())
