"""Whose sessions a caller sees, and whom a new session belongs to."""

import pytest

from session_service.http.caller import Caller
from session_service.http.errors import ApiError
from session_service.store.owner import EVERYBODY, Only

ANYBODY = Caller()
ALICE = Caller("alice")
ALICE_ISOLATED = Caller("alice", isolated=True)
ADMIN = Caller("root", admin=True)
ADMIN_WITHOUT_NAME = Caller(admin=True)
EMPTY_NAME = Caller("")


@pytest.mark.parametrize(
    ("caller", "asked", "seen"),
    [
        (ANYBODY, None, EVERYBODY),
        (ANYBODY, "bob", Only("bob")),
        (ANYBODY, "", Only("")),
        (ALICE, None, EVERYBODY),
        (ALICE, "bob", Only("bob")),
        (ALICE_ISOLATED, None, Only("alice")),
        (ALICE_ISOLATED, "bob", Only("alice")),
        (ALICE_ISOLATED, "", Only("alice")),
        (ADMIN, None, EVERYBODY),
        (ADMIN, "bob", Only("bob")),
        (ADMIN_WITHOUT_NAME, None, EVERYBODY),
    ],
)
def test_an_isolated_caller_sees_their_own_sessions_and_all_others_filter_as_they_ask(caller, asked, seen):
    assert caller.asks_for(asked) == seen


@pytest.mark.parametrize(
    ("caller", "asked", "owner"),
    [
        (ANYBODY, None, None),
        (ANYBODY, "bob", "bob"),
        (ALICE, None, "alice"),
        (ALICE, "bob", "alice"),
        (ALICE_ISOLATED, "bob", "alice"),
        (ADMIN, "bob", "root"),
        (ADMIN_WITHOUT_NAME, "bob", "bob"),
        (EMPTY_NAME, "bob", ""),
    ],
)
def test_a_new_session_belongs_to_the_caller_or_to_whom_a_nameless_caller_says(caller, asked, owner):
    assert caller.asks_for(None).of_new(caller.owner_of_new(asked)) == owner


@pytest.mark.parametrize("user_id", [None, ""])
def test_an_isolated_caller_without_a_name_is_refused(user_id):
    with pytest.raises(ApiError) as refused:
        Caller(user_id, isolated=True).asks_for("alice")
    assert (refused.value.status, refused.value.detail) == (403, "Authenticated request is missing a user identity")
