"""The HorizontalPodAutoscaler, which adapts the number of pods to the load."""

from __future__ import annotations

from session_operator.render.labels import metadata
from session_operator.render.pod import CONTAINER
from session_operator.resource import Object, SessionStore


def horizontal_pod_autoscaler(store: SessionStore) -> Object | None:
    """Render it, if the spec asks for one."""
    if store.autoscaling is None:
        return None
    # For this container only: with a sidecar that requests no CPU, the metric of the whole pod is unknown
    cpu = {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": CONTAINER,
            "target": {
                "type": "Utilization",
                "averageUtilization": store.autoscaling["targetCPUUtilizationPercentage"],
            },
        },
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(store, store.key.name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": store.key.name},
            "minReplicas": store.autoscaling["minReplicas"],
            "maxReplicas": store.autoscaling["maxReplicas"],
            "metrics": [cpu],
        },
    }
