from session_service.sessions.forms import Form, derived, stored
from session_service.sessions.json_text import objects, string

FORM = Form(*stored(string, "a", "b", absent=b'""'), *derived("c"), *stored(objects, "d"))


def test_fields_keep_their_order_whatever_order_they_are_stored_in() -> None:
    shown = FORM.show({"d": b"[{}]", "other": b"1", "a": b'"x"'})
    assert list(shown.items()) == [("a", b'"x"'), ("b", b'""'), ("c", None), ("d", b"[{}]")]


def test_what_stands_for_an_absent_field_stands_for_no_other() -> None:
    assert FORM.show({"a": b"null", "b": b"5"}) == {"a": None, "b": None, "c": None, "d": None}


def test_a_derived_field_does_not_show_what_is_stored_by_its_name() -> None:
    assert FORM.show({"c": b'"x"'})["c"] is None


def test_what_one_object_shows_stays_its_own() -> None:
    FORM.show({})["c"] = b"1"
    assert FORM.show({})["c"] is None
