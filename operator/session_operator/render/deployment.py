"""The Deployment of the session service: its pods depend on the spec alone, never on the operator's version."""

from __future__ import annotations

from session_operator.render.dsn_map import FILE
from session_operator.render.labels import labels, metadata, selector
from session_operator.resource import Object, SessionStore

CONTAINER = "session-service"
PORT = 8080
UID = 10001
MAP_DIRECTORY = "/etc/session-service"
MAP_VOLUME = "dsn-map"
_SCHEDULING = ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName")


def deployment(store: SessionStore, dsn_map: str) -> Object:
    """Render the Deployment whose pods mount the Secret named `dsn_map`."""
    spec: Object = {
        "revisionHistoryLimit": 3,  # each keeps a DSN map, so old passwords, alive
        "progressDeadlineSeconds": 180,
        "selector": {"matchLabels": selector(store)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": _template_metadata(store), "spec": _pod(store, dsn_map)},
    }
    if store.replicas is not None:  # unset: whatever scales the Deployment owns the field
        spec["replicas"] = store.replicas
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(store, store.key.name),
        "spec": spec,
    }


def mounted_map(pod: Object) -> str | None:
    """The DSN map that a pod, or the template of one, mounts."""
    volumes = pod["spec"].get("volumes", ())
    return next((volume["secret"]["secretName"] for volume in volumes if volume["name"] == MAP_VOLUME), None)


def _template_metadata(store: SessionStore) -> Object:
    extra = store.pod_template.get("metadata", {})
    template: Object = {"labels": {**extra.get("labels", {}), **labels(store)}}
    if annotations := extra.get("annotations"):
        template["annotations"] = annotations
    return template


def _pod(store: SessionStore, dsn_map: str) -> Object:
    pod: Object = {
        "serviceAccountName": store.key.name,
        "automountServiceAccountToken": False,
        # A Service named agno would set AGNO_SERVICE_HOST and AGNO_SERVICE_PORT in every pod of the namespace
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 45,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "fsGroup": UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(store)],
        "volumes": [{"name": MAP_VOLUME, "secret": {"secretName": dsn_map, "defaultMode": 0o440}}],
    }
    if store.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in store.image_pull_secrets]
    return pod | {field: store.pod_template[field] for field in _SCHEDULING if field in store.pod_template}


def _container(store: SessionStore) -> Object:
    environment = {
        "AGNO_SESSION_DSN_MAP_FILE": f"{MAP_DIRECTORY}/{FILE}",
        "AGNO_SERVICE_HOST": "0.0.0.0",  # noqa: S104 - a pod listens on its own address
        "AGNO_SERVICE_PORT": str(PORT),
    }
    if store.default_database is not None:
        environment["AGNO_DEFAULT_DB_ID"] = store.default_database
    container: Object = {
        "name": CONTAINER,
        "image": store.image,
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": store.resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": MAP_VOLUME, "mountPath": MAP_DIRECTORY, "readOnly": True}],
        "startupProbe": _probe("/healthz/startup", period=2, failures=30),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "readinessProbe": _probe("/healthz/ready", period=5, failures=2),
    }
    if store.image_pull_policy is not None:
        container["imagePullPolicy"] = store.image_pull_policy
    return container


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }
