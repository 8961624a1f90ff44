"""The Ingress: the sessions under a path of a host, by default that of AgentOS."""

from __future__ import annotations

from session_operator.render.labels import metadata
from session_operator.resource import Object, SessionStore


def ingress(store: SessionStore) -> Object | None:
    """Render it, if the spec asks for one."""
    wanted = store.ingress
    if wanted is None:
        return None
    backend = {"service": {"name": store.key.name, "port": {"name": "http"}}}
    path = {"path": wanted["path"], "pathType": "Prefix", "backend": backend}
    spec: Object = {"rules": [{"host": wanted["host"], "http": {"paths": [path]}}]}
    if "className" in wanted:
        spec["ingressClassName"] = wanted["className"]
    if "tls" in wanted:
        spec["tls"] = [{"hosts": [wanted["host"]], "secretName": wanted["tls"]["secretName"]}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(store, store.key.name, wanted.get("annotations")),
        "spec": spec,
    }
