"""The Deployment of the session service."""

from __future__ import annotations

from session_operator.render.labels import metadata, selector
from session_operator.render.pod import template
from session_operator.resource import KeyVersion, Object, SessionStore

REVISIONS = 3
"""How many old ReplicaSets stay after a rollout. Each keeps a DSN map, and so old passwords."""


def deployment(store: SessionStore, dsn_map: str, key_version: KeyVersion | None) -> Object:
    """Render the Deployment whose pods mount the Secret named `dsn_map`; `key_version` is that of `pod.template`."""
    spec: Object = {
        "revisionHistoryLimit": REVISIONS,
        "progressDeadlineSeconds": 180,
        "selector": {"matchLabels": selector(store)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": template(store, dsn_map, key_version),
    }
    if store.replicas is not None:  # if unset, whatever scales the Deployment owns the field
        spec["replicas"] = store.replicas
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(store, store.key.name),
        "spec": spec,
    }
