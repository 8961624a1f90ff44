"""Service accounts: what is remembered of a token, how often one may fail, and what the database may cost."""

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager
from itertools import count

import psycopg2
import pytest

from session_service.app import create_app
from session_service.database.dsn_map import BadDsnMap
from session_service.http import service_accounts
from session_service.http.errors import ApiError
from session_service.http.remembered import Remembered
from session_service.http.service_accounts import AT_ONCE, AccountSettings, AccountTokens
from session_service.settings import Settings
from session_service.store.service_accounts import ServiceAccounts
from session_service.store.store_map import LiveStores, StoreMap
from session_service.variables import BadSetting
from tests.service.waiting import until

# as AgentOS 3.1.10 makes it
TABLE = """
CREATE TABLE {} (id varchar PRIMARY KEY, name varchar NOT NULL, user_id varchar, token_hash varchar NOT NULL UNIQUE,
    token_prefix varchar NOT NULL, scopes jsonb NOT NULL, created_at bigint NOT NULL, expires_at bigint,
    last_used_at bigint, revoked_at bigint, created_by varchar)"""
ACCOUNTS = "ai.agno_service_accounts"
TODAY = 1_800_000_000
UNKNOWN = "agno_pat_unknown"
REFUSED = (401, "Invalid or expired service account token")
TOO_MANY = (429, "Too many failed authentication attempts")
UNAVAILABLE = (503, "Authentication is temporarily unavailable")


class Time:
    """Both clocks of the tokens."""

    passed = 0.0

    def clock(self):
        return 5.0 + self.passed

    def now(self):
        return TODAY + self.passed


