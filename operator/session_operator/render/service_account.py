"""The ServiceAccount of the pods: an identity without rights, because the service never uses the Kubernetes API."""

from __future__ import annotations

from session_operator.render.labels import metadata
from session_operator.resource import Object, SessionStore


def service_account(store: SessionStore) -> Object:
    """Render the ServiceAccount."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(store, store.key.name),
        "automountServiceAccountToken": False,
    }
