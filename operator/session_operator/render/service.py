"""The Service in front of the pods."""

from __future__ import annotations

from session_operator.render.labels import metadata, selector
from session_operator.resource import Object, SessionStore


def service(store: SessionStore) -> Object:
    """Render the Service."""
    port = {
        "name": "http",
        "port": store.service["port"],
        "targetPort": "http",
        "protocol": "TCP",  # part of the key of a port: server-side apply needs it explicitly
        "appProtocol": "http",
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(store, store.key.name, store.service.get("annotations")),
        "spec": {"type": store.service["type"], "selector": selector(store), "ports": [port]},
    }
