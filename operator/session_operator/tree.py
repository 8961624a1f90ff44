"""Prints a store as a tree: its conditions, databases, pods and latest Events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from session_operator.cluster import Cluster
from session_operator.kinds import DEPLOYMENTS, EVENTS, STORES
from session_operator.ownership import is_owned
from session_operator.pods import pods_of
from session_operator.printable import printable
from session_operator.remembered import remembered
from session_operator.render.pod import mounted_map
from session_operator.resource import INSTANCE_LABEL, MANAGED_BY_LABEL, MANAGER, Key, Object

_EVENTS = 10
_LONGEST = 1000
"""Characters of an Event's note. Not only the operator writes Events."""
Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class View:
    """A store and its objects at one moment."""

    store: Object
    deployment: Object | None
    pods: Sequence[Object]
    events: Sequence[Object]

    @property
    def well(self) -> bool:
        """Whether the store is ready with its newest spec and not degraded."""
        status = remembered(self.store.get("status"))
        found = {each["type"]: each["status"] for each in status.get("conditions", ())}
        states, observed = (found.get("Ready"), found.get("Degraded")), status.get("observedGeneration")
        return states == ("True", "False") and observed == self.store["metadata"]["generation"]


async def look(cluster: Cluster, key: Key) -> View | None:
    """Read a store and its objects; None if the store does not exist."""
    store = await cluster.get(STORES, key.namespace, key.name)
    if store is None:
        return None
    uid = store["metadata"]["uid"]
    deployment = await cluster.get(DEPLOYMENTS, key.namespace, key.name)
    if deployment is not None and not is_owned(deployment, uid):
        deployment = None
    selector = f"{INSTANCE_LABEL}={key.name},{MANAGED_BY_LABEL}={MANAGER}"
    pods = await pods_of(cluster, deployment, selector) if deployment else []
    events = [each async for each in cluster.list(EVENTS, key.namespace, fields=f"regarding.uid={uid}")]
    return View(store, deployment, pods, sorted(events, key=_last)[-_EVENTS:])


def text(view: View, now: datetime) -> str:
    """The tree as text, several lines."""
    metadata, status = view.store["metadata"], remembered(view.store.get("status"))
    lines = [f"SessionStore {metadata['namespace']}/{metadata['name']}  {status.get('endpoint', '')}".rstrip()]
    branches = [
        (_generation(metadata, status), [_condition(each, now) for each in status.get("conditions", ())]),
        ("Databases", [_database(each) for each in status.get("databases", ())]),
        (_deployment(view.deployment), [_pod(each, view.deployment) for each in view.pods]),
        ("Events", [_event(each, now) for each in view.events]),
    ]
    for number, (title, rows) in enumerate(branches, 1):
        last = number == len(branches)
        lines.append(("└─ " if last else "├─ ") + title)
        lines += [("   " if last else "│  ") + line for line in _aligned(rows)]
    return "\n".join(map(printable, lines))


def _generation(metadata: Object, status: Object) -> str:
    newest, seen = metadata["generation"], status.get("observedGeneration")
    return "Conditions" if seen == newest else f"Conditions, of generation {seen}: the spec is of {newest}"


def _condition(condition: Object, now: datetime) -> Row:
    since = _age(condition["lastTransitionTime"], now)
    return condition["type"], condition["status"], condition["reason"], since, condition["message"]


def _database(database: Object) -> Row:
    sources = " and ".join(database[name] for name in ("source", "readOnlySource") if name in database)
    return database["id"], sources, database["state"], database.get("asSeenByPods", "-"), database.get("reason", "")


def _deployment(deployment: Object | None) -> str:
    if deployment is None:
        return "No Deployment"
    status = deployment.get("status", {})
    ready = f"{status.get('readyReplicas', 0)} of {deployment['spec'].get('replicas', 1)} pods ready"
    return f"Deployment {deployment['metadata']['name']}, {ready}, Secret {mounted_map(deployment['spec']['template'])}"


def _pod(pod: Object, deployment: Object | None) -> Row:
    containers = pod.get("status", {}).get("containerStatuses", ())
    states = [each.get("state", {}) for each in containers]
    waiting = [state["waiting"].get("reason", "Waiting") for state in states if "waiting" in state]
    ready = bool(containers) and all(each.get("ready") for each in containers)
    restarts = sum(each.get("restartCount", 0) for each in containers)
    newest = deployment is not None and mounted_map(pod) == mounted_map(deployment["spec"]["template"])
    return (
        pod["metadata"]["name"],
        waiting[0] if waiting else pod.get("status", {}).get("phase", "Unknown"),
        "ready" if ready else "not ready",
        f"{restarts} restarts",
        "" if newest else "older DSNs",
    )


def _event(event: Object, now: datetime) -> Row:
    count = event.get("series", {}).get("count", 1)
    said = [event.get(field, "") for field in ("type", "reason", "note")]
    kind, reason, note = (each[:_LONGEST] for each in said)
    return _age(_last(event), now), kind, reason, f"x{count}", note


def _last(event: Object) -> str:
    last: str = event.get("series", {}).get("lastObservedTime") or event.get("eventTime") or ""
    return last or event["metadata"]["creationTimestamp"]


def _age(time: str, now: datetime) -> str:
    try:
        seconds = max(0, int((now - datetime.fromisoformat(time).astimezone(UTC)).total_seconds()))
    except (ValueError, OverflowError):  # an Event may have the year 0, which Kubernetes accepts and Python does not
        return "-"
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _aligned(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        yield "└─ none"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows, 1):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"{'└─' if number == len(rows) else '├─'} {cells}".rstrip()
