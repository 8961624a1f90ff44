"""Kubernetes Events about a store, which `kubectl describe` shows. A repeated Event is counted, not written again."""

from __future__ import annotations

import hashlib
import logging
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from session_operator.cluster import Cluster
from session_operator.errors import ApiError
from session_operator.kinds import EVENTS, STORES
from session_operator.ownership import Drift
from session_operator.printable import printable
from session_operator.resource import GROUP, MANAGER, Key

logger = logging.getLogger(__name__)

REPEAT_SECONDS = 60
"""A repetition within this time is only counted; the next one that is written carries the count."""
KEPT_SECONDS = 3600
"""How long an API server keeps Events by default."""
_NOTE_BYTES = 1000


@dataclass(frozen=True, slots=True)
class StoreEvent:
    """The content of an Event: `kind` is Normal or Warning, `reason` and `action` are single words."""

    kind: str
    reason: str
    action: str
    note: str

    @classmethod
    def of_drift(cls, kind: str, name: str, drifted: Sequence[Drift]) -> Self:
        """Somebody changed an object of the store, and the operator reverts the change."""
        changes = ", ".join(f"{each.field} by {each.manager or 'somebody who removed it'}" for each in drifted[:5])
        return cls("Warning", "DriftReverted", "Apply", f"{kind} {name}: put back what was changed: {changes}")


def transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[StoreEvent]:
    """The events for a change of status: a delay, Ready, Degraded; one event if two changed for the same reason."""
    known = {(each["type"], each["status"], each["reason"]) for each in before.get("conditions", ())}
    conditions = {each["type"]: each for each in after["conditions"]}
    degraded, ready = conditions["Degraded"], conditions["Ready"]
    if degraded["status"] == "True" and ("Degraded", "True", degraded["reason"]) not in known:
        yield StoreEvent("Warning", degraded["reason"], "Reconcile", degraded["message"])
    delayed = conditions["Progressing"]
    if delayed["reason"] == "RotationDelayed" and ("Progressing", "True", "RotationDelayed") not in known:
        # without the time, which would make each of them a new Event
        yield StoreEvent("Normal", delayed["reason"], "Reconcile", delayed["message"].partition(": ")[0])
    told = degraded["status"] == "True" and ready["reason"] == degraded["reason"]
    if not told and ("Ready", ready["status"], ready["reason"]) not in known:
        yield StoreEvent("Normal", ready["reason"], "Reconcile", ready["message"])


@dataclass(slots=True)
class _Record:
    count: int
    written: float


class Recorder:
    """Writes Events about stores. If an Event cannot be written, reconciling continues."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._records: dict[str, _Record] = {}

    async def record(self, store: Key, uid: str, event: StoreEvent) -> None:
        """Write an Event, or increase its count if the same one was written within the hour."""
        what = f"{uid} {event.kind} {event.reason} {event.note}"
        name = f"{store.name}.{hashlib.sha256(what.encode()).hexdigest()[:16]}"
        now = time.monotonic()
        self._records = {k: v for k, v in self._records.items() if now - v.written < KEPT_SECONDS}
        record = self._records.get(name)
        if record is not None:
            record.count += 1
            if now - record.written < REPEAT_SECONDS:
                return
        try:
            if record is None:
                record = self._records[name] = _Record(1, now)
                await self._cluster.create(EVENTS, _event(store, uid, event, name))
            else:
                record.written = now
                series = {"count": record.count, "lastObservedTime": _micro_time()}
                await self._cluster.merge(EVENTS, store.namespace, name, {"series": series})
        except ApiError as error:
            if error.status == 409:  # written before the operator was restarted
                return
            logger.warning("%s: event %s: %s", store, event.reason, error)


def _event(store: Key, uid: str, event: StoreEvent, name: str) -> dict[str, Any]:
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.name,
        "metadata": {"name": name, "namespace": store.namespace},
        "eventTime": _micro_time(),
        "reportingController": f"{GROUP}/{MANAGER}",
        "reportingInstance": socket.gethostname()[:128],
        "regarding": {
            "apiVersion": STORES.api_version,
            "kind": STORES.name,
            "namespace": store.namespace,
            "name": store.name,
            "uid": uid,
        },
        "type": event.kind,
        "reason": event.reason,
        "action": event.action,
        "note": printable(event.note).encode()[:_NOTE_BYTES].decode(errors="ignore"),
    }


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
