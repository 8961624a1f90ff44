"""Prometheus' own tool, which knows whether it would take a rule."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def promtool() -> str:
    words = [ROOT / "tests/debian.sh", "prometheus", "usr/bin/promtool"]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout.strip()
