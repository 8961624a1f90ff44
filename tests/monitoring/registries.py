"""The series that both programs have, by their registries."""

from collections import Counter
from typing import get_args

from prometheus_client import CollectorRegistry

from session_operator.heartbeats import Heartbeats
from session_operator.metrics import Metrics as OperatorMetrics
from session_operator.queue import WorkQueue
from session_service.database.database import State
from session_service.database.replica import ReplicaState
from session_service.observability.database_metrics import DatabaseCollector, Figures, ReloadCollector
from session_service.observability.durations import Durations
from session_service.observability.jwks_metrics import JwksCollector
from session_service.observability.metrics import Metrics


def service() -> CollectorRegistry:
    """As it is while one database and its replica serve and had a failure."""
    metrics = Metrics("1.0.0", [("GET", "/sessions")])
    errors = Counter({"Unreachable": 1})
    figures = Figures("main", "serving", "serving", "v3", {"idle": 1}, 10, 0, 0, 0, 0, errors, Durations())
    collector = DatabaseCollector(lambda: [figures], get_args(State), get_args(ReplicaState))
    metrics.registry.register(collector)
    metrics.registry.register(ReloadCollector({}))
    metrics.registry.register(JwksCollector({}, lambda: 1.0))
    return metrics.registry


def operator() -> CollectorRegistry:
    """As it is while it watches stores and had a request answered."""
    heartbeats = Heartbeats()
    heartbeats.heard("sessionstores", "/")
    metrics = OperatorMetrics(WorkQueue(), heartbeats)
    metrics.request("get", "200")
    return metrics.registry


def known(registry: CollectorRegistry) -> dict[str, set[str]]:
    """The labels of each series by its name."""
    return {sample.name: set(sample.labels) for family in registry.collect() for sample in family.samples}


SERIES = known(operator()) | known(service())
