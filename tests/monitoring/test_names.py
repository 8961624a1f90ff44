"""Dashboards and rules ask for metrics and labels that the programs have: checked against their registries."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .registries import SERIES

MONITORING = Path(__file__).parents[2] / "manifests/monitoring"
OURS = re.compile(r"\b((?:agno_session|session_operator|process)_\w+)(?:\{([^}]*)\})?")
OF_THE_SCRAPE = {"namespace", "job", "pod", "le"}


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
