import json
from typing import Any

import pytest

from session_service.sessions.names import session_name
from session_service.store.records import NameSource

from .records import text


def source(content: Any = None, input: Any = None, workflow_name: Any = None, has_runs: bool = True) -> NameSource:
    return NameSource(has_runs, text(content), text(input), text(workflow_name))


def listed(session_type: str, **made_of: Any) -> str:
    return session_name(None, session_type, source(**made_of), parsed=False)


def opened(session_type: str, **made_of: Any) -> str:
    return session_name(None, session_type, source(**made_of), parsed=True)


@pytest.mark.parametrize(
    ("stored", "name"), [("Trip", "Trip"), ("", ""), ("서울 ☂", "서울 ☂"), (12345, ""), ([1], ""), ({}, ""), (True, "")]
)
@pytest.mark.parametrize("session_type", ["agent", "team", "workflow"])
def test_a_stored_name_is_the_name(session_type: str, stored: Any, name: str) -> None:
    assert session_name(text(stored), session_type, source("a question"), parsed=False) == name


@pytest.mark.parametrize("stored", [None, b"null"])
def test_without_a_stored_name_the_first_question_is_the_name(stored: bytes | None) -> None:
    assert session_name(stored, "agent", source("A question?\nYes."), parsed=True) == "A question?\nYes."


@pytest.mark.parametrize("content", [[{"type": "text", "text": "hi"}], {"a": 1}, 5, True])
def test_a_question_that_is_no_text_gives_no_name(content: Any) -> None:
    assert listed("agent", content=content) == opened("team", content=content) == ""


@pytest.mark.parametrize("session_type", ["agent", "team", "workflow"])
def test_a_session_without_runs_has_no_name(session_type: str) -> None:
    assert session_name(None, session_type, None, parsed=False) == ""
    assert listed(session_type, has_runs=False, workflow_name="Report") == ""


@pytest.mark.parametrize(
    ("input", "in_the_list", "opened_up"),
    [
        ({"images": [], "input_content": "é x"}, {"images": [], "input_content": "é x"}, {"input_content": "é x"}),
        ({"files": [], "input_content": None}, {"files": [], "input_content": None}, {}),
        ({"zz": 1}, {"zz": 1}, {"input_content": ""}),
        (
            {"audios": [{"id": "q", "url": "u"}], "images": [{"id": "p", "url": "v"}], "input_content": [1.0, 10**21]},
            {"audios": [{"id": "q", "url": "u"}], "images": [{"id": "p", "url": "v"}], "input_content": [1.0, 10**21]},
            {
                "input_content": [1.0, 10**21],
                "images": [{"id": "p", "url": "v"}],
                "audios": [{"id": "q", "url": "u", "sample_rate": 24000, "channels": 1}],
            },
        ),
    ],
    ids=["text", "nothing", "unknown fields", "media"],
)
def test_without_a_question_the_input_is_the_name(input: Any, in_the_list: Any, opened_up: Any) -> None:
    assert listed("agent", input=input) == json.dumps(in_the_list, indent=2)
    assert opened("agent", input=input) == json.dumps(opened_up, indent=2)


def test_an_empty_input_is_a_name_in_the_list_only() -> None:
    assert listed("agent", input={}) == "{}"
    assert opened("agent", input={}) == ""


@pytest.mark.parametrize(
    ("input", "name"),
    [
        ("text", "text"),
        (["a", None], "['a', None]"),
        (5, "5"),
        ([{"role": "user", "content": "C"}], "C"),
        ([{"role": "user"}], "[{'role': 'user'}]"),
        ([{"role": "user", "content": [1]}], ""),
    ],
)
def test_an_input_that_is_no_object_names_the_session_in_words(input: Any, name: str) -> None:
    assert listed("agent", input=input) == name


@pytest.mark.parametrize(
    ("made_of", "name"),
    [
        ({"input": "weekly"}, "weekly"),
        ({"input": ""}, ""),
        ({"input": {"n": 1, "topic": "日本"}}, '{"n": 1, "topic": "\\u65e5\\u672c"}'),
        ({"input": {}}, "{}"),
        ({"input": [1], "workflow_name": "Report"}, "New Report Session"),
        ({"input": 0, "workflow_name": "Report"}, "New Report Session"),
        ({"workflow_name": "Report"}, "New Report Session"),
        ({"workflow_name": ["x"]}, "New ['x'] Session"),
        ({"workflow_name": ""}, ""),
        ({}, ""),
    ],
)
def test_a_workflow_is_named_by_its_input_or_its_own_name(made_of: dict[str, Any], name: str) -> None:
    assert listed("workflow", **made_of) == opened("workflow", **made_of) == name


@pytest.mark.parametrize(
    "input", [b'{"n": %b}' % (b"9" * 5000), b'{"n": "\\ud800"}', b'["\\ud800"]', b'"\\ud800"', b"{"]
)
def test_an_input_beyond_words_still_gives_text(input: bytes) -> None:
    for session_type in ("agent", "workflow"):
        made_of = NameSource(has_runs=True, content=None, input=input, workflow_name=None)
        session_name(None, session_type, made_of, parsed=False).encode()
