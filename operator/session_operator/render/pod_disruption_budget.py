"""The PodDisruptionBudget: how many pods may be evicted at once when nodes are drained."""

from __future__ import annotations

from session_operator.render.labels import metadata, selector
from session_operator.resource import Object, SessionStore


def pod_disruption_budget(store: SessionStore) -> Object | None:
    """Render it, if the spec asks for one, and for every store that always has several pods."""
    budget = store.disruption_budget
    if budget is None and (store.fewest_pods or 0) < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(store, store.key.name),
        "spec": {
            "selector": {"matchLabels": selector(store)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",  # a pod that serves nothing must not block the drain of a node
            **(budget or {"maxUnavailable": 1}),
        },
    }
