"""A store that asks for everything there is, and what it names."""

from __future__ import annotations

from typing import Any

from session_operator.kinds import CONFIG_MAPS
from session_operator.resource import Object

from .api import Api
from .controllers import roll_out

DSN = "postgresql://agno:secret@db:5432/agno"
KEY = {"secretKeyRef": {"name": "chat-auth", "key": "key"}}
EVERYTHING: Object = {
    "databases": [
        {
            "id": "main",
            "dsn": {"secretKeyRef": {"name": "chat-main", "key": "dsn"}},
            "tls": {"caSecretRef": {"name": "chat-ca"}, "clientCertificateSecretRef": {"name": "chat-client"}},
        }
    ],
    "autoscaling": {"maxReplicas": 4},
    "auth": {
        "jwt": {
            "verificationKey": KEY,
            "jwks": {"configMapKeyRef": {"name": "chat-jwks", "key": "keys.json"}},
            "audience": ["chat"],
            "issuer": "https://id.example",
            "databasesClaim": "databases",
        },
        "serviceAccounts": {"database": "main"},
    },
    "cors": {"origins": ["https://chat.example.com"]},
    "service": {"annotations": {"example.com/internal": "true"}},
    "ingress": {
        "className": "nginx",
        "host": "agents.example.com",
        "tls": {"secretName": "web"},
        "annotations": {"a": "b"},
    },
    "httpRoute": {"parentRefs": [{"name": "web"}], "hostnames": ["agents.example.com"]},
    "networkPolicy": "Managed",
    "monitoring": {
        "serviceMonitor": {"interval": "30s", "labels": {"release": "prometheus"}},
        "prometheusRule": {"labels": {"release": "prometheus"}},
    },
    "podDisruptionBudget": {"minAvailable": "50%"},
    "probes": {"startup": {"failureThreshold": 60}},
    "podTemplate": {
        "env": [
            {"name": "AGNO_DRAIN_SECONDS", "value": "9"},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "TOKEN", "valueFrom": KEY},
        ],
        "volumes": [
            {"name": "scratch", "emptyDir": {}},
            {"name": "ram", "emptyDir": {"medium": "Memory", "sizeLimit": "16384Ki"}},
            {"name": "config", "configMap": {"name": "chat-jwks", "items": [{"key": "keys.json", "path": "a"}]}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "claim", "readOnly": False}},
        ],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch", "readOnly": False}],
    },
}


async def everything_named(api: Api) -> None:
    """All Secrets and ConfigMaps that EVERYTHING names."""
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_secret("chat-ca", **{"ca.crt": "pem"})
    await api.write_secret("chat-client", **{"tls.crt": "pem", "tls.key": "pem"})
    await api.write_secret("chat-auth", key="pem")
    await api.apply(CONFIG_MAPS, "chat-jwks", {"data": {"keys.json": "{}"}})


async def served(api: Api, *, pods: int = 2, **spec: Any) -> Object:
    """A store that is ready, and its Deployment."""
    await everything_named(api)
    await api.write_store(**spec)
    await api.deployed()
    await roll_out(api, pods=pods)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    return await api.deployed()
