"""Text that others wrote is shown on one line, without anything that a terminal obeys."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_operator.events import StoreEvent, _event
from session_operator.plan import Change, Plan, text
from session_operator.printable import PrintableFormatter, printable, word
from session_operator.reasons import Finding, Reason
from session_operator.resource import Key
from session_operator.status import report

from .stores import store

NASTY = "one\ntwo\x1b[2J\x00\u202e\ud800"
TAMED = "one two\ufffd[2J\ufffd\ufffd\ufffd"


@settings(deadline=None)
@given(st.text())
def test_each_character_becomes_one_that_is_seen(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)


@pytest.mark.parametrize("text", ["", "two words", "7", "a" * 65, "\u05d0", "a\n", 7, None, ["a"]], ids=repr)
def test_what_is_no_word_is_none(text: object) -> None:
    assert word(text) == ""


def test_conditions_and_events_hold_no_control_character() -> None:
    failure = Finding(Reason.APPLY_REFUSED, NASTY)
    status = report(store(), [], applied=3, dsn_map=None, workload=None, failure=failure, now=datetime.now(UTC))

    assert {each["message"] for each in status["conditions"] if each["reason"] == "ApplyRefused"} == {TAMED}
    assert (
        _event(store().key, "6f9d", StoreEvent("Warning", "ApplyRefused", "Reconcile", NASTY), "chat.1")["note"]
        == TAMED
    )


def test_a_plan_prints_none() -> None:
    plan = Plan(Key("agents", "chat"), changes=[Change("~", "Service", "chat", (NASTY,))], blocked=[NASTY])

    assert text(plan).splitlines()[-1] == f"  {TAMED}"
    assert all(line.isprintable() for line in text(plan).split("\n"))


def test_a_line_of_the_log_stays_one() -> None:
    record = logging.LogRecord("session_operator", logging.WARNING, "", 1, "%s", (NASTY,), None)

    assert PrintableFormatter("%(levelname)s %(message)s").format(record) == f"WARNING {TAMED}"
