"""What a real server says when it rejects a connection, and the state and reason that follow."""

import asyncio
from contextlib import suppress

import psycopg2
import pytest

from session_service.database import errors
from session_service.database.errors import Refused, Unavailable
from tests.service.waiting import until

RULES = (
    "local all scram_user scram-sha-256",
    "local all rejected_user reject",
    "local all peer_user peer",
)


@pytest.fixture(scope="module")
def strict(postgres):
    """The server with roles that it refuses, each for another reason."""
    postgres.run("CREATE ROLE scram_user LOGIN PASSWORD 'right'")
    postgres.run("CREATE ROLE rejected_user LOGIN")
    postgres.run("CREATE ROLE peer_user LOGIN")
    postgres.run("CREATE ROLE group_role NOLOGIN")
    postgres.run("CREATE ROLE limited_role LOGIN CONNECTION LIMIT 0")
    postgres.run("CREATE ROLE plain_role LOGIN")
    postgres.run("CREATE DATABASE closed_database")
    postgres.run("REVOKE CONNECT ON DATABASE closed_database FROM PUBLIC")
    postgres.run("CREATE DATABASE shut_database ALLOW_CONNECTIONS false")
    postgres.run("CREATE DATABASE full_database CONNECTION LIMIT 0")
    postgres.allow(*RULES)
    return postgres


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"user": "scram_user", "password": "canary"}, "InvalidPassword"),
        ({"user": "scram_user"}, "InvalidPassword"),
        ({"user": "rejected_user"}, "AccessDenied"),
        ({"user": "peer_user"}, "AccessDenied"),
        ({"user": "group_role"}, "AccessDenied"),
        ({"user": "canary"}, "NoSuchRole"),
        ({"database": "canary"}, "NoSuchDatabase"),
        ({"database": "closed_database", "user": "plain_role"}, "InsufficientPrivilege"),
        ({"database": "shut_database"}, "AccessDenied"),
    ],
)
async def test_what_a_person_has_to_mend_is_refused_with_a_word_for_it(strict, open_database, words, reason):
    database = open_database(strict.dsn(**words))
    with pytest.raises(Refused) as refused:
        await database.read("SELECT 1")
    assert (refused.value.reason, database.state, database.reason) == (reason, "refused", reason)
    assert "canary" not in f"{refused.value!r} {refused.value}"


@pytest.mark.parametrize("dsn", ["canary", "postgresql://ann:canary@localhost:no-port/agno", " "])
async def test_a_malformed_dsn_is_refused_and_named_so(open_database, dsn):
    database = open_database(dsn)
    with pytest.raises(Refused, match="the DSN is malformed: ") as refused:
        await database.read("SELECT 1")
    assert (refused.value.reason, database.state, database.reason) == ("MalformedDsn", "refused", "MalformedDsn")
    assert "canary" not in f"{refused.value!r} {refused.value}"


@pytest.mark.parametrize(
    "words", [{"user": "limited_role"}, {"user": "plain_role", "database": "full_database"}], ids=["role", "database"]
)
async def test_a_limit_of_connections_passes_and_is_no_refusal(strict, open_database, words):
    database = open_database(strict.dsn(**words))
    with pytest.raises(Unavailable) as unavailable:
        await database.read("SELECT 1")
    assert (unavailable.value.reason, database.state) == ("TooManyConnections", "unreachable")


async def test_tls_is_refused_where_the_server_has_none(strict, open_database):
    async def forward(reader, writer):
        there, back = await asyncio.open_unix_connection(strict.socket / ".s.PGSQL.5432")
        back.write(await reader.read(1024))
        writer.write(await there.read(1024))
        await reader.read()
        for stream in (writer, back):
            stream.close()
            await stream.wait_closed()

    async with await asyncio.start_server(forward, "127.0.0.1") as tcp:
        port = str(tcp.sockets[0].getsockname()[1])
        database = open_database(strict.dsn(host="127.0.0.1", port=port, sslmode="require"))
        with pytest.raises(Refused) as refused:
            await database.read("SELECT 1")
    assert refused.value.reason == "TlsRefused"


