"""The kinds of objects that the operator deals with, and the paths that serve them."""

from __future__ import annotations

from dataclasses import dataclass

from session_operator.resource import GROUP, KIND, PLURAL, VERSION


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object and the path that serves it."""

    api_version: str
    name: str
    plural: str

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of one object, of a collection, or of a collection of all namespaces."""
        root = f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        return root + scope + "".join(f"/{part}" for part in (self.plural, name, subresource) if part)


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
"""The kinds that the API server may lack."""
OPTIONAL = (NETWORK_POLICIES, DISRUPTION_BUDGETS, AUTOSCALERS, INGRESSES, *INSTALLABLE)
"""The kinds that the operator applies where a store asks for them."""
OWNED = (SERVICE_ACCOUNTS, SECRETS, SERVICES, DEPLOYMENTS, *OPTIONAL)
"""The kinds that the operator applies."""
KINDS = {(kind.api_version, kind.name): kind for kind in OWNED}
"""The kinds that the operator applies, by what objects say."""
