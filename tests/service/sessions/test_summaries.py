from typing import Any

import pytest

from session_service.sessions.errors import InvalidContent, InvalidSummary
from session_service.sessions.summaries import shown_summary, stored_summary


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"summary": "s"}, '{"summary":"s"}'),
        ({"summary": 5}, '{"summary":5}'),
        ({"summary": None}, "{}"),
        ({"summary": "a\x01b", "topics": ["t\x00"]}, '{"summary":"ab","topics":["t"]}'),
        (
            {"updated_at": "2025-01-01T00:00:00Z", "topics": ["t"], "summary": "s"},
            '{"summary":"s","topics":["t"],"updated_at":"2025-01-01T00:00:00+00:00"}',
        ),
        ({"summary": "s", "topics": None, "updated_at": ""}, '{"summary":"s"}'),
        ({"summary": "s", "updated_at": "2025-01-01"}, '{"summary":"s","updated_at":"2025-01-01T00:00:00"}'),
    ],
)
def test_a_summary_is_stored_in_its_own_form(given: dict[str, Any], stored: str) -> None:
    assert stored_summary(given) == stored


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"topics": ["t"]},
        {"summary": "s", "mood": "good"},
        {"summary": "s", "updated_at": "tomorrow"},
        {"summary": "s", "updated_at": 1760000000},
        {"summary": "s", "updated_at": ["2025-01-01"]},
    ],
)
def test_another_form_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidSummary):
        stored_summary(given)


def test_a_summary_that_postgres_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidContent):
        stored_summary({"summary": float("nan")})


@pytest.mark.parametrize("given", [{"summary": "s", "topics": ["t"], "updated_at": "2025-10-09T10:16:40.5Z"}])
def test_a_stored_summary_is_shown_as_it_was_stored(given: dict[str, Any]) -> None:
    stored = stored_summary(given).encode()
    assert shown_summary(stored) == stored
