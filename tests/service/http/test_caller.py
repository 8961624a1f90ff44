"""Whose sessions a caller sees, and whom a new session belongs to."""

import pytest

from session_service.http.caller import Caller
from session_service.http.errors import ApiError

ANYBODY = Caller()
ALICE = Caller("alice")
ALICE_ISOLATED = Caller("alice", isolated=True)
ADMIN = Caller("root", admin=True)
ADMIN_WITHOUT_NAME = Caller(admin=True)
EMPTY_NAME = Caller("")


@pytest.mark.parametrize(
    ("caller", "asked", "seen"),
    [
        (ANYBODY, None, None),
        (ANYBODY, "bob", "bob"),
        (ANYBODY, "", ""),
        (ALICE, None, None),
        (ALICE, "bob", "bob"),
        (ALICE_ISOLATED, None, "alice"),
        (ALICE_ISOLATED, "bob", "alice"),
        (ALICE_ISOLATED, "", "alice"),
        (ADMIN, None, None),
        (ADMIN, "bob", "bob"),
        (ADMIN_WITHOUT_NAME, None, None),
    ],
)
def test_an_isolated_caller_sees_their_own_sessions_and_all_others_filter_as_they_ask(caller, asked, seen):
    assert caller.owner_filter(asked) == seen


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
    assert caller.owner_of_new(asked) == owner


@pytest.mark.parametrize("user_id", [None, ""])
@pytest.mark.parametrize("ask", [Caller.owner_filter, Caller.owner_of_new])
def test_an_isolated_caller_without_a_name_is_refused(user_id, ask):
    with pytest.raises(ApiError) as refused:
        ask(Caller(user_id, isolated=True), "alice")
    assert (refused.value.status, refused.value.detail) == (403, "Authenticated request is missing a user identity")
