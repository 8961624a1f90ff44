"""The options of the scripts that a page hands out are those that the scripts have."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_lists_the_options_of_the_comparison() -> None:
    page = (ROOT / "docs/how-to/compare-before-switching.md").read_text()
    words = [Path(sys.executable).parent / "session-service", "compare", "--help"]
    text = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout

    assert {*re.findall(r"^\| `(--\w+)` \|", page, re.MULTILINE), "--help"} == set(re.findall(r"--\w+", text))


def test_the_smoke_test_says_how_it_is_used() -> None:
    done = subprocess.run(
        [ROOT / "scripts/test-session-api.sh"], capture_output=True, text=True, check=False, timeout=30
    )

    assert done.returncode == 2
    assert "test-session-api.sh http://" in done.stderr
    assert "SESSION_QUERY" in done.stderr
