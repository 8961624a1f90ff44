"""Monitoring of a store: a Service for the metrics of each pod, a ServiceMonitor and a PrometheusRule."""

from __future__ import annotations

from session_operator.render import alerts
from session_operator.render.labels import metadata, selector
from session_operator.render.pod import METRICS_PORT
from session_operator.resource import Object, SessionStore

_COMPONENT = {"app.kubernetes.io/component": "metrics"}
"""The label that distinguishes the Service for metrics from the Service of the store."""


def metrics_service(store: SessionStore) -> Object | None:
    """Render the headless Service, if the spec asks for monitoring."""
    if store.monitoring is None:
        return None
    port = {"name": "metrics", "port": METRICS_PORT, "targetPort": "metrics", "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(store, store.metrics_service, labels=_COMPONENT),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": True,  # metrics show why a pod is not ready
            "selector": selector(store),
            "ports": [port],
        },
    }


def service_monitor(store: SessionStore) -> Object | None:
    """Render the ServiceMonitor, if the spec asks for one."""
    if store.monitoring is None or "serviceMonitor" not in store.monitoring:
        return None
    wanted = store.monitoring["serviceMonitor"]
    interval = {"interval": wanted["interval"]} if "interval" in wanted else {}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata(store, store.key.name, labels=wanted.get("labels")),
        "spec": {
            "selector": {"matchLabels": selector(store) | _COMPONENT},
            "endpoints": [{"port": "metrics"} | interval],
        },
    }


def prometheus_rule(store: SessionStore) -> Object | None:
    """Render the PrometheusRule, if the spec asks for one: the alerts about this store alone."""
    if store.monitoring is None or "prometheusRule" not in store.monitoring:
        return None
    # the job label that prometheus-operator gives the series of a Service
    series = {"namespace": store.key.namespace, "job": store.metrics_service}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata(store, store.key.name, labels=store.monitoring["prometheusRule"].get("labels")),
        "spec": {"groups": alerts.groups(series)},
    }
