"""The status of a SessionStore: turns observations into conditions (docs/reference/conditions.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from session_operator.printable import printable
from session_operator.reasons import CONDITIONS, Finding, Reason
from session_operator.render.labels import selector
from session_operator.resource import Object, SessionStore
from session_operator.sources import Resolution
from session_operator.workload import Workload


def report(
    store: SessionStore,
    resolutions: Sequence[Resolution],
    *,
    applied: int | None,
    dsn_map: str | None,
    workload: Workload | None,
    failure: Finding | None,
    absent: Finding | None = None,
    held_until: datetime | None = None,
    went_on: bool = False,
    now: datetime,
) -> Object:
    """The whole status. A condition whose status did not change keeps its transition time.

    `applied` is the generation of the spec that was applied last. `failure` says why the spec is not applied, `absent`
    names an optional object whose kind the cluster lacks, `held_until` is when newer Secrets reach the pods.
    """
    unresolved = _unresolved(resolutions)
    trouble = failure or unresolved or _trouble(workload)
    held_back = failure or (None if went_on else unresolved) or _trouble(workload)
    # a paused store runs what was applied last, so the current spec delays nothing
    blocking = _blocking(workload, _trouble(workload) if store.paused else held_back)
    trouble = trouble or absent
    progress = _held(store, held_until) if held_until else _progress(workload, blocking)
    spec, runs = store.generation, applied if store.paused else store.generation
    conditions = [
        (runs, *((None, _unapplied(workload, applied)) if store.paused else _ready(workload, blocking))),
        (runs, progress.reason in (Reason.ROLLOUT_IN_PROGRESS, Reason.ROTATION_DELAYED), progress),
        (spec, trouble is not None, trouble or Finding(Reason.AS_EXPECTED, "nothing is wrong")),
        (spec, unresolved is None, unresolved or _all_resolved(resolutions)),
        (spec, store.paused, _paused(store)),
        (applied or spec, applied is not None, _applied(applied)),
    ]
    before = {condition["type"]: condition for condition in store.status.get("conditions", ())}
    databases = [_database(resolution, workload) for resolution in resolutions]
    status: Object = {
        "observedGeneration": store.generation,
        "conditions": [
            _condition(kind, holds, finding, generation, before.get(kind), now)
            for kind, (generation, holds, finding) in zip(CONDITIONS, conditions, strict=True)
        ],
        "databases": databases,
        "availableDatabases": f"{sum(map(_available, databases))}/{len(databases)}",
        "replicas": workload.replicas if workload else 0,
        "readyReplicas": workload.ready if workload else 0,
        "selector": ",".join(f"{name}={value}" for name, value in sorted(selector(store).items())),
        "endpoint": store.endpoint,
    }
    return status | ({"dsnMap": dsn_map} if dsn_map else {})


def begun(store: SessionStore, now: datetime) -> Object:
    """The status while a changed spec is not applied yet: it no longer reports the state of the spec before."""
    finding = Finding(Reason.RECONCILING, f"the spec of generation {store.generation} is being applied")
    conditions = [
        _condition("Ready", None, finding, store.generation, condition, now)
        if condition["type"] == "Ready"
        else condition
        for condition in store.status["conditions"]
    ]
    return {**store.status, "observedGeneration": store.generation, "conditions": conditions}


def refused(status: Object, generation: int, message: str, now: datetime) -> Object:
    """The status of a store whose spec is refused; conditions about running pods stay."""
    before = {condition["type"]: condition for condition in status.get("conditions", ())}
    finding = Finding(Reason.SPEC_REFUSED, message)
    holds = {"Ready": False, "Progressing": False, "Degraded": True}
    said = (kind for kind in CONDITIONS if kind != "Applied")
    conditions = [_condition(kind, holds.get(kind), finding, generation, before.get(kind), now) for kind in said]
    conditions += [before["Applied"]] if "Applied" in before else []
    return {**status, "observedGeneration": generation, "conditions": conditions}


def applied_generation(store: SessionStore) -> int | None:
    """The generation of the spec that was applied last, as the status records it."""
    # In a condition: if the CRD is older than the operator, a new field makes the API server refuse the whole status
    conditions = store.status.get("conditions", ())
    return next((each["observedGeneration"] for each in conditions if each["reason"] == Reason.SPEC_APPLIED), None)


def is_reported(store: SessionStore) -> bool:
    """Whether the status reports the current spec as applied."""
    conditions = {each["type"]: each for each in store.status.get("conditions", ())}
    ready = conditions.get("Ready", {})
    return bool(ready.get("observedGeneration") == store.generation and ready["reason"] != Reason.RECONCILING)


def _unresolved(resolutions: Sequence[Resolution]) -> Finding | None:
    failed = [resolution for resolution in resolutions if not resolution.resolved]
    if not failed:
        return None
    return Finding(Reason(failed[0].state), "; ".join(f"database {r.database.id}: {r.message}" for r in failed))


def _all_resolved(resolutions: Sequence[Resolution]) -> Finding:
    return Finding(Reason.ALL_RESOLVED, f"{len(resolutions)} of {len(resolutions)} databases have a DSN")


def _trouble(workload: Workload | None) -> Finding | None:
    """The gravest problem of the running pods, None if there is none."""
    if workload is None:
        return None
    refused = _named(workload, "Refused")
    serving = f"; {workload.ready} ready pods keep serving" if workload.ready else ""
    if refused:
        return Finding(Reason.DATABASE_REFUSED, f"refused by {refused}{serving}")
    if workload.stalled:
        why = workload.pod_failure or _keyless(workload) or "new pods do not become ready"
        return Finding(Reason.ROLLOUT_STALLED, f"the rollout stalled: {why}{serving}")
    if not workload.rolling and workload.ready < workload.desired:
        unreachable = _named(workload, "Unreachable")
        why = workload.pod_failure or _keyless(workload) or unreachable or "see the events of the pods"
        return Finding(Reason.PODS_NOT_READY, f"{workload.ready} of {workload.desired} pods are ready: {why}")
    if unreachable := _named(workload, "Unreachable"):
        return Finding(Reason.DATABASE_UNREACHABLE, f"unreachable: {unreachable}")
    return None


def _blocking(workload: Workload | None, trouble: Finding | None) -> Finding | None:
    """The problem, if it keeps the store from being ready."""
    return None if trouble and _serves_the_others(workload, trouble) else trouble


def _serves_the_others(workload: Workload | None, trouble: Finding) -> bool:
    """Whether only some databases have the problem: pods are ready while one of their databases serves."""
    if workload is None:
        return False
    lost = trouble.reason is Reason.DATABASE_REFUSED and not workload.rolling and workload.ready >= workload.desired
    return lost or trouble.reason is Reason.DATABASE_UNREACHABLE


def _keyless(workload: Workload) -> str:
    return "a pod can't fetch the keys of auth.jwt.jwksUrl" if workload.keyless else ""


def _named(workload: Workload, state: str) -> str:
    named = [
        f"database {database}" + (f" ({report.reason})" if report.reason else "")
        for database, report in sorted(workload.databases.items())
        if report.state == state
    ]
    return ", ".join(named)


def _progress(workload: Workload | None, blocking: Finding | None) -> Finding:
    if blocking is not None and blocking.reason is not Reason.PODS_NOT_READY:
        return blocking
    if workload is None:
        return Finding(Reason.NOT_DEPLOYED, "no Deployment yet")
    if workload.rolling:
        message = f"{workload.updated} of {workload.desired} pods have the newest template, {workload.ready} are ready"
        return Finding(Reason.ROLLOUT_IN_PROGRESS, message)
    return Finding(Reason.ROLLOUT_COMPLETE, "all pods have the newest template")


def _held(store: SessionStore, until: datetime) -> Finding:
    message = (
        f"Secrets roll the pods at most once in {store.rotation_seconds} seconds: the newest ones roll out at "
        f"{_timestamp(until)}"
    )
    return Finding(Reason.ROTATION_DELAYED, message)


def _unapplied(workload: Workload | None, applied: int | None) -> Finding:
    """The Ready condition of a paused store. Its current spec was never applied, even if only `Paused` changed."""
    last = f"the spec of generation {applied} was applied last" if applied else "no spec is known to have been applied"
    pods = f"{workload.ready} of {workload.desired} pods are ready" if workload else "there is no Deployment"
    return Finding(Reason.RECONCILIATION_PAUSED, f"spec.reconciliation is Paused: {last}; {pods}")


def _ready(workload: Workload | None, blocking: Finding | None) -> tuple[bool, Finding]:
    if blocking:
        return False, blocking
    if workload is None:
        return False, Finding(Reason.NOT_DEPLOYED, "no Deployment yet")
    if workload.rolling:
        return False, _progress(workload, None)
    if workload.desired == 0:
        return False, Finding(Reason.SCALED_TO_ZERO, "replicas is 0: no pod serves")
    return True, Finding(Reason.PODS_READY, f"{workload.ready} of {workload.desired} pods are ready")


def _paused(store: SessionStore) -> Finding:
    if store.paused:
        return Finding(Reason.RECONCILIATION_PAUSED, "spec.reconciliation is Paused: objects are left as they are")
    return Finding(Reason.RECONCILIATION_ACTIVE, "spec.reconciliation is Active")


def _applied(generation: int | None) -> Finding:
    if generation is None:
        return Finding(Reason.NOT_APPLIED, "no generation of the spec is known to have been applied")
    return Finding(Reason.SPEC_APPLIED, f"the spec of generation {generation} is applied")


def _database(resolution: Resolution, workload: Workload | None) -> Object:
    database = resolution.database
    entry: Object = {"id": database.id, "source": f"Secret/{database.source.secret}", "state": resolution.state}
    if database.read_only_source:
        entry["readOnlySource"] = f"Secret/{database.read_only_source.secret}"
    if workload and (report := workload.databases.get(database.id)):
        entry["asSeenByPods"] = report.state
        if report.reason:
            entry["reason"] = report.reason
    return entry


def _available(database: Object) -> bool:
    return database["state"] == "Resolved" and database.get("asSeenByPods") not in ("Refused", "Unreachable")


def _condition(
    kind: str, holds: bool | None, finding: Finding, generation: int | None, before: Object | None, now: datetime
) -> Object:
    status = "Unknown" if holds is None else "True" if holds else "False"
    unchanged = before is not None and before["status"] == status
    about = {"observedGeneration": generation} if generation else {}
    return about | {
        "type": kind,
        "status": status,
        "lastTransitionTime": before["lastTransitionTime"] if before and unchanged else _timestamp(now),
        "reason": finding.reason.value,
        "message": printable(finding.message)[:32768],
    }


def _timestamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
