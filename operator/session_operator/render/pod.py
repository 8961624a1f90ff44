"""The pods of the session service. They depend only on the spec, never on the operator's version."""

from __future__ import annotations

import math
from collections.abc import Mapping

from session_operator.render import auth, tls
from session_operator.render.dsn_map import FILE
from session_operator.render.labels import common_labels
from session_operator.resource import GROUP, KeyVersion, Object, SessionStore

CONTAINER = "session-service"
PORT = 8080
PORT_NAME = "http"
"""The name of the port for Services, probes and the operator."""
METRICS_PORT = 9090
"""The port of the service's metrics, unless AGNO_ADMIN_PORT sets another one, and of the Service in front of it."""
_DRAIN_SECONDS, _SHUTDOWN_SECONDS = 5, 15
"""The service's own, unless AGNO_DRAIN_SECONDS and AGNO_SHUTDOWN_SECONDS set others."""
_SPARE_SECONDS, _SHORTEST_GRACE = 10, 45
UID = 10001
MAP_DIRECTORY = "/etc/session-service"
MAP_VOLUME = "dsn-map"
AUTH_ANNOTATION = f"{GROUP}/auth-secret-version"
_SCHEDULING = ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName")


def template(store: SessionStore, dsn_map: str, key_version: KeyVersion | None) -> Object:
    """Render the template of pods that mount the Secret named `dsn_map`.

    `key_version` is that of the key that they read as an environment variable, so that a changed key replaces the pods,
    and a changed annotation of its Secret does not.
    """
    return {"metadata": _metadata(store, key_version), "spec": _pod(store, dsn_map)}


def ports(store: SessionStore) -> dict[str, int]:
    """The ports of the pods by name, the port for requests first."""
    return {PORT_NAME: PORT} | ({"metrics": _metrics_port(store)} if store.monitoring is not None else {})


def _metrics_port(store: SessionStore) -> int:
    port = _variable(store, "AGNO_ADMIN_PORT")
    return int(port) if port.isascii() and port.isdecimal() and 0 < int(port) < 65536 else METRICS_PORT


def _grace_seconds(store: SessionStore) -> int:
    """How long a pod may take to end: the chart agno-session computes the same."""
    drain = _seconds(store, "AGNO_DRAIN_SECONDS", _DRAIN_SECONDS)
    shutdown = _seconds(store, "AGNO_SHUTDOWN_SECONDS", _SHUTDOWN_SECONDS)
    return max(_SHORTEST_GRACE, math.ceil(drain + shutdown + _SPARE_SECONDS))


def _seconds(store: SessionStore, name: str, default: float) -> float:
    try:
        seconds = float(_variable(store, name))
    except ValueError:  # the service does not start with it
        return default
    return seconds if 0 <= seconds < 1e6 else default


def _variable(store: SessionStore, name: str) -> str:
    """The value of a variable that the spec adds, empty without one."""
    added = store.pod_template.get("env", ())
    return next((each.get("value", "") for each in added if each["name"] == name), "")


def mounted_map(pod: Object) -> str | None:
    """The name of the DSN map that a pod or a pod template mounts."""
    volumes = pod["spec"].get("volumes", ())
    return next((v["secret"]["secretName"] for v in volumes if v["name"] == MAP_VOLUME and "secret" in v), None)


def _metadata(store: SessionStore, key_version: KeyVersion | None) -> Object:
    extra = store.pod_template.get("metadata", {})
    annotations = extra.get("annotations", {}) | ({AUTH_ANNOTATION: key_version.digest} if key_version else {})
    metadata: Object = {"labels": {**extra.get("labels", {}), **common_labels(store)}}
    return metadata | ({"annotations": annotations} if annotations else {})


def _pod(store: SessionStore, dsn_map: str) -> Object:
    pod: Object = {
        "serviceAccountName": store.key.name,
        "automountServiceAccountToken": False,
        # A Service named agno would set AGNO_SERVICE_HOST and AGNO_SERVICE_PORT in every pod of the namespace
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _grace_seconds(store),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "fsGroup": UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(store)],
        "volumes": [
            {"name": MAP_VOLUME, "secret": {"secretName": dsn_map, "defaultMode": 0o440}},
            *(volume for volume, _ in _files(store)),
            *store.pod_template.get("volumes", ()),
        ],
    }
    if store.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in store.image_pull_secrets]
    return pod | {field: store.pod_template[field] for field in _SCHEDULING if field in store.pod_template}


def _container(store: SessionStore) -> Object:
    mounts = [(MAP_VOLUME, MAP_DIRECTORY), *((volume["name"], directory) for volume, directory in _files(store))]
    container: Object = {
        "name": CONTAINER,
        "image": store.image,
        "env": [*_environment(store), *store.pod_template.get("env", ())],
        "ports": [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports(store).items()],
        "resources": store.resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            *({"name": name, "mountPath": directory, "readOnly": True} for name, directory in mounts),
            *store.pod_template.get("volumeMounts", ()),
        ],
        "startupProbe": _probe("/healthz/startup", store.probes["startup"]),
        "livenessProbe": _probe("/healthz", store.probes["liveness"]),
        "readinessProbe": _probe("/healthz/ready", store.probes["readiness"]),
    }
    if store.image_pull_policy is not None:
        container["imagePullPolicy"] = store.image_pull_policy
    return container


def _environment(store: SessionStore) -> list[Object]:
    variables = {
        "AGNO_SESSION_DSN_MAP_FILE": f"{MAP_DIRECTORY}/{FILE}",
        "AGNO_SERVICE_HOST": "0.0.0.0",  # noqa: S104 - a pod listens on its own address
        "AGNO_SERVICE_PORT": str(PORT),
    }
    if store.default_database is not None:
        variables["AGNO_DEFAULT_DB_ID"] = store.default_database
    if store.cors_origins is not None:
        variables["AGNO_CORS_ORIGINS"] = ",".join(store.cors_origins)
    return [
        *({"name": name, "value": value} for name, value in variables.items()),
        *(auth.environment(store.auth) if store.auth else ()),
    ]


def _files(store: SessionStore) -> list[tuple[Object, str]]:
    """The volumes that the spec asks for besides the DSN map, and their mounts."""
    volumes = [
        (tls.volume(store), tls.DIRECTORY),
        (auth.volume(store.auth) if store.auth else None, auth.DIRECTORY),
    ]
    return [(volume, directory) for volume, directory in volumes if volume]


def _probe(path: str, timings: Mapping[str, int]) -> Object:
    return {"httpGet": {"path": path, "port": PORT_NAME}, **timings}
