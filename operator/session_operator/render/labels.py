"""What every object of a store carries: labels to find it by, and the owner that takes it along when deleted."""

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
    """The labels that the Service, the Deployment and `status.selector` choose pods by; never to be changed."""
    return {INSTANCE_LABEL: store.key.name, "app.kubernetes.io/name": "agno-session"}


def common_labels(store: SessionStore) -> dict[str, str]:
    """The labels of every object of a store, pods included."""
    return {**selector(store), MANAGED_BY_LABEL: MANAGER}


def instance_selector(store: SessionStore) -> str:
    """The label selector of everything that the operator made for a store, for a list."""
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
