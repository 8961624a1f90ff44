"""Each alert fires when it should, stays silent when it should, and leads to a page that says what to do.

cases/ALERT.yaml holds series as `promtool test rules` takes them, and what is to be firing at a time.
"""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"
RULE_FILES = sorted((ROOT / "manifests/monitoring/rules").glob("*.yaml"))
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["site_url"]

Rule = dict[str, Any]


def rules() -> list[Rule]:
    """All alerts of all files."""
    groups = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


RULES = rules()
ALERTS = sorted({rule["alert"] for rule in RULES})


def cases(alert: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((CASES / f"{alert}.yaml").read_text())
    return found


def whole(alert: str, expected: dict[str, Any]) -> dict[str, Any]:
    """An expected alert with what its rule says of every such alert."""
    labels = expected["labels"]
    rule = next(r for r in RULES if r["alert"] == alert and r["labels"].get("window") == labels.get("window"))
    annotations = rule["annotations"] | {"description": " ".join(expected["description"].split())}
    return {"exp_labels": labels | rule["labels"], "exp_annotations": annotations}


@pytest.mark.timeout(300, func_only=True)
@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should(alert: str, promtool: str, tmp_path: Path) -> None:
    tests = [
        {
            "name": case["name"],
            "interval": case.get("interval", "1m"),
            "input_series": case["series"],
            "alert_rule_test": [
                {
                    "alertname": alert,
                    "eval_time": case["at"],
                    "exp_alerts": [whole(alert, expected) for expected in case["firing"]],
                }
            ],
        }
        for case in cases(alert)
    ]
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rule) for rule in RULE_FILES], "tests": tests}))

    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_cases_of_firing_and_of_silence(alert: str) -> None:
    assert {bool(case["firing"]) for case in cases(alert)} == {True, False}


def test_there_are_no_cases_of_an_alert_that_is_gone() -> None:
    assert sorted(file.stem for file in CASES.iterdir()) == ALERTS


@pytest.mark.timeout(300, func_only=True)
def test_promtool_accepts_the_rules(promtool: str) -> None:
    done = subprocess.run(
        [promtool, "check", "rules", *RULE_FILES], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule['alert']} {rule['labels'].get('window', '')}".strip())
def test_an_alert_says_what_it_is_about(rule: Rule) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{SITE}runbooks/{rule['alert']}/"


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_runbook(alert: str) -> None:
    page = (ROOT / f"docs/runbooks/{alert}.md").read_text()

    assert [line for line in page.splitlines() if line.startswith("#")] == [
        f"# {alert}",
        "## What it means",
        "## How to see it",
        "## What to do",
    ]


def test_there_is_no_runbook_of_an_alert_that_is_gone() -> None:
    assert sorted(page.stem for page in (ROOT / "docs/runbooks").glob("*.md") if page.stem != "index") == ALERTS


def test_the_list_of_runbooks_says_of_each_alert_what_its_rule_does() -> None:
    rows = [
        f"| [{r['alert']}]({r['alert']}.md) | {r['labels']['severity']} | {r['annotations']['summary']} |"
        for r in RULES
    ]
    page = (ROOT / "docs/runbooks/index.md").read_text().splitlines()

    assert sorted(line for line in page if line.startswith("| [")) == sorted(rows)
