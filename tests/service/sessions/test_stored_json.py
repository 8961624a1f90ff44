import json
from typing import Any

import pytest

from session_service.sessions.errors import InvalidContent, InvalidIdentifier
from session_service.sessions.stored_json import (
    checked_identifier,
    storable,
    stored_json,
    stored_metadata,
    stored_session_data,
)


def test_control_characters_are_removed_from_values_and_stay_in_keys() -> None:
    given = {"k\x01": ["a\x00b\x0b", {"deep": "\x1f\ufffe\uffffz"}], "kept": "\t\n\r\x7f\x85é"}
    assert json.loads(stored_json("metadata", given)) == {"k\x01": ["ab", {"deep": "z"}], "kept": "\t\n\r\x7f\x85é"}


def test_numbers_are_stored_as_they_are() -> None:
    assert stored_json("state", [12345678901234567890123, 0.1, 1e21, -0.0, True]) == (
        "[12345678901234567890123,0.1,1e+21,-0.0,true]"
    )


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {"deep": [float("-inf")]}, {"k\x00": 1}, [{"\x00": 1}], "\ud800", {"\udfff": 1}],
    ids=[
        "NaN",
        "Infinity",
        "-Infinity, deep",
        "NUL in a key",
        "NUL as a key, deep",
        "half a pair",
        "half a pair as a key",
    ],
)
def test_what_postgres_cannot_hold_is_refused_without_repeating_it(value: Any) -> None:
    with pytest.raises(InvalidContent) as refused:
        stored_json("session_state", value)
    assert refused.value.field == "session_state"
    str(refused.value).encode()


def test_endless_nesting_is_refused() -> None:
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(InvalidContent):
        stored_json("session_state", value)


@pytest.mark.parametrize(
    ("name", "state", "stored"),
    [
        (None, None, None),
        ("", None, '{"session_name":""}'),
        (None, {}, '{"session_state":{}}'),
        ("a\x00b", {"k": "b\x00c"}, '{"session_state":{"k":"bc"},"session_name":"ab"}'),
    ],
)
def test_session_data_holds_what_is_given(name: str | None, state: dict[str, Any] | None, stored: str | None) -> None:
    assert stored_session_data(name, state) == stored


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({}, "{}"),
        ({"a": None}, '{"a":null}'),
        ({"agno_component_version": 1, "agno_dispatch_chain": [], "agno_dispatch_depth": 2, "a": 1}, '{"a":1}'),
        ({"agno_dispatch_depth": 2}, None),
        ({"a": {"agno_dispatch_depth": 2}}, '{"a":{"agno_dispatch_depth":2}}'),
    ],
)
def test_metadata_loses_the_keys_that_agno_reserves(given: dict[str, Any], stored: str | None) -> None:
    assert stored_metadata(given) == stored


@pytest.mark.parametrize("identifier", ["a\x00b", "\ud800"])
def test_an_id_that_postgres_cannot_hold_is_no_ones(identifier: str) -> None:
    assert not storable(identifier)
    with pytest.raises(InvalidIdentifier, match="session_id"):
        checked_identifier("session_id", identifier)


@pytest.mark.parametrize("identifier", ["", "a/b", "日本 ☂ \U0001f600", "\x01", None])
def test_any_other_id_is_fine(identifier: str | None) -> None:
    assert checked_identifier("session_id", identifier) == identifier
