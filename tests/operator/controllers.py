"""What the Deployment controller and the kubelet would write: no such program runs beside the API server here."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from session_operator.kinds import DEPLOYMENTS, PODS, REPLICA_SETS
from session_operator.resource import Object

from .api import Api


async def roll_out(api: Api, name: str = "chat", *, pods: int = 1) -> Object:
    """The newest template has all its pods, and they are ready."""
    deployment = await api.until(DEPLOYMENTS, name)
    await replica_set(api, deployment)
    return await _status(api, deployment, pods, pods, reason="NewReplicaSetAvailable")


async def begin_rollout(api: Api, name: str = "chat", *, old: int = 1, reason: str = "ReplicaSetUpdated") -> Object:
    """The newest template has one pod that is not ready, beside the old ones that are."""
    deployment = await api.until(DEPLOYMENTS, name)
    await replica_set(api, deployment)
    return await _status(api, deployment, old + 1, old, reason=reason, updated=1)


async def replica_set(api: Api, deployment: Object) -> Object:
    digest = hashlib.sha256(json.dumps(deployment["spec"]["template"]).encode()).hexdigest()[:10]
    name = f"{deployment['metadata']['name']}-{digest}"
    if existing := await api.get(REPLICA_SETS, name):
        return existing
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    body = {
        "metadata": {"name": name, "labels": labels, "ownerReferences": controlled_by(deployment)},
        "spec": {"selector": deployment["spec"]["selector"], "template": deployment["spec"]["template"]},
    }
    return await api.create(REPLICA_SETS, body)


async def pod(
    api: Api, deployment: Object, name: str, *, ready: bool, last_words: Any = None, address: str = "", port: int = 8080
) -> None:
    """A pod of the template; `last_words` is what its stopped container left in /dev/termination-log."""
    template = deployment["spec"]["template"]
    container = template["spec"]["containers"][0]
    container = container | {"ports": [container["ports"][0] | {"containerPort": port}]}
    owner = await replica_set(api, deployment)
    await create_pod(api, name, controlled_by(owner), template, container)
    await run_pod(api, name, container, ready=ready, last_words=last_words, address=address)


def controlled_by(owner: Object) -> list[Object]:
    """The owner references of what an object controls."""
    named = {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True} | named]


async def create_pod(api: Api, name: str, owners: list[Object], template: Object, container: Object) -> Object:
    """A pod that no kubelet has seen."""
    metadata = {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": owners}
    return await api.create(PODS, {"metadata": metadata, "spec": template["spec"] | {"containers": [container]}})


async def run_pod(
    api: Api, name: str, container: Object, *, ready: bool, last_words: Any = None, address: str = ""
) -> None:
    """What the kubelet says of a pod that runs."""
    status: Object = {"name": container["name"], "image": "i", "imageID": "i", "ready": ready, "restartCount": 0}
    status["state"] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    if last_words is not None:
        terminated = {"exitCode": 1, "message": json.dumps(last_words), "containerID": "containerd://0"}
        status["lastState"] = {"terminated": terminated}
    patch: Object = {"phase": "Running", "containerStatuses": [status]}
    if address:
        patch |= {"podIP": address, "podIPs": [{"ip": address}]}
    await api.edit(PODS, name, {"status": patch}, subresource="status")


async def _status(
    api: Api, deployment: Object, pods: int, ready: int, *, reason: str, updated: int | None = None
) -> Object:
    progressing = {
        "type": "Progressing",
        "status": "False" if reason == "ProgressDeadlineExceeded" else "True",
        "reason": reason,
        "message": "",
        "lastUpdateTime": "2026-01-01T00:00:00Z",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": pods,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": pods if updated is None else updated,
        "conditions": [progressing],
    }
    name = deployment["metadata"]["name"]
    return await api.edit(DEPLOYMENTS, name, {"status": status}, subresource="status")
