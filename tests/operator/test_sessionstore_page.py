"""docs/reference/sessionstore.md says of every field what the CustomResourceDefinition says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from .apiserver import ROOT

PAGE = (ROOT / "docs/reference/sessionstore.md").read_text()
CRD = yaml.safe_load((ROOT / "manifests/crd/sessionstores.yaml").read_text())["spec"]["versions"][0]
AS_IN_A_POD = ("tolerations", "affinity", "topologySpreadConstraints")


def rows(schema: Any, path: str) -> Iterator[str]:
    """One row of a Markdown table for each field."""
    for name, field in schema.get("properties", {}).items():
        full = f"{path}.{name}" + "[]" * (field.get("type") == "array")
        default = field.get("default", "")
        if default in ("", {}):
            default = "required" if name in schema.get("required", ()) else ""
        else:
            default = f"`{default if isinstance(default, str) else json.dumps(default)}`"
        limits = " or ".join(f"`{value}`" for value in field.get("enum", ()))
        if "minimum" in field:
            limits = f"{field['minimum']} to {field['maximum']}"
        meaning = " ".join(f"{each.rstrip('.')}." for each in (field["description"], limits) if each)
        yield f"| `{full}` | {default} | {meaning} |"
        if name not in AS_IN_A_POD:
            yield from rows(field.get("items", field), full)


PROPERTIES = CRD["schema"]["openAPIV3Schema"]["properties"]
ROWS = [row for part in ("spec", "status") for row in rows(PROPERTIES[part], part)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("`")[1])
def test_a_field_has_its_row(row: str) -> None:
    assert row in PAGE.splitlines()


def test_there_is_no_row_of_a_field_that_is_gone() -> None:
    assert [line for line in PAGE.splitlines() if line.startswith(("| `spec.", "| `status."))] == ROWS