class Accounts:
    """The table of accounts in a database."""

    def __init__(self, agno, table=ACCOUNTS):
        self.agno, self.table, self._numbers = agno, table, count()
        agno.run(TABLE.format(table))

    def mint(self, name="bot", scopes=("sessions:read",), **columns):
        """The token of a new account."""
        token = f"agno_pat_canary{next(self._numbers)}"
        row = {
            "id": f"id of {token}",
            "name": name,
            "token_hash": hashlib.sha256(token.encode()).hexdigest(),
            "token_prefix": token[:16],
            "scopes": json.dumps(scopes),
            "created_at": 1,
            **columns,
        }
        values = ", ".join(["%s"] * len(row))
        table = self.table.replace("%", "%%")
        self.agno.run(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})", *row.values())
        return token

    def used(self):
        """When each account was used last, by name."""
        return dict(self.agno.run(f"SELECT name, last_used_at FROM {self.table}"))

    @asynccontextmanager
    async def locked(self, mode="ACCESS EXCLUSIVE"):
        """While another session holds the table."""
        connection = psycopg2.connect(self.agno.dsn)
        try:
            connection.cursor().execute(f"LOCK TABLE {self.table} IN {mode} MODE")
            yield
        finally:
            connection.close()

    def as_role(self, role):
        """The DSN of a role that may do nothing with the table."""
        self.agno.run(f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        self.agno.run(f"GRANT USAGE ON SCHEMA ai TO {role}")
        return self.agno.server.dsn(self.agno.name, user=role)

    def waiting(self):
        """How many of the service's connections wait for the table."""
        return sum(state == "active" for _, state, _ in self.agno.backends())


@pytest.fixture
def accounts(v3):
    return Accounts(v3)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def tokens(accounts, time):
    opened = []

    def open(dsn=None, seconds=30.0, **source):
        settings = Settings.load(
            {"AGNO_SESSION_DSN_MAP": json.dumps({"main": {"dsn": dsn or accounts.agno.dsn, **source}})}
        )
        opened.append(LiveStores(StoreMap.open(settings.databases)))
        return AccountTokens(
            opened[-1], AccountSettings("main", "agno_service_accounts", seconds), time.clock, time.now
        )

    yield open
    for live in opened:
        await live.close()


async def refusal(tokens, token, address="192.0.2.1"):
    with pytest.raises(ApiError) as refused:
        await tokens.account(token, address)
    return refused.value.status, refused.value.detail


async def test_what_was_found_counts_for_thirty_seconds_and_no_longer(accounts, tokens, time):
    found = tokens()
    token = accounts.mint()
    assert (await found.account(token, None)).name == "bot"
    accounts.agno.run(f"UPDATE {ACCOUNTS} SET revoked_at = 1")
    time.passed = 29.9
    assert (await found.account(token, None)).name == "bot"
    time.passed = 30
    assert await refusal(found, token) == REFUSED
    accounts.agno.run(f"UPDATE {ACCOUNTS} SET revoked_at = NULL")  # AgentOS never does
    time.passed = 59.9
    assert await refusal(found, token) == REFUSED
    time.passed = 60
    assert (await found.account(token, None)).name == "bot"


async def test_without_a_cache_every_request_asks(accounts, tokens):
    found = tokens(seconds=0)
    token = accounts.mint()
    assert await found.account(token, None)
    accounts.agno.run(f"UPDATE {ACCOUNTS} SET revoked_at = 1")
    assert await refusal(found, token) == REFUSED
    accounts.agno.run(f"UPDATE {ACCOUNTS} SET revoked_at = NULL")
    assert await found.account(token, None)


@pytest.mark.parametrize(("expires_at", "passed"), [(TODAY, 0), (TODAY + 1, 1), (TODAY + 10, 10), (TODAY - 1, 0)])
async def test_a_token_expires_in_time_remembered_or_not(expires_at, passed, accounts, tokens, time):
    found = tokens()
    token = accounts.mint(expires_at=expires_at)
    if passed:
        time.passed = passed - 0.01
        assert await found.account(token, None)
    time.passed = passed
    assert await refusal(found, token) == REFUSED


async def test_a_token_is_not_asked_for_again_while_it_is_remembered(accounts, tokens):
    found = tokens()
    right, wrong = accounts.mint(), UNKNOWN
    await found.account(right, None)
    await refusal(found, wrong)
    async with accounts.locked():
        assert await found.account(right, None)
        assert await refusal(found, wrong) == REFUSED


async def test_wrong_tokens_drive_no_right_one_out(accounts, tokens, monkeypatch):
    monkeypatch.setattr(service_accounts, "_MOST_TOKENS", 3)
    found = tokens()
    right = accounts.mint()
    await found.account(right, None)
    for n in range(5):
        await refusal(found, f"{UNKNOWN}{n}")
    async with accounts.locked():
        assert await found.account(right, None)


def test_what_is_remembered_has_an_end_in_number_and_time():
    time = Time()
    remembered = Remembered(10, 3, time.clock)
    for n in range(5):
        remembered.put(str(n), n)
    assert [remembered.get(str(n)) for n in range(5)] == [None, None, 2, 3, 4]
    remembered.put("2", 22)
    remembered.put("5", 5)
    assert [remembered.get(key) for key in "2345"] == [22, None, 4, 5]
    time.passed = 10
    assert [remembered.get(key) for key in "2345"] == [None] * 4


async def test_of_an_address_twenty_failures_a_minute_are_answered_as_such(accounts, tokens, time):
    found = tokens(seconds=0)
    right = accounts.mint()
    for n in range(20):
        time.passed = n
        assert await refusal(found, f"{UNKNOWN}{n}") == REFUSED
    for _ in range(3):
        assert await refusal(found, UNKNOWN) == TOO_MANY
        assert await found.account(right, "192.0.2.1")
    assert await refusal(found, UNKNOWN, "192.0.2.2") == REFUSED
    time.passed = 59.9
    assert await refusal(found, UNKNOWN) == TOO_MANY
    time.passed = 60  # the first is a minute old
    assert await refusal(found, UNKNOWN) == REFUSED
    assert await refusal(found, UNKNOWN) == TOO_MANY
    time.passed = 120
    assert await refusal(found, UNKNOWN) == REFUSED


async def test_a_token_that_is_remembered_as_wrong_counts_as_well(tokens):
    found = tokens()
    assert [await refusal(found, UNKNOWN) for _ in range(22)] == [REFUSED] * 20 + [TOO_MANY] * 2


async def test_the_addresses_that_are_remembered_have_an_end(tokens, monkeypatch):
    monkeypatch.setattr(service_accounts, "_MOST_ADDRESSES", 3)
    found = tokens()
    for _ in range(20):
        await refusal(found, UNKNOWN, "first")
    for n in range(3):
        assert await refusal(found, UNKNOWN, "first") == TOO_MANY
        await refusal(found, UNKNOWN, f"other {n}")
    assert await refusal(found, UNKNOWN, "first") == REFUSED


async def test_a_database_that_is_away_is_nobodys_failure(accounts, tokens, log):
    token = accounts.mint()
    away = tokens("host=/nonexistent dbname=gone")
    assert [await refusal(away, token) for _ in range(25)] == [UNAVAILABLE] * 25
    assert "the service accounts of database main can't be read: NotListening" in log.text
    assert token not in log.text
    assert hashlib.sha256(token.encode()).hexdigest() not in log.text


@pytest.mark.parametrize(
    "change",
    [
        f"DROP TABLE {ACCOUNTS}",
        f"ALTER TABLE {ACCOUNTS} DROP COLUMN scopes",
        f"ALTER TABLE {ACCOUNTS} RENAME TO others",
        f"ALTER TABLE {ACCOUNTS} ALTER token_hash TYPE int USING 1",
        "DROP SCHEMA ai CASCADE",
    ],
)
async def test_a_table_that_is_none_does_not_tell_whether_a_token_is_valid(change, accounts, tokens):
    found = tokens()
    token = accounts.mint()
    accounts.agno.run(change)
    assert await refusal(found, token) == UNAVAILABLE


async def test_a_role_that_may_not_read_the_table_does_not_tell_either(accounts, tokens):
    found = tokens(accounts.as_role("accounts_stranger"))
    assert await refusal(found, accounts.mint()) == UNAVAILABLE


async def test_a_lookup_has_its_time_and_is_ended_on_the_server(accounts, tokens, monkeypatch):
    monkeypatch.setattr(service_accounts, "LONGEST_SECONDS", 0.3)
    found = tokens()
    token = accounts.mint()
    async with accounts.locked():
        assert await refusal(found, token) == UNAVAILABLE
        await until(lambda: not accounts.waiting())
    monkeypatch.setattr(service_accounts, "LONGEST_SECONDS", 30)  # a busy machine takes its time
    assert await found.account(token, None)


async def test_few_look_up_at_a_time_and_fewer_of_whom_failed_too_often(accounts, tokens):
    found = tokens()
    right = [accounts.mint(f"bot{n}") for n in range(20)]
    for _ in range(20):
        await refusal(found, UNKNOWN, "suspect")
    async with asyncio.TaskGroup() as group, accounts.locked():
        asking = [group.create_task(found.account(token, f"192.0.2.{n}")) for n, token in enumerate(right[:10])]
        suspects = [group.create_task(found.account(token, "suspect")) for token in right[10:]]
        await until(lambda: accounts.waiting() == AT_ONCE + 1)
        await asyncio.sleep(0.2)
        assert accounts.waiting() == AT_ONCE + 1
    assert [task.result().name for task in asking + suspects] == [f"bot{n}" for n in range(20)]


async def test_many_that_ask_for_one_token_ask_the_database_as_often_as_there_are_places(accounts, tokens, monkeypatch):
    asked = []
    find = ServiceAccounts.find

    async def counting(self, digest):
        asked.append(digest)
        return await find(self, digest)

    monkeypatch.setattr(ServiceAccounts, "find", counting)
    found = tokens()
    token = accounts.mint()
    await asyncio.gather(*(found.account(token, None) for _ in range(50)))
    assert len(asked) <= AT_ONCE


async def test_a_use_is_noted_once_a_minute(accounts, tokens, time):
    found, another = tokens(), tokens()
    token = accounts.mint()
    await found.account(token, None)
    assert accounts.used() == {"bot": TODAY}
    for passed, noted in [(30, 0), (59.9, 0), (60, 60), (100, 60), (120, 120)]:
        time.passed = passed
        await found.account(token, None)
        await another.account(token, None)
        assert accounts.used() == {"bot": TODAY + noted}


async def test_within_the_minute_a_process_asks_for_nothing(accounts, tokens, time):
    found = tokens()
    token = accounts.mint()
    await found.account(token, None)
    time.passed = 29
    async with accounts.locked():
        assert await found.account(token, None)
        assert not accounts.waiting()


async def test_a_wrong_token_leaves_no_trace(accounts, tokens):
    found = tokens()
    for token in (accounts.mint("revoked", revoked_at=1), accounts.mint("expired", expires_at=1)):
        await refusal(found, token)
    assert accounts.used() == {"revoked": None, "expired": None}


async def test_who_notes_a_use_waits_for_nobody(accounts, tokens):
    found = tokens()
    token = accounts.mint()
    connection = psycopg2.connect(accounts.agno.dsn)
    try:
        connection.cursor().execute(f"UPDATE {ACCOUNTS} SET last_used_at = 1")
        async with asyncio.timeout(10):
            assert await found.account(token, None)
        assert not accounts.waiting()
    finally:
        connection.close()


async def test_a_use_that_cannot_be_noted_keeps_nobody_out_and_is_told_of_once(accounts, tokens, time, log):
    found = tokens(accounts.as_role("accounts_reader"))
    accounts.agno.run(f"GRANT SELECT ON {ACCOUNTS} TO accounts_reader")
    token = accounts.mint()
    for minutes in range(3):
        time.passed = minutes * 60
        assert await found.account(token, None)
    told = [line["event"] for line in log.lines(service_accounts.__name__)]
    assert told == ["last_used_at of service accounts can't be written: InsufficientPrivilege"]


async def test_a_use_that_takes_too_long_keeps_nobody_out(accounts, tokens, monkeypatch):
    monkeypatch.setattr(service_accounts, "LONGEST_NOTE_SECONDS", 0.2)
    found = tokens()
    token = accounts.mint()
    async with accounts.locked("SHARE"):  # may be read, not written
        assert await found.account(token, None)
        await until(lambda: not accounts.waiting())
    assert accounts.used() == {"bot": None}


@pytest.mark.parametrize(
    ("scopes", "held"),
    [
        (["sessions:read", 1, None, ["x"], {"sessions:write": 1}], {"sessions:read"}),
        ("sessions:read", set()),
        ({"sessions:read": True}, set()),
        (None, set()),
        (7, set()),
        ([], set()),
    ],
)
async def test_scopes_of_any_other_shape_are_none(scopes, held, accounts, tokens):
    account = await tokens().account(accounts.mint(scopes=scopes), None)
    assert account.scopes == held


async def test_scopes_of_any_nesting_are_none(accounts, tokens):
    accounts.agno.run(f"ALTER TABLE {ACCOUNTS} ALTER scopes TYPE text, ALTER scopes DROP NOT NULL")
    for text in ("[" * 100_000, "{", None):
        token = accounts.mint(f"of {len(text or '')}", scopes=())
        accounts.agno.run(f"UPDATE {ACCOUNTS} SET scopes = %s WHERE scopes = '[]'", text)
        assert (await tokens().account(token, None)).scopes == frozenset()


VARIABLES = {"OS_SECURITY_KEY": "canary-key", "AGNO_SERVICE_ACCOUNTS_DB_ID": "main"}
KEY = "canary-key-of-tokens-that-is-long-enough-0123456789"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def answered(client, token, path="/sessions/s", **headers):
    answer = await client.get(path, headers=bearer(token) | headers)
    return answer.status, (await answer.json()).get("detail")


@pytest.mark.parametrize("table", ['odd "table" 100%', "ai_accounts", "%s"])
async def test_the_table_may_have_any_name_and_stands_in_the_schema_of_its_database(table, v3, serve):
    v3.run('CREATE SCHEMA "of % all"; ALTER TABLE ai.agno_sessions SET SCHEMA "of % all"')
    in_sql = table.replace('"', '""')
    accounts = Accounts(v3, f'"of % all"."{in_sql}"')
    v3.session("s", user_id="sa:bot", table='"of %% all".agno_sessions')
    databases = {"main": {"dsn": v3.dsn, "schema": "of % all"}}
    client = await serve(databases, **VARIABLES, AGNO_SERVICE_ACCOUNTS_TABLE=table)
    assert await answered(client, accounts.mint()) == (200, None)


async def test_scopes_and_isolation_hold_for_an_account_whatever_holds_for_tokens(accounts, serve):
    accounts.agno.session("s", user_id="sa:bot")
    accounts.agno.session("of-alice", user_id="alice")
    lax = {"AGNO_AUTHORIZATION": "false", "AGNO_USER_ISOLATION": "false", "AGNO_SERVICE_ACCOUNTS_DB_ID": "main"}
    client = await serve(accounts.agno.dsn, JWT_VERIFICATION_KEY=KEY, AGNO_JWT_ALGORITHM="HS256", **lax)
    token = accounts.mint()
    assert await answered(client, token) == (200, None)
    assert (await answered(client, token, "/sessions/of-alice"))[0] == 404
    lacking = await client.delete("/sessions/s", headers=bearer(token))
    assert (lacking.status, (await lacking.json())["detail"]) == (
        403,
        "Insufficient permissions. Required scope(s): sessions:delete",
    )
    assert await answered(client, accounts.mint("admin", ["agent_os:admin"]), "/sessions/of-alice") == (200, None)


async def test_an_account_of_one_database_opens_the_others(accounts, new_agno, serve):
    other = new_agno("v3")
    other.session("s", user_id="sa:bot")
    client = await serve({"other": other.dsn, "main": accounts.agno.dsn}, **VARIABLES)
    assert await answered(client, accounts.mint()) == (200, None)


async def test_where_a_claim_names_databases_an_account_has_none_but_with_the_admin_scope(accounts, serve):
    accounts.agno.session("s", user_id="alice")
    variables = {"JWT_VERIFICATION_KEY": KEY, "AGNO_JWT_ALGORITHM": "HS256", "AGNO_SERVICE_ACCOUNTS_DB_ID": "main"}
    client = await serve(accounts.agno.dsn, **variables, AGNO_JWT_DATABASES_CLAIM="databases")
    token = accounts.mint()
    assert await answered(client, token) == (403, "Authenticated request is missing a database")
    assert await answered(client, token, "/sessions?db_id=main") == (404, "No database found with id 'main'")
    assert await answered(client, accounts.mint("admin", ["agent_os:admin"])) == (200, None)


async def test_without_the_setting_no_account_is_known(accounts, serve):
    client = await serve(accounts.agno.dsn, OS_SECURITY_KEY="k")
    disabled = (401, "Service accounts are not enabled on this AgentOS instance")
    assert await answered(client, accounts.mint()) == disabled


async def test_failures_count_by_the_address_that_a_trusted_proxy_tells(accounts, serve):
    trusting = await serve(accounts.agno.dsn, **VARIABLES, AGNO_TRUSTED_PROXIES="127.0.0.1")
    for _ in range(20):
        assert await answered(trusting, UNKNOWN, **{"X-Forwarded-For": "192.0.2.1"}) == REFUSED
    assert await answered(trusting, UNKNOWN, **{"X-Forwarded-For": "192.0.2.1"}) == TOO_MANY
    assert await answered(trusting, UNKNOWN, **{"X-Forwarded-For": "192.0.2.2"}) == REFUSED
    wary = await serve(accounts.agno.dsn, **VARIABLES)
    for n in range(20):
        assert await answered(wary, UNKNOWN, **{"X-Forwarded-For": f"192.0.2.{n}"}) == REFUSED
    assert await answered(wary, UNKNOWN, **{"X-Forwarded-For": "192.0.2.99"}) == TOO_MANY


async def test_sessions_are_served_while_the_accounts_are_locked(accounts, serve):
    accounts.agno.session("s")
    client = await serve(accounts.agno.dsn, **VARIABLES)
    async with accounts.locked():
        waiting = [asyncio.create_task(answered(client, f"{UNKNOWN}{n}")) for n in range(30)]
        await until(lambda: accounts.waiting() == AT_ONCE)
        assert await answered(client, "canary-key") == (200, None)
    assert set(await asyncio.gather(*waiting)) <= {REFUSED, TOO_MANY}


async def test_no_token_and_no_hash_of_one_is_logged(accounts, serve, log):
    client = await serve(accounts.agno.dsn, **VARIABLES)
    token = accounts.mint()
    await answered(client, token)
    await answered(client, token.upper())
    accounts.agno.run(f"DROP TABLE {ACCOUNTS}")
    await answered(client, token + "x")
    assert "can't be read: LayoutChanged" in log.text
    assert "canary" not in log.text.lower()
    assert hashlib.sha256(token.encode()).hexdigest() not in log.text


def test_the_database_of_the_accounts_is_one_of_the_map(tmp_path):
    variables = {"AGNO_SERVICE_ACCOUNTS_DB_ID": "accounts"}
    lacks = "AGNO_SERVICE_ACCOUNTS_DB_ID names 'accounts', which it lacks; it has: "
    for databases in ({"AGNO_PG_DSN": "dbname=a"}, {"AGNO_SESSION_DSN_MAP": '{"main": "dbname=a"}'}):
        with pytest.raises(BadSetting, match=lacks):
            Settings.load(variables | databases)
    file = tmp_path / "map.json"
    file.write_text('{"accounts": "dbname=a"}')
    settings = Settings.load(variables | {"AGNO_SESSION_DSN_MAP_FILE": str(file)})
    assert create_app(settings)
    file.write_text('{"main": "dbname=a"}')
    with pytest.raises(BadDsnMap, match=f"{lacks}main"):
        settings.databases_file.load()


def test_accounts_alone_keep_nobody_out_and_a_warning_says_so():
    told = "AGNO_SERVICE_ACCOUNTS_DB_ID lets callers without a token in"
    alone = {"AGNO_PG_DSN": "dbname=a", "AGNO_SERVICE_ACCOUNTS_DB_ID": "default"}
    assert [told in warning for warning in Settings.load(alone).warnings] == [True]
    assert Settings.load(alone | {"OS_SECURITY_KEY": "k"}).warnings == []
