"""Kinds that an API server may not serve: a store that asks for one is told so, and everything else is applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from session_operator.cluster import Cluster
from session_operator.kinds import HTTP_ROUTES, INSTALLABLE, KINDS, PROMETHEUS_RULES, SERVICE_MONITORS, Kind
from session_operator.reasons import Finding, Reason
from session_operator.resource import Object

_REMEDIES = {
    HTTP_ROUTES: (Reason.GATEWAY_API_MISSING, "install the Gateway API, or leave httpRoute out"),
    SERVICE_MONITORS: (
        Reason.PROMETHEUS_OPERATOR_MISSING,
        "install prometheus-operator, or leave monitoring.serviceMonitor out",
    ),
    PROMETHEUS_RULES: (
        Reason.PROMETHEUS_OPERATOR_MISSING,
        "install prometheus-operator, or leave monitoring.prometheusRule out",
    ),
}


async def served(cluster: Cluster, rendered: Iterable[Object]) -> tuple[Sequence[tuple[Kind, Object]], Finding | None]:
    """The objects of kinds that the API server serves, and a finding about the others, if any."""
    wanted = [(KINDS[each["apiVersion"], each["kind"]], each) for each in rendered]
    absent = [kind for kind, _ in wanted if kind in INSTALLABLE and not await cluster.serves(kind)]
    return [(kind, each) for kind, each in wanted if kind not in absent], _finding(absent)


def _finding(absent: Sequence[Kind]) -> Finding | None:
    if not absent:
        return None
    messages = (f"the cluster does not serve {kind.name}s: {_REMEDIES[kind][1]}" for kind in absent)
    return Finding(_REMEDIES[absent[0]][0], "; ".join(messages))
