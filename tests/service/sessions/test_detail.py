import json
from typing import Any

import pytest

from session_service.sessions.detail import detail

from .records import cases, ordered, record


@pytest.mark.parametrize("case", cases("details.json"))
def test_a_session_is_shown(case: dict[str, Any]) -> None:
    shows = case["shows"]
    body = detail(
        record(**case["session"]), case["shown_as"], shows["session_name"], b"[]", nulls=case.get("nulls", False)
    )
    assert ordered(body) == json.dumps(shows)


@pytest.mark.parametrize("shown_as", ["agent", "team"])
def test_agents_and_teams_show_their_conversation(shown_as: str) -> None:
    history = b'[{"id":"m","role":"user","content":"hi"}]'
    assert b'"chat_history":' + history in detail(record(), shown_as, "", history, nulls=False)
    assert history not in detail(record(), "workflow", "", history, nulls=False)


def test_what_is_stored_is_passed_on_as_it_is() -> None:
    state = {"big": 12345678901234567890123, "null": None, "text": "\u2028 서울"}
    body = detail(record(session_data={"session_state": state}), "agent", "", b"[]", nulls=False)
    assert json.dumps(state, ensure_ascii=False).encode() in body


def test_columns_of_type_json_keep_their_blanks() -> None:
    stored = record()._replace(session_data=b' { "session_state" : { "a" : 1 } } ', metadata=b'\n{ "b" : [ ] }')
    shown = json.loads(detail(stored, "agent", "", b"[]", nulls=False))
    assert (shown["session_state"], shown["metadata"], shown["metrics"]) == ({"a": 1}, {"b": []}, {})
