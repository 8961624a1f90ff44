"""Every reason has a section in docs/reference/conditions.md."""

from __future__ import annotations

import re

import yaml

from session_operator.reasons import Reason

from .apiserver import ROOT

PAGE = (ROOT / "docs/reference/conditions.md").read_text()


def test_every_reason_has_a_section_and_every_section_is_a_reason() -> None:
    assert sorted(re.findall(r"^## (\S+)$", PAGE, re.MULTILINE)) == sorted(reason.value for reason in Reason)


def test_every_section_says_something() -> None:
    sections = re.split(r"^## \S+$", PAGE, flags=re.MULTILINE)[1:]

    assert all(len(section.split()) >= 6 for section in sections)


def test_every_state_of_a_secret_is_a_reason() -> None:
    crd = yaml.safe_load((ROOT / "manifests/crd/sessionstores.yaml").read_text())
    status = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    states = re.findall(r"Secret\w+", status["databases"]["items"]["properties"]["state"]["description"])

    assert set(states) <= {reason.value for reason in Reason}
    assert len(states) == 3
