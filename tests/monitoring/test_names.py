"""Dashboards and rules ask for metrics and labels that the programs have: checked against their registries."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml
from prometheus_client import CollectorRegistry

from session_operator.metrics import Metrics as OperatorMetrics
from session_operator.queue import WorkQueue
from session_operator.signs import Signs
from session_service.database.database import State
from session_service.observability.database_metrics import DatabaseCollector, Figures, ReloadCollector
from session_service.observability.durations import Durations
from session_service.observability.metrics import Metrics

MONITORING = Path(__file__).parents[2] / "manifests/monitoring"
OURS = re.compile(r"\b((?:agno_session|session_operator|process)_\w+)(?:\{([^}]*)\})?")
OF_THE_SCRAPE = {"namespace", "job", "pod", "le"}


def service() -> CollectorRegistry:
    """As it is while one database serves and had a failure."""
    metrics = Metrics("1.0.0", [("GET", "/sessions")])
    figures = Figures("main", "serving", "v3", {"idle": 1}, 10, 0, 0, 0, Counter({"Unreachable": 1}), Durations())
    metrics.registry.register(DatabaseCollector(lambda: [figures], get_args(State)))
    metrics.registry.register(ReloadCollector({}))
    return metrics.registry


def operator() -> CollectorRegistry:
    """As it is while it watches stores and had a request answered."""
    signs = Signs()
    signs.heard("sessionstores", "/")
    metrics = OperatorMetrics(WorkQueue(), signs)
    metrics.request("get", "200")
    return metrics.registry


def known(registry: CollectorRegistry) -> dict[str, set[str]]:
    """The labels of each series by its name."""
    return {sample.name: set(sample.labels) for family in registry.collect() for sample in family.samples}


SERIES = known(operator()) | known(service())


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression, and where it stands."""
    for file in sorted(MONITORING.glob("rules/*.yaml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                yield f"{rule['alert']} {rule['labels'].get('window', '')}".strip(), rule["expr"]
    for file in sorted(MONITORING.glob("dashboards/*.json")):
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield f"{dashboard['uid']}: {panel['title']} {target['refId']}", target["expr"]
        for variable in dashboard["templating"]["list"][1:]:
            yield f"{dashboard['uid']}: {variable['name']}", variable["query"]["query"]


EXPRESSIONS = dict(expressions())


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_an_expression_asks_for_what_there_is(place: str) -> None:
    asked = OURS.findall(EXPRESSIONS[place])

    assert asked
    for name, labels in asked:
        assert name in SERIES
        assert set(re.findall(r"(\w+)\s*[=!]", labels)) <= SERIES[name] | OF_THE_SCRAPE


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_an_expression_groups_by_labels_that_there_are(place: str) -> None:
    expression = EXPRESSIONS[place]
    labels = set().union(*(SERIES[name] for name, _ in OURS.findall(expression)), OF_THE_SCRAPE)
    grouped = {label for by in re.findall(r"\bby \(([^)]*)\)", expression) for label in by.replace(",", " ").split()}

    assert grouped <= labels
