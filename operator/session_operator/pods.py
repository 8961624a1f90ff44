"""The pods of a store: those that its Deployment controls. Labels prove nothing, because anybody can set them."""

from __future__ import annotations

from session_operator.cluster import Cluster
from session_operator.kinds import PODS, REPLICA_SETS
from session_operator.ownership import is_owned
from session_operator.render.pod import CONTAINER, MAP_VOLUME, PORT_NAME
from session_operator.resource import Object


async def pods_of(cluster: Cluster, deployment: Object, selector: str) -> list[Object]:
    """List the pods. `selector` only narrows the search; the owner references decide."""
    namespace = deployment["metadata"]["namespace"]
    pods = [of_interest(pod) async for pod in cluster.list(PODS, namespace, selector=selector)]
    if not pods:
        return []
    # after the pods, so that the ReplicaSet of each pod exists
    replica_sets = cluster.list(REPLICA_SETS, namespace, selector=selector, metadata_only=True)
    owners = [each["metadata"]["uid"] async for each in replica_sets if is_owned(each, deployment["metadata"]["uid"])]
    return [pod for pod in pods if any(is_owned(pod, owner) for owner in owners)]


def of_interest(pod: Object) -> Object:
    """The part of a pod that the operator uses. Whole pods may be large, and there may be a thousand."""
    containers, volumes = pod["spec"]["containers"], pod["spec"].get("volumes", ())
    return {
        "metadata": _only(pod["metadata"], "name", "deletionTimestamp", "ownerReferences"),
        "spec": {
            "containers": [_container(each) for each in containers if each["name"] == CONTAINER],
            "volumes": [each for each in volumes if each["name"] == MAP_VOLUME],
        },
        "status": _only(pod.get("status", {}), "podIP", "phase", "containerStatuses", "conditions"),
    }


def _container(container: Object) -> Object:
    return {"name": CONTAINER, "ports": [each for each in container.get("ports", ()) if each.get("name") == PORT_NAME]}


def _only(body: Object, *names: str) -> Object:
    return {name: body[name] for name in names if name in body}


def has_ended(pod: Object) -> bool:
    """Whether a pod is gone for good, evicted for instance, or on its way there: another one takes its place."""
    return pod.get("status", {}).get("phase") in ("Failed", "Succeeded") or "deletionTimestamp" in pod["metadata"]


def health_url(pod: Object) -> str | None:
    """The URL of a pod's /healthz/ready; None if the pod has no address or does not run our container."""
    address = pod.get("status", {}).get("podIP")
    if not address or pod["status"].get("phase") != "Running" or has_ended(pod):
        return None
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", ()):
            if (container["name"], port.get("name")) == (CONTAINER, PORT_NAME):
                host = f"[{address}]" if ":" in address else address
                return f"http://{host}:{port['containerPort']}/healthz/ready"
    return None


def is_ready(pod: Object) -> bool:
    """Whether Kubernetes considers the pod ready."""
    conditions = pod.get("status", {}).get("conditions", ())
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)
