"""Names that stand for ids in logs."""

from session_service.observability.pseudonyms import Pseudonyms


def test_an_id_has_one_name_under_a_key_and_another_under_another():
    one, same, other = Pseudonyms("a"), Pseudonyms("a"), Pseudonyms("b")
    assert one.of("ann@example.com") == same.of("ann@example.com") != other.of("ann@example.com")
    assert one.of("ann@example.com") != one.of("bob@example.com")


def test_without_a_key_nobody_can_make_the_names():
    assert Pseudonyms().of("ann") != Pseudonyms().of("ann")


def test_any_text_has_a_name():
    assert len({Pseudonyms("a").of(id) for id in ("", "é", "\ud800", "x" * 10_000)}) == 4
