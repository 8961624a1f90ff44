"""The HTTPRoute of the Gateway API: the sessions under a path of the hosts of a Gateway."""

from __future__ import annotations

from session_operator.render.labels import metadata
from session_operator.resource import Object, SessionStore


def http_route(store: SessionStore) -> Object | None:
    """Render it, if the spec asks for one."""
    wanted = store.http_route
    if wanted is None:
        return None
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": wanted["path"]}}],
        "backendRefs": [{"name": store.key.name, "port": store.service["port"]}],
    }
    hosts = {"hostnames": wanted["hostnames"]} if "hostnames" in wanted else {}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(store, store.key.name),
        "spec": {"parentRefs": wanted["parentRefs"], **hosts, "rules": [rule]},
    }
