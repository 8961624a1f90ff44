"""Pure: a SessionStore and its DSNs become Kubernetes objects. Same input, same bytes."""

from __future__ import annotations

from collections.abc import Mapping

from session_operator.render.deployment import deployment
from session_operator.render.dsn_map import dsn_map
from session_operator.render.service import service
from session_operator.render.service_account import service_account
from session_operator.resource import Object, SessionStore


def render(store: SessionStore, dsns: Mapping[str, str]) -> tuple[Object, ...]:
    """Render all objects of a store in the order of applying; `dsns` holds the DSN of each database by its id."""
    secret = dsn_map(store, dsns)
    return (service_account(store), secret, service(store), deployment(store, secret["metadata"]["name"]))
