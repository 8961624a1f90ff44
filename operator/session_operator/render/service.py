"""The Service in front of the pods."""

from __future__ import annotations

from session_operator.render.labels import metadata, selector
from session_operator.resource import Object, SessionStore


def service(store: SessionStore) -> Object:
    """Render the Service."""
    # protocol is a key of the list of ports: server-side apply needs it spelled out
    port = {"name": "http", "port": store.service_port, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(store, store.key.name),
        "spec": {"type": store.service_type, "selector": selector(store), "ports": [port]},
    }
