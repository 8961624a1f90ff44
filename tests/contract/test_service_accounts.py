"""Service accounts: tokens minted by AgentOS itself, tried on AgentOS and on the service."""

import time
from collections.abc import Iterator

import pytest

from .accounts import SCOPES, SERVERS, Accounts, accounts
from .comparison import differences
from .deliberate import expectation
from .exchange import Answer, Request
from .postgres import Postgres
from .sidebyside import departures, observe

HEADERS = ("content-type", "access-control-allow-origin", "vary", "allow")
MODES = [name for name in SERVERS if name != "attacked"]
GOOD = [name for name in SCOPES if name not in ("expired", "revoked")]
READS = [
    Request("GET", "/sessions?limit=100"),
    Request("GET", "/sessions?limit=100&user_id=alice"),
    Request("GET", "/sessions?limit=100&user_id=sa:reader"),
    Request("GET", "/sessions/a-weather"),
    Request("GET", "/sessions/a-weather?user_id=alice"),
    Request("GET", "/sessions/a-sdk"),
    Request("GET", "/sessions/a-weather/runs"),
    Request("GET", "/sessions/a-noname/run-previews"),
    Request("GET", "/sessions/a-weather/runs/run-w1"),
    Request("GET", "/sessions/a-sdk?limit=x&db_id=nope"),
    Request("GET", "/nope"),
    Request("GET", "/sessions/a-weather/nope"),
    Request("PUT", "/sessions"),
    Request("OPTIONS", "/sessions"),
]
WRITES = [
    Request("POST", "/sessions", json={"session_id": "new", "user_id": "alice", "session_name": "n"}),
    Request("POST", "/sessions", json={"session_id": "a-weather"}),
    Request("POST", "/sessions", json={"session_id": "a-sdk"}),
    Request("POST", "/sessions/a-sdk/rename", json={"session_name": "renamed"}),
    Request("POST", "/sessions/a-weather/rename", json={"session_name": "renamed"}),
    Request("PATCH", "/sessions/a-sdk", json={"session_name": "patched"}),
    Request("PATCH", "/sessions/a-weather", json={"session_name": "patched"}),
    Request("DELETE", "/sessions/a-sdk"),
    Request("DELETE", "/sessions/a-weather"),
    Request("DELETE", "/sessions", json={"session_ids": ["a-sdk"], "session_types": ["agent"]}),
]
DETAIL = Request("GET", "/sessions/a-weather")
UNKNOWN = "agno_pat_0123456789012345678901234567890123456789012"


