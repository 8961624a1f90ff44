"""docs/reference/tested-versions.md has the table of `make test-matrix`, with no version in it that failed a test."""

import re
from pathlib import Path

from tests.matrix import PYTHONS, SUBJECTS
from tests.postgresql.programs import VERSIONS
from tests.writers.releases import RELEASES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/tested-versions.md").read_text()
README = (ROOT / "README.md").read_text()


def test_table_has_every_version() -> None:
    shown = re.findall(r"^\| (\w+ [\d.]+) \| (.+) \| (\d*) \|$", PAGE, re.MULTILINE)
    assert [subject for subject, *_ in shown] == [f"{kind} {version}" for kind, version in SUBJECTS]
    assert {failed for *_, failed in shown} <= {"0", ""}


def test_readme_says_what_is_tested() -> None:
    limits = " ".join(README.partition("## Limits")[2].split())
    assert f"PostgreSQL {VERSIONS[0]} to {VERSIONS[-1]}" in limits
    assert f"agno {', '.join(RELEASES[:-1])} and {RELEASES[-1]}" in limits
    assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in limits
