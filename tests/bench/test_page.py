"""The page and its charts from the figures of a run."""

import xml.etree.ElementTree as ElementTree

from .page import charts, markdown
from .results import to_json
from .test_results import window

HEAVY = {"server": "session-service", "connections": 32, "before": 50_000_000, "peak": 60_000_000, "requests": 9}
GROWN = {"sessions": 1000, "indexes": True, "case": "first page", "rate": 5.0, "p50": 0.002, "p99": 0.1}

FOUND = {
    "windows": to_json([window("session-service", 1200), window("AgentOS sync", 10), window("pgbench", 2000)]),
    "heavy": [HEAVY],
    "growth": [{**GROWN, "database_cpu": 1.0}, {**GROWN, "sessions": 10_000, "p50": 0.004, "database_cpu": 1.0}],
    "starts": {"session-service": 0.5},
}


def test_a_goal_that_is_missed_is_marked():
    page = markdown(FOUND)
    assert "| list (20 rows) | 120.00 (50) | 120.00 (1.28) | 0.60 (0.5) |" in page
    assert "**missed:** 20.0 ms, 10.0 ms" in page


def test_what_was_not_measured_has_no_section():
    assert "## Growth" in markdown(FOUND)
    assert "## Growth" not in markdown({})
    assert charts({}) == {}


def test_charts_are_svg():
    for svg in charts(FOUND).values():
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
