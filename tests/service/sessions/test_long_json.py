"""A long value is stored as a short one is, and looked into as Python would, but never made into objects as a whole."""

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.sessions import long_json, stored_json
from session_service.sessions.errors import InvalidContent, InvalidSummary
from session_service.sessions.long_json import LongJson
from session_service.sessions.run_import import imported_runs
from session_service.sessions.stored_json import stored_metadata, stored_session_data
from session_service.sessions.summaries import stored_summary

texts = st.text(max_size=8) | st.sampled_from(
    ["\x00", "a\x01b", "\ud800", "\ufffe", "\ud83d\ude00", "😀" * 3, "NaN", "\\"]
)
keys = st.text(max_size=4) | st.sampled_from(["run_id", "summary", "topics", "agno_dispatch_depth", "k\x01", "k\x00"])
numbers = st.floats() | st.integers() | st.sampled_from([1e15, 1e400, -0.0, 10**30])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=30,
)
objects = st.dictionaries(keys, values, max_size=6)
layouts = st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 1, 12])})


@pytest.fixture(params=[8, 40, 16384], autouse=True)
def window(request, monkeypatch):
    """Windows in which some, most and all of a small value fits."""
    monkeypatch.setattr(long_json, "WINDOW", request.param)
    monkeypatch.setattr(stored_json, "WINDOW", request.param)
    monkeypatch.setattr(long_json, "LONG", request.param)


def long(value, **layout):
    return LongJson.read(json.dumps(value, **layout).encode(errors="surrogatepass"))


def outcome(store, value):
    try:
        stored = store(value)
    except InvalidContent as error:
        return type(error), error.field
    return stored.decode() if isinstance(stored, bytes) else stored


given_layouts = settings(max_examples=60, deadline=None)


@given_layouts
@given(value=objects, layout=layouts)
def test_a_long_state_is_stored_as_a_short_one(value, layout):
    # what `json` makes of it first: pairs of halves become characters
    same = json.loads(json.dumps(value, **layout))
    for store in (lambda state: stored_session_data("n", state), stored_metadata):
        assert outcome(store, long(value, **layout)) == outcome(store, same)


@given_layouts
@given(value=texts, layout=layouts)
def test_a_long_name_is_stored_as_a_short_one(value, layout):
    same = json.loads(json.dumps(value, **layout))
    assert outcome(lambda name: stored_session_data(name, None), long(value, **layout)) == outcome(
        lambda name: stored_session_data(name, None), same
    )


@given_layouts
@given(value=st.lists(objects.map(lambda run: {"run_id": "a"} | run), max_size=4), layout=layouts)
def test_long_runs_are_stored_as_short_ones(value, layout):
    assert outcome(imported_runs, long(value, **layout)) == outcome(
        imported_runs, json.loads(json.dumps(value, **layout))
    )


@given_layouts
@given(value=objects, layout=layouts)
def test_a_long_summary_is_stored_as_a_short_one(value, layout):
    assert outcome(stored_summary, long(value, **layout)) == outcome(
        stored_summary, json.loads(json.dumps(value, **layout))
    )


NAMES = frozenset({"run_id", "summary"})
member = st.tuples(
    st.sampled_from(['"run_id"', '"run\\u005fid"', '"summary"', '"s"', '"summary_"', '"\\u0073"']), values
)


@given_layouts
@given(st.lists(member, max_size=8))
def test_members_are_found_by_any_spelling_and_the_last_counts(members):
    text = "{" + ",".join(f"{name} : {json.dumps(value)}" for name, value in members) + " }"
    found = LongJson.read(text.encode()).members(NAMES)
    expected = json.loads(text)
    assert repr({name: value.decoded() for name, value in found.values.items()}) == repr(
        {name: expected[name] for name in found.values}
    )
    assert found.values.keys() == expected.keys() & NAMES
    assert found.unknown == bool(expected.keys() - NAMES)


@given_layouts
@given(st.lists(values, max_size=8), layouts)
def test_items_are_those_of_the_list(items, layout):
    found = [item.decoded() for item in long(items, **layout).items()]
    assert repr(found) == repr(json.loads(json.dumps(items, **layout)))


def test_only_reserved_metadata_is_null_and_none_is_an_object():
    reserved = {"agno_dispatch_depth": [1, {"a": 2}], "agno_dispatch_chain": "x" * 20_000}
    assert stored_metadata(long(reserved)) is None
    assert stored_metadata(long(reserved | {"a": 1})) == b'{"a":1}'
    assert stored_metadata(LongJson.read(b"{" + b" " * 20_000 + b"}")) == b"{}"


def test_unknown_keys_of_a_long_summary_are_refused():
    with pytest.raises(InvalidSummary, match="allowed keys"):
        stored_summary(long({"summary": "x" * 20_000, "other": 1}))


SHAPES = {
    "lists": '{"a":[' + "[]," * 300_000 + "[]]}",
    "levels": '{"a":[' + "[[[[[[]]]]]]," * 80_000 + "[]]}",
    "members": '{"a":{' + '"b":{"c":{"d":{}}},' * 50_000 + '"b":1}}',
    "a text": '{"a":"' + "some text 😀 " * 60_000 + '"}',
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_long_value_costs_its_text_and_little_else(name, monkeypatch):
    monkeypatch.undo()
    text = SHAPES[name].encode()
    tracemalloc.start()
    try:
        stored = stored_json.stored_json("session_state", LongJson.read(text))
        # the pieces and the whole that is made of them
        assert tracemalloc.get_traced_memory()[1] < 3 * len(stored) + 5_000_000
    finally:
        tracemalloc.stop()
