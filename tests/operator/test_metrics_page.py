"""docs/reference/metrics.md lists the metrics of the operator, and no others."""

from __future__ import annotations

import re

from prometheus_client import Metric

from session_operator.heartbeats import Heartbeats
from session_operator.metrics import Metrics
from session_operator.queue import WorkQueue
from session_operator.resource import Key

from .apiserver import ROOT


def registered() -> dict[str, tuple[str, set[str]]]:
    """The type and the labels of each metric by its name."""
    queue: WorkQueue[Key] = WorkQueue()
    heartbeats = Heartbeats()
    heartbeats.heard("secrets", "/api/v1/secrets")
    metrics = Metrics(queue, heartbeats)
    metrics.request("get", "200")
    return {
        name_of(metric): (metric.type, {label for sample in metric.samples for label in sample.labels} - {"le"})
        for metric in metrics.registry.collect()
        if metric.name.startswith("session_operator_")
    }


def name_of(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def documented() -> dict[str, tuple[str, set[str]]]:
    page = (ROOT / "docs/reference/metrics.md").read_text()
    rows = re.findall(r"^\| `(session_operator_\w+)` \| (\w+) \| ([^|]*)\|", page, re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_the_page_lists_each_metric_with_its_type_and_labels() -> None:
    assert documented() == registered()
