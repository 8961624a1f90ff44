"""What the pages of docs/ show of Kubernetes objects, an API server takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .apiserver import ROOT, ApiServer

BLOCK = re.compile(r"^```yaml\n(apiVersion: .*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [(page, text) for page in sorted((ROOT / "docs").rglob("*.md")) for text in BLOCK.findall(page.read_text())]


@pytest.mark.parametrize(
    ("page", "text"), SHOWN, ids=[f"{page.stem}-{number}" for number, (page, _) in enumerate(SHOWN)]
)
def test_an_object_that_a_page_shows_is_taken(page: Path, text: str, server: ApiServer, namespace: str) -> None:
    words = ("apply", "--namespace", namespace, "--dry-run=server", "--validate=strict", "--filename=-")

    done = server.kubectl(*words, stdin=text)

    assert done.returncode == 0, f"{page.name}: {done.stderr}"


def test_pages_show_some() -> None:
    assert len({page for page, _ in SHOWN}) >= 3
