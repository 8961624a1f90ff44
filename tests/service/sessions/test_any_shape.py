"""Agents write what they like into JSON columns: no value of any shape may fail an answer."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.sessions.chat_history import chat_history
from session_service.sessions.detail import detail
from session_service.sessions.listing import list_row
from session_service.sessions.names import session_name
from session_service.sessions.previews import run_preview
from session_service.sessions.run_fields import RUN_FORMS
from session_service.sessions.runs import Run
from session_service.sessions.stored_json import stored_json
from session_service.store.records import NameSource, RunMessages

from .records import listed, record, text

examples = settings(deadline=None)

# jsonb holds neither NUL nor halves of surrogate pairs; it prints integers and fractions of any length
strings = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | strings
known = st.sampled_from(
    sorted(
        {field.name for form in RUN_FORMS.values() for field in form.fields}
        | {"input", "input_content", "role", "id", "url", "sdk", "session_name", "session_state", "session_metrics"}
        | {"summary", "topics", "updated_at", "total_tokens", "from_history", "name", "agent_id", "team_id"}
    )
)


def objects_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(known | strings, values, max_size=5)


values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | objects_of(inner), max_leaves=12)
objects = objects_of(values)
types = st.sampled_from(["agent", "team", "workflow", "robot", ""])
times = st.integers(-(2**63), 2**63 - 1)


def parsed(body: bytes | None) -> Any:
    """The body as strict JSON of UTF-8."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads((body or b"null").decode(), parse_constant=refuse)


@examples
@given(types, values | objects, values, values | objects, times, times | st.none())
def test_any_row_is_shown(kind: str, data: Any, metadata: Any, other: Any, created: int, updated: int | None) -> None:
    columns = {
        "session_type": kind,
        "created_at": created,
        "updated_at": updated,
        **dict.fromkeys(("agent_data", "team_data", "workflow_data", "summary"), other),
        "session_data": data,
        "metadata": metadata,
    }
    assert None not in parsed(list_row(listed(**columns))).values()
    for shown_as in ("agent", "team", "workflow"):
        some = parsed(detail(record(**columns), shown_as, "n", b"[]", nulls=False))
        full = parsed(detail(record(**columns), shown_as, "n", b"[]", nulls=True))
        assert None not in some.values()
        assert {name: value for name, value in full.items() if value is not None} == some


@examples
@given(objects | values, types | st.none(), objects)
def test_any_run_is_shown(run: Any, listed_as: str | None, agent_data: Any) -> None:
    stored = text(run) or b"null"
    session = record(agent_data=agent_data, agent_id="a")
    some, full = (Run(stored).body(session, listed_as, nulls=nulls) for nulls in (False, True))
    if some is not None:
        assert None not in parsed(some).values()
        form = tuple(parsed(full))
        assert form in {tuple(field.name for field in each.fields) for each in RUN_FORMS.values()}
    preview = run_preview(Run(stored), session, listed_as or "agent")
    assert (preview is None) == (Run(stored).shape(session, listed_as or "agent") is None)
    parsed(preview)
    Run(stored).matches(created_after=0, created_before=9, statuses={"ERROR"})


@examples
@given(st.lists(st.builds(RunMessages, *[st.builds(text, values)] * 2, st.builds(text, st.lists(objects) | values))))
def test_any_message_is_shown(runs: list[RunMessages]) -> None:
    body = chat_history(runs, session_created_at=5)
    for message in parsed(body):
        assert isinstance(message["id"], str)
        assert isinstance(message["created_at"], int)
    assert chat_history(runs, session_created_at=5) == body


@examples
@given(*[st.builds(text, values)] * 4, types, st.booleans())
def test_any_first_run_gives_a_name(
    stored: Any, content: Any, input: Any, workflow_name: Any, kind: str, parsed: bool
) -> None:
    source = NameSource(has_runs=True, content=content, input=input, workflow_name=workflow_name)
    session_name(stored, kind, source, parsed=parsed).encode()


@examples
@given(st.binary(max_size=40))
def test_text_that_is_no_json_reads_as_nothing(garbage: bytes) -> None:
    Run(garbage).matches(created_after=0)
    chat_history([RunMessages(garbage, garbage, garbage)], session_created_at=5)
    session_name(garbage, "agent", NameSource(True, garbage, garbage, garbage), parsed=True).encode()


@settings(examples, max_examples=25)
@given(st.integers(1, 100_000), st.sampled_from(["[", '{"a":']))
def test_nesting_of_any_depth_is_answered(depth: int, opening: str) -> None:
    deep = (opening * depth + "1" + ("]" if opening == "[" else "}") * depth).encode()
    run = Run(b'{"run_id":"r","content":' + deep + b',"input":{"input_content":' + deep + b"}}")
    run_preview(run, record(), "agent")
    session_name(None, "agent", NameSource(True, None, deep, deep), parsed=False)


@examples
@given(values)
def test_cleaning_twice_is_cleaning_once(value: Any) -> None:
    once = stored_json("state", value)
    assert stored_json("state", json.loads(once)) == once
