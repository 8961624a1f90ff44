"""One version: that of pyproject.toml is the version of the charts, of what they install, and of the images."""

from __future__ import annotations

import re
import tomllib
from types import ModuleType
from typing import Any

import pytest
import yaml

import session_operator
import session_service

from . import helm

VERSION = tomllib.loads((helm.ROOT / "pyproject.toml").read_text())["project"]["version"]
CHARTS = ("agno-session", "session-operator")


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_has_the_version_of_the_package(chart: str) -> None:
    described = description(chart)

    assert (described["version"], described["appVersion"]) == (VERSION, VERSION)


@pytest.mark.parametrize("program", [session_service, session_operator])
def test_a_program_says_it(program: ModuleType) -> None:
    assert program.__version__ == VERSION


@pytest.mark.parametrize("chart", CHARTS)
def test_artifact_hub_is_told_of_the_images_that_are_installed(chart: str) -> None:
    told = {each["image"] for each in yaml.safe_load(description(chart)["annotations"]["artifacthub.io/images"])}
    case = {"agno-session": "agno-session/one-database", "session-operator": "session-operator/as-it-is"}[chart]

    assert helm.container(helm.rendered(case))["image"] in told
    assert {image.rpartition(":")[2] for image in told} == {VERSION}


@pytest.mark.parametrize("image", ["service", "operator"])
def test_an_image_is_labelled_with_it(image: str) -> None:
    assert f"ARG VERSION={VERSION}\n" in (helm.ROOT / f"Dockerfile.{image}").read_text()


def test_all_images_are_made_from_one_base_named_by_its_digest() -> None:
    dockerfiles = [*helm.ROOT.glob("Dockerfile.*"), *helm.ROOT.glob("examples/*/Dockerfile")]
    bases = {re.search(r"^ARG PYTHON_IMAGE=(\S+)$", each.read_text(), re.MULTILINE)[1] for each in dockerfiles}

    assert len(dockerfiles) > 2
    (base,) = bases
    assert re.fullmatch(r"\S+:\d+\.\d+-slim@sha256:[0-9a-f]{64}", base)


def test_a_store_that_names_no_image_gets_the_one_of_this_version() -> None:
    crd = yaml.safe_load((helm.ROOT / "manifests/crd/sessionstores.yaml").read_text())
    (version,) = crd["spec"]["versions"]

    default = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["image"]["default"]

    assert default == f"agno-session-service:{VERSION}"


def test_artifact_hub_is_told_of_the_custom_resource_and_of_an_example() -> None:
    annotations = description("session-operator")["annotations"]
    crd = yaml.safe_load((helm.ROOT / "manifests/crd/sessionstores.yaml").read_text())
    sample = yaml.safe_load((helm.ROOT / "manifests/samples/one-database.yaml").read_text())

    (told,) = yaml.safe_load(annotations["artifacthub.io/crds"])

    assert (told["name"], told["kind"]) == (crd["metadata"]["name"], crd["spec"]["names"]["kind"])
    assert told["version"] in [version["name"] for version in crd["spec"]["versions"]]
    assert yaml.safe_load(annotations["artifacthub.io/crdsExamples"]) == [sample]


@pytest.mark.parametrize("chart", CHARTS)
def test_the_version_is_a_semantic_one(chart: str) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", description(chart)["version"])


def description(chart: str) -> Any:
    return yaml.safe_load((helm.CHARTS / chart / "Chart.yaml").read_text())
