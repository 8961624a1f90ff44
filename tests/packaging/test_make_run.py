"""`make run` where nothing was installed before: it installs what serving needs, and begins with the URL to open."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(600)


def test_it_installs_what_serving_needs_and_serves(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in ("requirements", "service"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    variables = os.environ | {"AGNO_SERVICE_PORT": "0", "AGNO_ADMIN_PORT": "off"}
    command = ["make", "--no-print-directory", "run"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert running.stdout is not None
        line = running.stdout.readline()
        found = re.match(r"Open (http://127\.0\.0\.1:\d+) ", line)
        assert found, line
        with urlopen(f"{found[1]}/sessions?limit=1", timeout=60) as answer:
            assert json.load(answer)["meta"]["total_count"] == 4
    finally:
        os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does
        running.communicate(timeout=120)

    assert {each.name for each in tmp_path.iterdir() if each.name.startswith(".")} == {".data", ".venv-run"}
    packages = {each.name for each in tmp_path.glob(".venv-run/lib/python*/site-packages/*.dist-info")}
    assert len(packages) < 35
    assert not [name for name in packages if re.match("agno|fastapi|pytest|mypy|kubernetes|hatchling", name)]
