"""Renders a SessionStore and its DSNs to Kubernetes objects. Pure: the same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from session_operator.render.deployment import deployment
from session_operator.render.dsn_map import dsn_map
from session_operator.render.horizontal_pod_autoscaler import horizontal_pod_autoscaler
from session_operator.render.http_route import http_route
from session_operator.render.ingress import ingress
from session_operator.render.monitoring import metrics_service, prometheus_rule, service_monitor
from session_operator.render.network_policy import network_policy
from session_operator.render.pod_disruption_budget import pod_disruption_budget
from session_operator.render.service import service
from session_operator.render.service_account import service_account
from session_operator.resource import KeyVersion, Object, SessionStore


def render(
    store: SessionStore,
    dsns: Mapping[str, str],
    key_version: KeyVersion | None = None,
    *,
    read_only_dsns: Mapping[str, str] = MappingProxyType({}),
    kept: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> tuple[Object, ...]:
    """Render all objects of a store in the order of applying.

    `dsns` holds the DSN of each database by its id, `read_only_dsns` those of replicas, `key_version` that
    of the key that authenticates by an environment variable, if the store has one. `kept` holds what
    earlier DSN maps say of databases that have no DSN.
    """
    secret = dsn_map(store, dsns, read_only_dsns, kept)
    every_dsn = (*dsns.values(), *read_only_dsns.values(), *(dsn for each in kept.values() for dsn in each.values()))
    objects = (
        service_account(store),
        secret,
        service(store),
        network_policy(store, every_dsn),
        deployment(store, secret["metadata"]["name"], key_version),
        pod_disruption_budget(store),
        horizontal_pod_autoscaler(store),
        ingress(store),
        http_route(store),
        metrics_service(store),
        service_monitor(store),
        prometheus_rule(store),
    )
    return tuple(each for each in objects if each is not None)
