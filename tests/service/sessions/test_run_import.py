"""Runs that come with a new session: each has an id of its own, as it is stored."""

import json

import pytest

from session_service.sessions.errors import InvalidContent
from session_service.sessions.run_import import imported_runs


def test_runs_are_stored_as_they_are_but_for_control_characters():
    runs = [{"run_id": "a\x01", "content": "b\x1f"}, {"run_id": "a b\t"}]
    assert json.loads(imported_runs(runs)) == [{"run_id": "a", "content": "b"}, {"run_id": "a b\t"}]


@pytest.mark.parametrize("run_id", [None, 5, "", [], "\x01", "\x00\x1f\uffff"])
def test_a_run_without_an_id_when_it_is_stored_is_refused(run_id):
    with pytest.raises(InvalidContent, match="not empty"):
        imported_runs([{"run_id": "a"}, {"run_id": run_id}])


@pytest.mark.parametrize("other", ["a", "a\x01", "\x00a", "\ufffea\x0b"])
def test_two_ids_that_are_one_when_they_are_stored_are_refused(other):
    with pytest.raises(InvalidContent, match="of its own"):
        imported_runs([{"run_id": "a"}, {"run_id": other}])
