"""Labels that identify the objects of a store, and the owner reference that deletes them with the store."""

from __future__ import annotations

from collections.abc import Mapping

from session_operator.resource import (
    GROUP,
    INSTANCE_LABEL,
    KIND,
    MANAGED_BY_LABEL,
    MANAGER,
    VERSION,
    Object,
    SessionStore,
)


def selector(store: SessionStore) -> dict[str, str]:
    """The labels by which the Service, the Deployment and `status.selector` select pods. They must never change."""
    return {INSTANCE_LABEL: store.key.name, "app.kubernetes.io/name": "agno-session"}


def common_labels(store: SessionStore) -> dict[str, str]:
    """The labels of every object of a store, pods included."""
    return {**selector(store), MANAGED_BY_LABEL: MANAGER}


def instance_selector(store: SessionStore) -> str:
    """The label selector of everything that the operator created for a store, for list requests."""
    return f"{INSTANCE_LABEL}={store.key.name},{MANAGED_BY_LABEL}={MANAGER}"


def metadata(
    store: SessionStore,
    name: str,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Object:
    """The metadata of an object that the store owns."""
    owner = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "name": store.key.name,
        "uid": store.uid,
        "controller": True,
    }
    named: Object = {
        "name": name,
        "namespace": store.key.namespace,
        "labels": {**(labels or {}), **common_labels(store)},
        "ownerReferences": [owner],
    }
    return named | ({"annotations": annotations} if annotations else {})
