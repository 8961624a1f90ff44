"""The committed dashboards are those that scripts/dashboards.py writes, and Grafana can tell their parts apart."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "manifests/monitoring/dashboards").glob("*.json"))
DASHBOARDS: list[dict[str, Any]] = [json.loads(file.read_text()) for file in FILES]


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def test_the_files_are_what_the_script_writes(tmp_path: Path) -> None:
    code = f"""
import pathlib, runpy
dashboards = runpy.run_path({str(ROOT / "scripts/dashboards.py")!r})
for name in dashboards["DASHBOARDS"]:
    (pathlib.Path({str(tmp_path)!r}) / name).write_text(dashboards["rendered"](name))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)

    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        file.name: file.read_text() for file in FILES
    }


def test_uids_are_unique_and_short_enough() -> None:
    uids = [dashboard["uid"] for dashboard in DASHBOARDS]

    assert len(set(uids)) == len(uids) == 2
    assert all(re.fullmatch(r"[a-z-]{1,40}", uid) for uid in uids)  # Grafana's own limit


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard["uid"])
def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard["uid"])
def test_every_panel_asks_something_and_says_what_it_shows(dashboard: dict[str, Any]) -> None:
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            assert panel["targets"], panel["title"]
            assert panel["description"], panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@pytest.mark.timeout(300, func_only=True)
@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard["uid"])
def test_prometheus_can_parse_every_expression(dashboard: dict[str, Any], promtool: str, tmp_path: Path) -> None:
    """As recording rules; Grafana puts a duration in place of its variable."""
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions(dashboard))
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
