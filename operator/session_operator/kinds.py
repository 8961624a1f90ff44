"""The kinds of objects that the operator deals with, and the paths that serve them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType, Self

from session_operator.resource import GROUP, KIND, PLURAL, VERSION

_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~-]+")
"""Characters without a meaning in a URL, but not the segments `.` and `..`."""
Path = NewType("Path", str)
"""The path of a request. Only this module makes one."""


class NotASegment(ValueError):
    """A text that would change the path of a request. The message does not repeat it, because it may be anything."""

    def __init__(self) -> None:
        super().__init__("a name or a namespace that is no single segment of a path")


class Segment(str):
    """One segment of a path. Names come from specs, labels, files and command lines, so none is trusted."""

    __slots__ = ()

    def __new__(cls, text: object) -> Self:
        if not isinstance(text, str) or not _SEGMENT.fullmatch(text):
            raise NotASegment
        return super().__new__(cls, text)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object and the path that serves it."""

    api_version: str
    name: str
    plural: str

    @property
    def group_path(self) -> Path:
        """The path that lists the resources of the API group."""
        return Path(f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}")

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> Path:
        """The path of one object, of a collection, or of a collection of all namespaces.

        Raises `NotASegment` for a name that would change the path.
        """
        scope = ("namespaces", namespace) if namespace is not None else ()
        parts = (*scope, self.plural, *(part for part in (name, subresource) if part is not None))
        return Path("/".join((self.group_path, *map(Segment, parts))))


STORES = Kind(f"{GROUP}/{VERSION}", KIND, PLURAL)
SERVICE_ACCOUNTS = Kind("v1", "ServiceAccount", "serviceaccounts")
SECRETS = Kind("v1", "Secret", "secrets")
SERVICES = Kind("v1", "Service", "services")
DEPLOYMENTS = Kind("apps/v1", "Deployment", "deployments")
REPLICA_SETS = Kind("apps/v1", "ReplicaSet", "replicasets")
PODS = Kind("v1", "Pod", "pods")
CONFIG_MAPS = Kind("v1", "ConfigMap", "configmaps")
NETWORK_POLICIES = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
DISRUPTION_BUDGETS = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALERS = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
INGRESSES = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
HTTP_ROUTES = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
SERVICE_MONITORS = Kind("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors")
PROMETHEUS_RULES = Kind("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules")
LEASES = Kind("coordination.k8s.io/v1", "Lease", "leases")
EVENTS = Kind("events.k8s.io/v1", "Event", "events")
INSTALLABLE = (HTTP_ROUTES, SERVICE_MONITORS, PROMETHEUS_RULES)
"""The kinds that the API server may not serve."""
OPTIONAL = (NETWORK_POLICIES, DISRUPTION_BUDGETS, AUTOSCALERS, INGRESSES, *INSTALLABLE)
"""The kinds that the operator applies only if a store asks for them."""
OWNED = (SERVICE_ACCOUNTS, SECRETS, SERVICES, DEPLOYMENTS, *OPTIONAL)
"""The kinds that the operator applies."""
KINDS = {(kind.api_version, kind.name): kind for kind in OWNED}
"""The kinds that the operator applies, by apiVersion and kind."""
