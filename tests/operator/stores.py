"""SessionStores as the API server hands them out, for tests that need no API server."""

from __future__ import annotations

import base64
from typing import Any

from session_operator.resource import Object, SessionStore


def database(name: str = "main", **more: Any) -> Object:
    options = {
        "schema": "ai",
        "sessionTable": "agno_sessions",
        "runsTable": "agno_runs",
        "pool": {"maxSize": 10},
        "statementTimeoutSeconds": 30,
    }
    return {"id": name, "dsn": {"secretKeyRef": {"name": f"chat-{name}", "key": "dsn"}}} | options | more


def body(*databases: Object, metadata: Object | None = None, status: Object | None = None, **spec: Any) -> Object:
    defaults = {
        "databases": list(databases or [database()]),
        "image": "agno-session-service:0.1.0",
        "service": {"type": "ClusterIP", "port": 80},
        "networkPolicy": "None",
        "probes": {
            "startup": {"periodSeconds": 2, "timeoutSeconds": 3, "failureThreshold": 30},
            "liveness": {"periodSeconds": 10, "timeoutSeconds": 3, "failureThreshold": 3},
            "readiness": {"periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 2},
        },
        "resources": {"requests": {"cpu": "100m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "reconciliation": "Active",
    }
    identity = {"name": "chat", "namespace": "default", "uid": "6f9d", "generation": 3}
    return {"metadata": identity | (metadata or {}), "spec": defaults | spec, "status": status or {}}


def store(*databases: Object, **more: Any) -> SessionStore:
    return SessionStore.parse(body(*databases, **more))


def secret(**values: str) -> Object:
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}}