@pytest.fixture(scope="module")
def both(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with accounts(postgres, tmp_path_factory.mktemp("accounts")) as running:
        yield running


def bearing(request: Request, token: str, *, word: str = "Bearer ") -> Request:
    """The request with a token."""
    return Request(request.method, request.path, {"Authorization": f"{word}{token}"}, request.json)


def same(both: Accounts, server: str, request: Request) -> Answer:
    """The answer of both, which is the same."""
    theirs, ours = both.agentos[server].ask(request), both.service[server].ask(request)
    assert (ours.status, ours.named(HEADERS)) == (theirs.status, theirs.named(HEADERS)), request
    assert not list(differences(theirs.body, ours.body)), request
    return ours


@pytest.mark.parametrize("account", GOOD)
@pytest.mark.parametrize("server", MODES)
def test_a_token_opens_what_it_opens_at_agentos_and_reads_the_same(server: str, account: str, both: Accounts) -> None:
    for request in READS:
        bearer = bearing(request, both.tokens[account])
        expected = expectation("v3", bearer, both.agentos[server])
        found = departures(expected.outcome, observe(both.service[server], bearer))
        assert not found, [request, *found]


@pytest.mark.parametrize("account", ["reader", "writer", "admin"])
@pytest.mark.parametrize("server", ["open", "key"])
def test_a_token_writes_the_same(server: str, account: str, both: Accounts) -> None:
    for request in WRITES:
        bearer = bearing(request, both.tokens[account])
        expected = expectation("v3", bearer, both.agentos[server])
        found = departures(expected.outcome, observe(both.service[server], bearer))
        assert not found, [request, *found]


@pytest.mark.parametrize("server", MODES)
def test_a_token_that_opens_nothing_is_refused_alike_and_ignored_where_everybody_may_come(
    server: str, both: Accounts
) -> None:
    for token in (both.tokens["expired"], both.tokens["revoked"], UNKNOWN, "agno_pat_", both.tokens["reader"] + "x"):
        answer = same(both, server, bearing(DETAIL, token))
        refused = (401, {"detail": "Invalid or expired service account token"})
        assert ((answer.status, answer.body) == refused) == (server != "open")


@pytest.mark.parametrize("server", MODES)
@pytest.mark.parametrize("word", ["", "bearer ", "BEARER   ", "Basic ", "Bearer", "\t"])
def test_a_token_is_looked_for_where_agentos_looks(server: str, word: str, both: Accounts) -> None:
    same(both, server, bearing(DETAIL, both.tokens["other"], word=word))


def test_a_token_that_agentos_revokes_opens_nothing_any_more(both: Accounts) -> None:
    account = both.minted("short-lived", ["sessions:read"])
    of_lists = bearing(Request("GET", "/sessions?limit=1"), account["token"])
    assert same(both, "key", of_lists).status == 200
    both.revoke(account["id"])
    assert same(both, "key", of_lists).status == 401


def test_beyond_twenty_failures_a_minute_wrong_tokens_are_answered_by_429_and_right_ones_as_ever(
    both: Accounts,
) -> None:
    statuses = [same(both, "attacked", bearing(DETAIL, f"{UNKNOWN}{n}")).status for n in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    detail = {"detail": "Too many failed authentication attempts"}
    assert same(both, "attacked", bearing(DETAIL, both.tokens["expired"])).body == detail
    assert same(both, "attacked", bearing(DETAIL, both.tokens["reader"])).status == 200
    assert same(both, "attacked", bearing(DETAIL, both.tokens["other"])).status == 403
    assert same(both, "attacked", bearing(DETAIL, "nonsense")).status == 401


@pytest.mark.parametrize("server", MODES)
def test_a_table_that_is_away_makes_authentication_unavailable_for_as_long(server: str, both: Accounts) -> None:
    same(both, server, bearing(DETAIL, both.tokens["reader"]))  # AgentOS looks for the table once
    both.rows("ALTER TABLE ai.agno_service_accounts RENAME TO away")
    try:
        answer = same(both, server, bearing(DETAIL, f"{UNKNOWN}-{server}"))
    finally:
        both.rows("ALTER TABLE ai.away RENAME TO agno_service_accounts")
    unavailable = (503, {"detail": "Authentication is temporarily unavailable"})
    assert ((answer.status, answer.body) == unavailable) == (server != "open")
    assert same(both, server, bearing(DETAIL, both.tokens["reader"])).status == 200


def test_a_use_is_noted_as_agentos_notes_it_but_once_a_minute_in_all(both: Accounts) -> None:  # noted-use
    account = both.minted("noted", ["sessions:read"])
    asked = bearing(DETAIL, account["token"])

    def noted(seconds_before: int) -> int:
        """When the use was noted that was noted so many seconds earlier."""
        change = "last_used_at = last_used_at - %s WHERE name = 'noted' RETURNING last_used_at"
        [[at]] = both.rows(f"UPDATE ai.agno_service_accounts SET {change}", seconds_before)
        return int(at)

    began = int(time.time())
    both.service["key"].ask(asked)
    assert began <= noted(0) <= time.time()
    before = noted(30)
    both.service["jwt"].ask(asked)  # another process, which has not seen the token yet
    assert noted(0) == before
    noted(31)
    both.service["jwt_isolated"].ask(asked)
    assert noted(0) >= began
    before = noted(30)
    both.agentos["jwt"].ask(asked)
    assert noted(0) > before
