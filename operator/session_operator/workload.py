"""What runs: the state of a rollout, and each database as the pods see it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from session_operator.render.pod import CONTAINER, mounted_map
from session_operator.resource import Object

_GRAVITY = ("Serving", "Untried", "Unreachable", "Refused")
_WAITING_IS_FAILURE = frozenset(
    {"CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImagePull", "ImagePullBackOff",
     "ErrImageNeverPull", "InvalidImageName", "RunContainerError"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sight:
    """A database as a pod sees it: Serving, Untried, Unreachable or Refused, and the pod's one word why."""

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """The Deployment of a store and its pods at one moment."""

    desired: int
    replicas: int
    ready: int
    updated: int
    rolling: bool
    stalled: bool
    databases: Mapping[str, Sight]
    pod_failure: str = ""


def workload(deployment: Object, pods: Sequence[Object], answers: Mapping[str, Any]) -> Workload:
    """Read a Deployment and its pods; `answers` holds by pod name what a pod's /healthz/ready said, if it was asked.

    Only pods with the newest DSN map tell of databases: what those before them see says nothing of its DSNs.
    """
    newest = mounted_map(deployment["spec"]["template"])
    telling = [pod for pod in pods if mounted_map(pod) == newest and "deletionTimestamp" not in pod["metadata"]]
    status = deployment.get("status", {})
    progressing: Object = next((c for c in status.get("conditions", ()) if c["type"] == "Progressing"), {})
    current = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    failures = [failure for pod in pods if (failure := _pod_failure(pod))]
    return Workload(
        desired=deployment["spec"]["replicas"],
        replicas=status.get("replicas", 0),
        ready=status.get("readyReplicas", 0),
        updated=status.get("updatedReplicas", 0),
        rolling=not current or progressing.get("reason") != "NewReplicaSetAvailable",
        stalled=current and progressing.get("reason") == "ProgressDeadlineExceeded",
        databases=_worst(_report(pod, answers) for pod in telling),
        pod_failure=failures[0] if failures else "",
    )


def health_url(pod: Object) -> str | None:
    """Where to ask a pod for its databases, None while it has no address or runs nothing."""
    address = pod.get("status", {}).get("podIP")
    if not address or pod["status"].get("phase") != "Running" or "deletionTimestamp" in pod["metadata"]:
        return None
    host = f"[{address}]" if ":" in address else address
    container = next(c for c in pod["spec"]["containers"] if c["name"] == CONTAINER)
    return f"http://{host}:{container['ports'][0]['containerPort']}/healthz/ready"


def _report(pod: Object, answers: Mapping[str, Any]) -> Mapping[str, Sight]:
    """What a pod says now, else why its container was stopped, if it has not come up since."""
    answer = answers.get(pod["metadata"]["name"])
    if answer is None:
        for container in _containers(pod):
            if not container.get("ready"):
                answer = answer or _last_words(container)
    return _sights(answer)


def _last_words(container: Mapping[str, Any]) -> Any:
    # The kubelet kills a container whose startup probe fails; what it wrote to /dev/termination-log stays
    for state in (container.get("state", {}), container.get("lastState", {})):
        message = state.get("terminated", {}).get("message")
        if message:
            try:
                return json.loads(message)
            except ValueError:
                continue
    return None


def _sights(answer: Any) -> Mapping[str, Sight]:
    # A pod's word goes into the status: only the shape of docs/reference is believed, and single words of it
    if not isinstance(answer, dict) or not isinstance(answer.get("databases"), list):
        return {}
    return {
        str(item["id"]): Sight(str(item["state"]).capitalize(), _word(item.get("reason")))
        for item in answer["databases"]
        if isinstance(item, dict) and "id" in item and str(item.get("state")).capitalize() in _GRAVITY
    }


def _word(reason: Any) -> str:
    return reason if isinstance(reason, str) and reason.isalnum() and len(reason) <= 64 else ""


def _worst(reports: Iterable[Mapping[str, Sight]]) -> Mapping[str, Sight]:
    worst: dict[str, Sight] = {}
    for report in reports:
        for database, sight in report.items():
            known = worst.get(database)
            if known is None or _rank(sight) > _rank(known):
                worst[database] = sight
    return worst


def _rank(sight: Sight) -> tuple[int, str]:
    return _GRAVITY.index(sight.state), sight.reason


def _containers(pod: Object) -> Sequence[Mapping[str, Any]]:
    statuses: Sequence[Mapping[str, Any]] = pod.get("status", {}).get("containerStatuses", ())
    return statuses


def _pod_failure(pod: Object) -> str:
    for container in _containers(pod):
        reason = container.get("state", {}).get("waiting", {}).get("reason")
        if reason in _WAITING_IS_FAILURE:
            return f"pod {pod['metadata']['name']}: {reason}"
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"pod {pod['metadata']['name']}: {condition.get('reason', 'Unschedulable')}"
    return ""
