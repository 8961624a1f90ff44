"""What may be written into values, what is said of the rest, and what the README tells of it."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import helm

CHARTS = ("agno-session", "session-operator")
BAD = {
    f"{chart}: {what}": (chart, case)
    for chart, cases in yaml.safe_load((helm.DATA / "bad.yaml").read_text()).items()
    for what, case in cases.items()
}
# Parts of Kubernetes objects, which the API server checks, and maps of names that only the user knows
PASSED_ON = {"kubernetes", "texts"}


def test_the_matrix_has_twenty_files_of_values_and_more() -> None:
    assert len(helm.MATRIX) > 20


@pytest.mark.parametrize("case", helm.MATRIX)
def test_lint_finds_nothing(case: str) -> None:
    done = helm.run("lint", "--strict", helm.CHARTS / case.split("/")[0], "--values", helm.MATRIX[case])

    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize("what", BAD)
def test_bad_values_are_refused_with_what_is_wrong(what: str) -> None:
    chart, case = BAD[what]

    with pytest.raises(helm.Refused) as refused:
        helm.template(chart, case["values"])

    assert case["says"] in str(refused.value)


@pytest.mark.parametrize("chart", CHARTS)
def test_the_schema_knows_each_value_and_no_other(chart: str) -> None:
    assert set(paths(values(chart))) | {"global"} == set(known(schema(chart), schema(chart)))


@pytest.mark.parametrize("chart", CHARTS)
def test_the_schema_refuses_unknown_keys_everywhere(chart: str) -> None:
    root = schema(chart)
    root["$defs"] = {name: part for name, part in root["$defs"].items() if name not in PASSED_ON}

    for part in parts(root):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False


@pytest.mark.parametrize("chart", CHARTS)
def test_a_value_that_is_taken_away_is_missed_by_its_name(chart: str) -> None:
    """Set to null, a key vanishes: templates would fail on it in words of their own."""
    for part in parts(schema(chart)):
        optional = set(part.get("properties", {})) - set(part.get("required", ()))
        # A parent chart hands in `global`; hosts of a certificate are optional in an Ingress
        for name in optional - {"global", "hosts"}:
            assert "null" in part["properties"][name]["type"], name


@pytest.mark.parametrize("chart", CHARTS)
def test_each_value_has_a_comment(chart: str) -> None:
    described = [path for path, _, _ in readme().described((helm.CHARTS / chart / "values.yaml").read_text())]

    assert [path for path in leaves(values(chart)) if not any(f"{path}.".startswith(f"{d}.") for d in described)] == []


@pytest.mark.parametrize("chart", CHARTS)
def test_the_readme_has_the_table_of_values(chart: str) -> None:
    text = (helm.CHARTS / chart / "README.md").read_text()

    assert text == readme().with_table(helm.CHARTS / chart), "run: python charts/readme.py"


@pytest.mark.parametrize("chart", CHARTS)
def test_a_name_is_a_name(chart: str) -> None:
    root = schema(chart)
    root["$defs"] = {name: part for name, part in root["$defs"].items() if name not in PASSED_ON}
    fields = [each for part in parts(root) for each in part.get("properties", {}).items()]
    named = [
        root["$defs"][field["$ref"].rsplit("/", 1)[1]] if "$ref" in field else field
        for name, field in fields
        if name in ("name", "key") or name.endswith("Name")
    ]
    forms = [field["pattern"] for field in named if field["type"] == "string"]

    assert forms
    for form in forms:
        for evil in ("../../victim/secrets/x", "..", ".", "a/b", "a%2Fb", "a?b=c", "a#b"):
            assert not re.search(form, evil), form


def values(chart: str) -> Any:
    return yaml.safe_load((helm.CHARTS / chart / "values.yaml").read_text())


def schema(chart: str) -> Any:
    return json.loads((helm.CHARTS / chart / "values.schema.json").read_text())


def readme() -> Any:
    specification = importlib.util.spec_from_file_location("readme", Path(helm.CHARTS / "readme.py"))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def paths(below: Any, prefix: str = "") -> Iterator[str]:
    """Every key of values but for those of Kubernetes objects and maps of names."""
    for name, value in below.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict) and name not in ("resources", "labels"):
            yield from paths(value, f"{prefix}{name}.")


def leaves(below: Any) -> list[str]:
    every = list(paths(below))
    return [path for path in every if not any(other.startswith(f"{path}.") for other in every)]


def known(part: Any, root: Any, prefix: str = "") -> Iterator[str]:
    """Every path that a schema has properties for."""
    for name, below in part.get("properties", {}).items():
        yield f"{prefix}{name}"
        definition = root["$defs"][below["$ref"].rsplit("/", 1)[1]] if "$ref" in below else below
        yield from known(definition, root, f"{prefix}{name}.")


def parts(part: Any) -> Iterator[Any]:
    """A schema and all schemas in it."""
    if isinstance(part, dict):
        yield part
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from parts(below)
