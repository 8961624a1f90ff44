"""Medians, costs and ratios of what was measured."""

import pytest

from .results import Window, figures, from_json, ratio, to_json


def window(server, requests, **changes):
    values = {
        "server": server,
        "route": "list",
        "connections": 16,
        "requests": requests,
        "seconds": 2.0,
        "p50": 0.01,
        "p99": 0.02,
        "failed": 0,
        "broken": 0,
        "server_cpu": 1.0,
        "database_cpu": 0.5,
        "load_cpu": 0.1,
        "peak_memory": 100,
    }
    return Window(**values | changes)


def test_figures_are_medians_over_the_rounds():
    rounds = [window("a", 100, peak_memory=7), window("a", 300, failed=2), window("a", 200, broken=1)]
    [found] = figures(rounds).values()
    assert (found.rate, found.server_cpu, found.database_cpu) == (100.0, 5.0, 2.5)
    assert (found.errors, found.peak_memory) == (3, 100)


def test_what_answered_nothing_has_no_cost():
    [found] = figures([window("a", 0)]).values()
    assert (found.rate, found.server_cpu, found.database_cpu) == (0.0, None, 0.0)


def test_a_ratio_is_to_the_better_of_the_others():
    found = figures([window("a", 1000), window("sync", 10), window("async", 20)])
    assert ratio(found, "list", 16, "a", ["sync", "async"]) == 50
    assert ratio(found, "list", 16, "a", ["absent"]) is None
    assert ratio(found, "runs", 16, "a", ["sync"]) is None


def test_windows_come_back_from_json():
    windows = [window("a", 1), window("b", 2, server_cpu=None, peak_memory=None)]
    assert from_json(to_json(windows)) == windows


@pytest.mark.parametrize("seconds", [0.0, 2.0])
def test_a_rate_needs_time(seconds):
    assert window("a", 10, seconds=seconds).rate == (5.0 if seconds else 0.0)