async def test_the_right_password_is_taken(strict, open_database):
    database = open_database(strict.dsn(user="scram_user", password="right"))
    assert await database.read("SELECT current_user::varchar") == [("scram_user",)]
    assert (database.state, database.reason) == ("serving", None)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ({"host": "127.0.0.1", "port": None}, "NotListening"),
        ({"host": "/nowhere"}, "NotListening"),
        ({"host": "no-such-host.invalid"}, "UnknownHost"),
    ],
)
async def test_why_a_place_is_out_of_reach_is_told_apart(strict, open_database, free_port, place, reason):
    database = open_database(strict.dsn(**{word: value or str(free_port) for word, value in place.items()}))
    with pytest.raises(Unavailable) as unavailable:
        await database.read("SELECT 1")
    assert (unavailable.value.reason, database.state, database.reason) == (reason, "unreachable", reason)


async def test_a_server_that_ends_the_connection_in_the_middle_of_tls_is_out_of_reach(open_database):
    async def accept(reader, writer):
        await reader.read(8)
        writer.write(b"S")
        await reader.read(1)
        writer.transport.abort()

    async with await asyncio.start_server(accept, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        database = open_database(f"host=127.0.0.1 port={port} sslmode=require")
        with pytest.raises(Unavailable) as unavailable:
            await database.read("SELECT 1")
    assert (unavailable.value.reason, database.state) == ("TlsFailed", "unreachable")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"sslmode": "canary"}, "invalid sslmode value"),
        ({"target_session_attrs": "canary"}, "invalid target_session_attrs value"),
        ({"load_balance_hosts": "canary"}, "invalid load_balance_hosts value"),
        ({"ssl_min_protocol_version": "canary"}, "invalid ssl_min_protocol_version value"),
        ({"require_auth": "canary"}, "invalid require_auth value"),
        ({"host": "127.0.0.1", "port": "1", "keepalives": "canary"}, "invalid integer value for keepalives"),
        ({"hostaddr": "canary"}, "could not parse network address of hostaddr"),
        ({"service": "canary"}, "definition of service not found"),
        ({"host": "a,b", "hostaddr": "127.0.0.1"}, "as many hosts, addresses and ports must be given"),
        ({"sslmode": "disable", "sslnegotiation": "direct"}, "weak sslmode may not be used with these parameters"),
    ],
)
async def test_what_libpq_refuses_is_a_mistake_in_the_dsn_and_no_outage(strict, open_database, words, message):
    database = open_database(strict.dsn(**words))
    with pytest.raises(Refused) as refused:
        await database.read("SELECT 1")
    assert (refused.value.reason, database.state) == ("MalformedDsn", "refused")
    assert str(refused.value) == f"the DSN is malformed: {message}"


async def test_channel_binding_without_tls_is_no_outage(strict, open_database):
    database = open_database(strict.dsn(user="scram_user", password="right", channel_binding="require"))
    with pytest.raises(Refused) as refused:
        await database.read("SELECT 1")
    assert refused.value.reason == "TlsRefused"


async def test_a_full_server_passes_and_is_no_refusal(own_server, open_database):
    own_server.run("CREATE ROLE plain_role LOGIN")
    held = []
    try:
        for user in ("plain_role", "postgres"):
            database = open_database(own_server.dsn(user=user))
            with suppress(psycopg2.OperationalError):
                while True:
                    held.append(psycopg2.connect(own_server.dsn(user=user)))
            with pytest.raises(Unavailable) as unavailable:
                await database.read("SELECT 1")
            assert (unavailable.value.reason, database.state) == ("TooManyConnections", "unreachable")
    finally:
        for connection in held:
            connection.close()


async def test_a_server_in_recovery_is_starting_up(own_server, open_database):
    database = open_database(own_server.dsn())
    with psycopg2.connect(own_server.dsn()) as stuck, psycopg2.connect(own_server.dsn()) as killed:
        pids = [connection.info.backend_pid for connection in (stuck, killed)]
    by_pid = {process.pid: process for process in own_server.processes}
    # recovery waits for a process that does not end
    by_pid[pids[0]].suspend()
    by_pid[pids[1]].kill()
    reasons = set()
    while reasons != {"StartingUp"}:
        try:
            await database.read("SELECT 1")
        except Unavailable as error:
            reasons = {error.reason}
        await asyncio.sleep(0.01)
    assert (database.state, database.reason) == ("unreachable", "StartingUp")
    own_server.thaw()
    stuck.close(), killed.close()


