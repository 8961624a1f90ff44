"""Stores that are not well are looked at again: those of one namespace as often, however many another has."""

from __future__ import annotations

from session_operator.pace import Pace
from session_operator.resource import Key


def test_a_store_that_is_not_well_is_looked_at_again_soon() -> None:
    assert Pace().next_look(Key("chat", "one"), settled=False) == 15


def test_a_thousand_of_one_namespace_are_looked_at_ten_a_second() -> None:
    pace = Pace()
    seconds = [pace.next_look(Key("many", str(number)), settled=False) for number in range(1000)]

    assert seconds[0] == 15
    assert seconds[-1] == 100
    assert pace.next_look(Key("many", "0"), settled=False) == 100


def test_another_namespace_does_not_wait_for_them() -> None:
    pace = Pace()
    for number in range(1000):
        pace.next_look(Key("many", str(number)), settled=False)

    assert pace.next_look(Key("chat", "one"), settled=False) == 15
    assert pace.next_look(Key("many", "0"), settled=False) == 200
    pace.next_look(Key("chat", "one"), settled=True)
    assert pace.next_look(Key("many", "0"), settled=False) == 100


def test_those_that_are_well_or_unknown_count_no_more() -> None:
    pace = Pace()
    for number in range(300):
        pace.next_look(Key("many", str(number)), settled=False)
    for number in range(299):
        pace.next_look(Key("many", str(number)), settled=True)
    pace.next_look(Key("chat", "gone"), settled=True)

    assert pace.next_look(Key("many", "299"), settled=False) == 15
