import json
from typing import Any

import pytest

from session_service.sessions.runs import Run

from .records import cases, ordered, record, text


def run(**stored: Any) -> Run:
    return Run(text(stored) or b"")


@pytest.mark.parametrize("case", cases("runs.json"))
def test_a_run_is_shown(case: dict[str, Any]) -> None:
    listed_as = case["listed_as"]
    body = run(**case["run"]).body(record(**case["session"]), listed_as, nulls=listed_as is None)
    if "shows" in case:
        assert ordered(body) == json.dumps(case["shows"])
    else:
        assert body is not None
        shown = json.loads(body)
        assert {name: shown.get(name, "(left out)") for name in case["shows_of_it"]} == case["shows_of_it"]


@pytest.mark.parametrize("stored", [b"null", b"[]", b'"text"', b"5", b"{}", b"not json", b""])
def test_what_is_no_run_is_not_shown(stored: bytes) -> None:
    assert Run(stored).body(record(), "agent", nulls=False) is None


def test_of_equal_keys_the_last_counts() -> None:
    shown = json.loads(Run(b'{"status":"RUNNING","status":"COMPLETED"}').body(record(), "agent", nulls=False) or b"")
    assert shown["status"] == "COMPLETED"


@pytest.mark.parametrize("listed_as", ["agent", "team", "workflow"])
def test_what_is_made_of_a_run_is_not_what_it_stores_by_that_name(listed_as: str) -> None:
    made = ("run_input", "run_response_format", "input_media", "metadata", "created_at")
    key = {"workflow": "workflow_id"}.get(listed_as, "team_id")
    plain, odd = (
        run(**{key: "x"}, **stored).body(record(session_type=listed_as), listed_as, nulls=True)
        for stored in ({}, dict.fromkeys(made, "odd"))
    )
    assert plain == odd


def test_what_is_stored_is_passed_on_as_it_is() -> None:
    body = Run(b'{"metrics": {"cost": 1.10, "n" : 12345678901234567890123}}').body(record(), "agent", nulls=False)
    assert b'"metrics":{"cost": 1.10, "n" : 12345678901234567890123}' in (body or b"")


@pytest.mark.parametrize(
    ("created_at", "after", "before", "passes"),
    [
        (5, None, None, True),
        (5, 5, 5, True),
        (5, 6, None, False),
        (5, None, 4, False),
        (5.5, 5, None, True),
        (5.5, None, 5, False),
        (0, 0, 0, True),
        (-1, 0, None, False),
        (None, 6, 4, True),
        ("noon", 6, 4, True),
        ("1970-01-01T00:00:05Z", 5, 5, True),
        ("1970-01-01T00:00:05Z", 6, None, False),
        (1e300, 5, 4, True),
    ],
)
def test_runs_are_found_by_their_time(created_at: Any, after: int | None, before: int | None, passes: bool) -> None:
    assert run(created_at=created_at).matches(created_after=after, created_before=before) is passes


@pytest.mark.parametrize(
    ("status", "asked", "passes"),
    [
        ("COMPLETED", (), True),
        ("completed", ("COMPLETED", "ERROR"), True),
        ("PAUSED", ("COMPLETED", "ERROR"), False),
        (None, (), True),
        (None, ("COMPLETED",), False),
        (5, ("COMPLETED",), False),
    ],
)
def test_runs_are_found_by_their_status(status: Any, asked: tuple[str, ...], passes: bool) -> None:
    assert run(status=status).matches(statuses=asked) is passes