async def test_a_server_that_shuts_down_is_not_taking_connections(own_server, open_database):
    database = open_database(own_server.dsn())
    held = psycopg2.connect(own_server.dsn())
    own_server.processes[0].terminate()  # a smart shutdown waits for those who are there

    def refused() -> bool:
        try:
            psycopg2.connect(own_server.dsn()).close()
        except psycopg2.OperationalError:
            return True
        return False

    await until(refused)
    with pytest.raises(Unavailable) as unavailable:
        await database.read("SELECT 1")
    held.close()
    assert (unavailable.value.reason, database.state) == ("StartingUp", "unreachable")


async def test_a_statement_without_the_privilege_is_refused_and_leaves_the_database_serving(strict, v3, open_database):
    database = open_database(v3.server.dsn(v3.name, user="plain_role"))
    await database.read("SELECT 1")
    with pytest.raises(Refused) as refused:
        await database.write("DELETE FROM ai.agno_sessions")
    assert refused.value.reason == "InsufficientPrivilege"
    assert database.state == "serving"


async def test_a_read_only_replica_refuses_writes_and_goes_on_serving(v3, open_database):
    v3.run(f"ALTER DATABASE {v3.name} SET default_transaction_read_only = on")
    database = open_database(v3.dsn)
    await database.read("SELECT 1")
    with pytest.raises(Refused) as refused:
        await database.write("DELETE FROM ai.agno_sessions")
    assert refused.value.reason == "ReadOnlyDatabase"
    assert database.state == "serving"


@pytest.mark.parametrize(
    ("statement", "kind", "reason"),
    [
        ("SELECT FROM ai.nothing", errors.LayoutChanged, "LayoutChanged"),
        ("SELECT nothing FROM ai.agno_sessions", errors.LayoutChanged, "LayoutChanged"),
        ("SELECT FROM nowhere.agno_sessions", errors.LayoutChanged, "LayoutChanged"),
        ("SELECT '{}'::json || '{}'::jsonb", errors.LayoutChanged, "LayoutChanged"),
        ("SELECT now()::bigint", errors.LayoutChanged, "LayoutChanged"),
        ("SELECT 1/0", errors.Unstorable, "22012"),
        ("DO $$ BEGIN RAISE SQLSTATE '54000'; END $$", errors.Unstorable, "54000"),
        ("SELEC", errors.StatementFailed, "42601"),
        ("SET statement_timeout = 20; SELECT pg_sleep(30)", errors.TimedOut, "StatementTimeout"),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", errors.Unavailable, "OutOfResources"),
        ("DO $$ BEGIN RAISE SQLSTATE '53300'; END $$", errors.Unavailable, "TooManyConnections"),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", errors.Conflict, "Conflict"),
    ],
)
async def test_a_failed_statement_is_told_apart_by_its_sqlstate(v3, open_database, statement, kind, reason):
    database = open_database(v3.dsn)
    with pytest.raises(kind) as failed:
        await database.write(statement)
    assert (type(failed.value), failed.value.reason) == (kind, reason)
    assert statement not in str(failed.value)
    assert await database.read("SELECT 1") == [(1,)]
    assert (database.state, database.reason) == ("serving", None)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        (
            "FATAL:  28P01: Passwort-Authentifizierung f\u00fcr Benutzer \u00bba\u00ab fehlgeschlagen",
            Refused,
            "InvalidPassword",
        ),
        ("FATAL:  3D000: Datenbank \u00bba\u00ab existiert nicht\nORT:  InitPostgres", Refused, "NoSuchDatabase"),
        (
            "\u0412\u0410\u0416\u041d\u041e:  57P03: \u0441\u0438\u0441\u0442\u0435\u043c\u0430",
            Unavailable,
            "StartingUp",
        ),
        ("FATAL:  53300: trop de clients sont d\u00e9j\u00e0 connect\u00e9s", Unavailable, "TooManyConnections"),
        ("FATAL:  28000: Rolle \u00bba\u00ab existiert nicht", Refused, "AccessDenied"),
        ("FATAL:  XX000: etwas anderes", Refused, "ConnectionRefused"),
        ("FATAL:  08P01: no such database: a", Refused, "NoSuchDatabase"),
        ("FATAL:  08P01: server login has been failing", Unavailable, "Unreachable"),
        ("could not translate host name", Unavailable, "UnknownHost"),
    ],
)
def test_a_failed_connect_is_understood_in_every_language(text, kind, reason):
    message = f'connection to server at "db" (10.0.0.1), port 5432 failed: {text}'
    found = errors.connect_error(psycopg2.OperationalError(message))
    assert (type(found), found.reason) == (kind, reason)
