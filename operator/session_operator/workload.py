"""What is running: the state of a rollout, and the pods' reports on each database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from session_operator.pods import has_ended
from session_operator.printable import word
from session_operator.render.pod import CONTAINER, mounted_map
from session_operator.reports import Report, keyless, reports, worst
from session_operator.resource import Object

_WAITING_IS_FAILURE = frozenset(
    {"CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImagePull", "ImagePullBackOff",
     "ErrImageNeverPull", "InvalidImageName", "RunContainerError"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workload:
    """The Deployment of a store and its pods at one moment."""

    desired: int
    replicas: int
    ready: int
    updated: int
    rolling: bool
    stalled: bool
    databases: Mapping[str, Report]
    pod_failure: str = ""
    keyless: bool = False


def workload(
    deployment: Object, pods: Sequence[Object], answers: Mapping[str, bytes], databases: Collection[str]
) -> Workload:
    """Evaluate a Deployment and its pods; `answers` holds the /healthz/ready answers of pods, by pod name.

    Only pods with the newest DSN map count for databases, because older pods use older DSNs. Pods that have ended count
    for nothing, and may stay listed for days.
    """
    newest = mounted_map(deployment["spec"]["template"])
    pods = [pod for pod in pods if not has_ended(pod)]
    telling = [pod for pod in pods if mounted_map(pod) == newest]
    status = deployment.get("status", {})
    progressing: Object = next((c for c in status.get("conditions", ()) if c["type"] == "Progressing"), {})
    current = is_seen(deployment)
    failures = [failure for pod in pods if (failure := _pod_failure(pod))]
    return Workload(
        desired=deployment["spec"]["replicas"],
        replicas=status.get("replicas", 0),
        ready=status.get("readyReplicas", 0),
        updated=status.get("updatedReplicas", 0),
        rolling=not current or progressing.get("reason") != "NewReplicaSetAvailable",
        stalled=current and progressing.get("reason") == "ProgressDeadlineExceeded",
        databases=worst(_report(pod, answers, databases) for pod in telling),
        pod_failure=failures[0] if failures else "",
        keyless=any(keyless(answers[name]) for pod in telling if (name := pod["metadata"]["name"]) in answers),
    )


def is_seen(deployment: Object) -> bool:
    """Whether the Deployment controller has seen all of a Deployment."""
    seen: int = deployment.get("status", {}).get("observedGeneration", 0)
    return bool(seen >= deployment["metadata"]["generation"])


def _report(pod: Object, answers: Mapping[str, bytes], databases: Collection[str]) -> Mapping[str, Report]:
    """What a pod reports now; else the termination message of its container, if that has not come up since."""
    name = pod["metadata"]["name"]
    said = [answers[name]] if name in answers else _last_words(pod)
    return next((told for each in said if (told := reports(each, databases))), {})


def _last_words(pod: Object) -> Sequence[str]:
    # The kubelet kills a container whose startup probe fails; its /dev/termination-log stays
    stopped = [each for each in _containers(pod) if each["name"] == CONTAINER and not each.get("ready")]
    states = [each.get(state, {}) for each in stopped for state in ("state", "lastState")]
    return [state["terminated"].get("message", "") for state in states if "terminated" in state]


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
            return f"pod {pod['metadata']['name']}: {word(condition.get('reason')) or 'Unschedulable'}"
    return ""
