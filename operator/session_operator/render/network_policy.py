"""The NetworkPolicy: allows the ports of the pods, and outgoing traffic to name servers, databases and the JWKS URL."""

from __future__ import annotations

from collections.abc import Iterable

from session_operator.render import auth, dsn
from session_operator.render.labels import metadata, selector
from session_operator.render.pod import ports
from session_operator.resource import Object, SessionStore

_DNS_PORTS = (53, 5353)
"""Policies apply to the ports of pods: OpenShift's name servers listen on 5353 behind a Service with port 53."""


def network_policy(store: SessionStore, dsns: Iterable[str]) -> Object | None:
    """Render it, if the spec asks for it. It allows databases by port only, because a policy cannot name hosts."""
    if store.network_policy != "Managed":
        return None
    databases = sorted({port for each in dsns for port in dsn.ports(each)})
    keys = auth.ports(store.auth) if store.auth else ()
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(store, store.key.name),
        "spec": {
            "podSelector": {"matchLabels": selector(store)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": _ports("TCP", ports(store).values())}],
            "egress": [
                {"ports": _ports("UDP", _DNS_PORTS) + _ports("TCP", _DNS_PORTS)},
                {"ports": _ports("TCP", databases)},
                *({"ports": _ports("TCP", [port])} for port in keys),
            ],
        },
    }


def _ports(protocol: str, numbers: Iterable[int]) -> list[Object]:
    return [{"protocol": protocol, "port": number} for number in numbers]
