"""Documents of some members of a longer one, stand-ins for long values, and beginnings of JSON that are ended."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.store.documents import Document, Long, closed

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def long(path, kind):
    return {path: Long(path, kind, 10**6)}


def test_members_make_a_document():
    document = Document({"a.b": b"1", "a.c.0": b'"x"', "a.c.2": b"{}", "d": b"[ ]"})
    assert document.text() == b'{"a":{"b":1,"c":["x",null,{}]},"d":[ ]}'
    assert document.text("a.c") == b'["x",null,{}]'
    assert document.text("nothing.at.all") is None
    assert document.split(b"whatever") == [b"whatever"]


@pytest.mark.parametrize(
    ("kind", "reads_as"),
    [('{"', dict), ("[{", list), ('["', list), ("[[", list), ("[1", list), ("[n", list), ('"a', str)],
)
def test_a_stand_in_is_json_of_the_kind_of_what_it_stands_for(kind, reads_as):
    document = Document({"before": b"1", **long("value", kind)})
    stand_in = document.text("value")
    found = json.loads(stand_in)
    assert type(found) is reads_as
    assert "".join(stand_in.decode().split()).startswith(kind[: 2 if kind in ("[{", '["', '{"') else 1])
    assert document.split(b'{"x":%b}' % stand_in) == [b'{"x":', "value", b"}"]
    assert document.split(b"{}") == [b"{}"]


def test_a_long_object_has_the_members_that_are_looked_into():
    document = Document({**long("data", '{"'), "data.name": b'"n"', **long("data.state", "[1")})
    data = json.loads(document.text("data"))
    assert data["name"] == "n"
    text = b"1%b2%b3" % (document.text("data"), document.text("data.state"))
    assert document.split(text) == [b"1", "data", b"2", "data.state", b"3"]


def test_a_long_list_has_the_items_that_are_looked_into():
    first = Document({**long("steps", "[{"), "steps.0.messages.0.role": b'"user"'})
    assert json.loads(first.text("steps"))[0]["messages"] == [{"role": "user"}]
    another = Document({**long("messages", "[{"), "messages.1.role": b'"user"'})
    assert json.loads(another.text("messages"))[1:] == [{"role": "user"}]
    for document in (first, another):
        assert len(document.split(document.text())) == 3


def test_a_stand_in_that_was_taken_apart_is_never_shown():
    document = Document(long("name", '"a'))
    inside = document.text("name")[1:-1]
    with pytest.raises(ValueError, match="taken apart"):
        document.split(b'"New %b Session"' % inside)


def test_what_looks_like_a_stand_in_of_another_document_is_none():
    stand_in = Document(long("a", '"a')).text("a")
    assert Document({"a": b"1"}).split(stand_in) == [stand_in]


@settings(deadline=None)
@given(values, st.booleans(), st.data())
def test_a_beginning_of_json_reads_as_the_whole_up_to_there(value, ascii, data):
    text = json.dumps(value, ensure_ascii=ascii).encode(errors="surrogatepass")
    ended = closed(text[: data.draw(st.integers(1, len(text)))])
    if not ended:  # of a number there is no beginning
        assert not isinstance(value, str | list | dict)
        return
    begins, whole = json.dumps(json.loads(ended)), json.dumps(value)
    same = next((place for place, (a, b) in enumerate(zip(begins, whole, strict=False)) if a != b), len(begins))
    # nothing but what ends it is otherwise
    assert not begins[same:].strip('"]}')


@pytest.mark.parametrize(
    ("beginning", "ended"),
    [
        (b'"a text', b'"a text"'),
        (b'"half of an escape \\', b'"half of an escape "'),
        (b'"half of a character \\ud83d', b'"half of a character "'),
        (b'"a character \\ud83d\\ude00 and', b'"a character \\ud83d\\ude00 and"'),
        ("é".encode()[:1].join([b'"', b""]), b'""'),
        (b'{"a": [1, 2', b'{"a": [1]}'),
        (b'{"a": [1, {"b": "c", "d', b'{"a": [1, {"b": "c"}]}'),
        (b'{"a": {"b": ', b'{"a": {}}'),
        (b'[{"a": "b"}, ', b'[{"a": "b"}]'),
        (b'"whole"', b'"whole"'),
        (b" [ 1 ] ", b" [ 1 ]"),
        (b"123", b""),
    ],
)
def test_json_is_ended_where_it_is_cut(beginning, ended):
    assert closed(beginning) == ended


def test_ending_json_takes_no_longer_than_reading_it():
    deep = b"[" * 20_000
    assert closed(deep) == deep + b"]" * 20_000
