import json

import pytest

from session_service.sessions import json_text
from session_service.sessions.json_text import Kind, member, read_object, write_list, write_object

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
