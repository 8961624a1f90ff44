"""What the pages mention by name is there: variables, fields, metrics, alerts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_service.spelling import AGNOS_OWN
from session_service.variables import VARIABLES
from tests.monitoring.registries import SERIES

ROOT = Path(__file__).parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("charts/*/README.md")])
}
NAMES = {variable.name for variable in VARIABLES}
FAMILIES = {re.sub(r"_(bucket|count|sum)$", "", name) for name in SERIES} | set(SERIES)
ALERTS = {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")}
CRD = yaml.safe_load((ROOT / "manifests/crd/sessionstores.yaml").read_text())["spec"]["versions"][0]


def fields(schema: dict[str, Any], path: str) -> set[str]:
    found = {path}
    for name, field in schema.get("properties", {}).items():
        found |= fields(field.get("items", field), f"{path}.{name}")
    return found


OPENAPI = CRD["schema"]["openAPIV3Schema"]["properties"]
FIELDS = fields(OPENAPI["spec"], "spec") | fields(OPENAPI["status"], "status")


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_is_one_of_the_service(page: str) -> None:
    assert set(re.findall(r"\b(?:AGNO|JWT|OS)_[A-Z_]*[A-Z]\b(?!…)", PAGES[page])) <= NAMES | AGNOS_OWN


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_is_one_of_a_program(page: str) -> None:
    assert set(re.findall(r"\b(?:agno_session|session_operator)_[a-z_]*[a-z]\b", PAGES[page])) <= FAMILIES


@pytest.mark.parametrize("page", PAGES)
def test_every_field_is_one_of_a_store(page: str) -> None:
    mentioned = re.findall(r"`((?:spec|status)\.[a-zA-Z.]+[a-zA-Z])", PAGES[page].replace("[]", ""))

    assert set(mentioned) <= FIELDS


@pytest.mark.parametrize("page", PAGES)
def test_every_alert_is_one_of_the_rules(page: str) -> None:
    assert set(re.findall(r"`(Session[A-Z]\w+)`", PAGES[page])) - {"SessionStore", "SessionStores"} <= ALERTS
