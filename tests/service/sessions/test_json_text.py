import json

import pytest

from session_service.sessions import json_text
from session_service.sessions.json_text import (
    Kind,
    characters,
    member,
    read_list,
    read_object,
    write_list,
    write_object,
)

KINDS = ("anything", "something", "string", "an_object", "some_object", "a_list", "objects", "some_objects", "strings")


@pytest.mark.parametrize(
    ("value", "of_kinds"),
    [
        (b"null", ""),
        (b"true", "anything something"),
        (b"false", "anything something"),
        (b"0", "anything something"),
        (b"-1", "anything something"),
        (b'""', "anything something string"),
        (b"{}", "anything an_object"),
        (b"{ }", "anything an_object"),
        (b'{"a": 1}', "anything something an_object some_object"),
        (b'{ "a": 1}', "anything something an_object some_object"),
        (b"[]", "anything a_list objects strings"),
        (b"[ ]", "anything a_list objects strings"),
        (b"[1]", "anything something a_list"),
        (b'["a"]', "anything something a_list strings"),
        (b"[ {}]", "anything something a_list objects some_objects"),
    ],
)
@pytest.mark.parametrize("blanks", [b"", b" ", b"\n\t\r "])
def test_a_value_is_of_its_kinds_whatever_blanks_lead_it(value: bytes, of_kinds: str, blanks: bytes) -> None:
    text = blanks + value
    kinds: dict[str, Kind] = {name: getattr(json_text, name) for name in KINDS}
    assert [name for name, kind in kinds.items() if kind(text) == text] == of_kinds.split()
    assert {kind(text) for kind in kinds.values()} <= {text, None}


@pytest.mark.parametrize("name", [*KINDS, "number"])
@pytest.mark.parametrize("text", [None, b"", b" "])
def test_no_text_is_of_no_kind(name: str, text: bytes | None) -> None:
    assert getattr(json_text, name)(text) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        b"null",
        b"[1]",
        b"{",
        b'{"n": 1}x',
        b'{"n": 1, "o": }',
        b'{"n": 1, "\\ud800": 2}',
        b'{"o": ' + b"[" * 100_000 + b"]" * 100_000 + b', "n": 1}',
        b"{}",
        b'{"o": {"n": 1}}',
        b'{"n": null}',
        b'{"n": [1, 2.50], "o": 1}',
        b' {"o": 1, "n" : { } } ',
        b'{"n": 1, "o": 2, "n": 3}',
        b'{"n": 1, "n": null}',
        b'{"\\u006e": 1}',
    ],
)
def test_one_member_reads_as_among_all(text: bytes | None) -> None:
    assert member("n")(text) == read_object(text).get("n")


def test_what_is_written_reads_back() -> None:
    members = [("a", b"1"), ("none", None), ("null", b"null"), ('"é', b'"x"')]
    assert write_object(members) == '{"a":1,"\\"é":"x"}'.encode()
    assert write_object(members, nulls=True) == '{"a":1,"none":null,"null":null,"\\"é":"x"}'.encode()
    assert json.loads(write_list(member for _, member in members if member)) == [1, None, "x"]


def test_nothing_is_written_as_empty() -> None:
    assert (write_object([]), write_object([("a", None)]), write_list([])) == (b"{}", b"{}", b"[]")
    assert (write_object([("a", b"1")]), write_list([b"1"])) == (b'{"a":1}', b"[1]")


DEEP = b"[" * 3000 + b"]" * 3000


@pytest.mark.parametrize(
    ("text", "members"),
    [
        (b'{"a":%b, "b" : {"c": 1} }', {"a": DEEP, "b": b'{"c": 1}'}),
        (b' { "a": %b}', {"a": DEEP}),
        (b'{"n": "]\\"}, [", "a":%b,"x":-1.5e3}', {"n": b'"]\\"}, ["', "a": DEEP, "x": b"-1.5e3"}),
        (b'{"a": 1, "a": %b}', {"a": DEEP}),
    ],
)
def test_an_object_is_read_however_deep_it_is(text: bytes, members: dict[str, bytes]) -> None:
    whole = text % DEEP
    assert read_object(whole) == members
    assert member("a")(whole) == members["a"]
    assert read_list(b"[ 1 ,%b, {}]" % whole) == [b"1", whole.strip(), b"{}"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (rb'"\ud800"', rb'"\ufffd"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\ud800 \\\uDBFF"', rb'"\\ud800 \\\ufffd"'),
    ],
)
def test_half_of_a_pair_is_no_character(text: bytes, shown: bytes) -> None:
    assert characters(text) == shown
    assert read_object(b'{"a": [%b], %b: 1}' % (text, text)) == {"a": b"[%b]" % text, json.loads(shown): b"1"}
    assert read_list(b"[%b]" % text) == [text]
