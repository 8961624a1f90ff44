"""PgBouncer in transaction mode between us and the server: nothing of ours stays with connections that others use."""

import asyncio
import os
import subprocess
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest

from session_service.database.connection import connect
from session_service.database.dsn import Dsn
from session_service.database.dsn_map import Source
from session_service.database.errors import DatabaseError, TimedOut
from session_service.store.listing import SessionQuery
from session_service.store.session_store import SessionStore
from session_service.store.writing import NewSession
from tests.service.waiting import until

SCRIPT = Path(__file__).parents[1] / "pgbouncer.sh"

# two server connections for however many clients
CONFIGURATION = """
[databases]
* = host={server} auth_user=postgres
[pgbouncer]
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
auth_type = trust
admin_users = postgres
auth_file = {directory}/users
unix_socket_dir = {directory}
listen_port = 6432
logfile = {directory}/log
pidfile = {directory}/pid
"""


@pytest.fixture(scope="module")
def pgbouncer(postgres, tmp_path_factory):
    """The folder of its socket."""
    program = subprocess.run(["bash", SCRIPT], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
    directory = Path("/tmp") / f"pgbouncer-{os.getpid()}"
    directory.mkdir(mode=0o700)
    (directory / "users").write_text('"postgres" ""\n')
    (directory / "ini").write_text(CONFIGURATION.format(server=postgres.socket, directory=directory))
    # as root it refuses to run
    user = "embedded_postgres" if os.geteuid() == 0 else None
    if user is not None:
        subprocess.run(["chown", "-R", user, directory], check=True)
    process = subprocess.Popen([program, directory / "ini"], user=user, stderr=subprocess.DEVNULL, cwd="/")
    try:
        while not (directory / ".s.PGSQL.6432").exists():
            assert process.poll() is None, (directory / "log").read_text()
        yield directory
    finally:
        process.kill()
        process.wait()
        subprocess.run(["rm", "-r", directory], check=True)


@pytest.fixture
def through(pgbouncer, v3):
    """The DSN of the database through PgBouncer, whose connections to it end with the test."""
    dsn = v3.server.dsn(v3.name, host=str(pgbouncer), port="6432")
    yield dsn
    admin = psycopg2.connect(v3.server.dsn("pgbouncer", host=str(pgbouncer), port="6432"))
    admin.autocommit = True
    with closing(admin), admin.cursor() as cursor:
        cursor.execute(f"KILL {v3.name}")


def others(dsn, sql):
    """What somebody else sees on each of the two server connections, held at the same time."""
    clients = [psycopg2.connect(dsn) for _ in range(2)]
    try:
        found = []
        for client in clients:
            cursor = client.cursor()  # a transaction begins
            cursor.execute(sql)
            found.append(cursor.fetchone()[0])
        return found
    finally:
        for client in clients:
            client.close()


async def test_the_time_limit_is_kept_and_stays_with_nobody_else(through, open_database):
    hasty, patient = open_database(through, statement_timeout=0.2), open_database(through, statement_timeout=7)
    for _ in range(4):
        with pytest.raises(TimedOut):
            await hasty.read("SELECT pg_sleep(60)")
        assert await patient.read("SELECT pg_sleep(0.3), current_setting('statement_timeout')::varchar") == [("", "7s")]
        with pytest.raises(TimedOut):
            [rows async for rows in hasty.stream("SELECT pg_sleep(60) WHERE %s", [True], 4)]
    assert others(through, "SHOW statement_timeout") == ["0", "0"]


async def test_nothing_is_prepared_there(through, v3, open_database):
    store = SessionStore(open_database(through), Source(Dsn.parse(through)))
    for _ in range(5):
        await store.page(SessionQuery())
    assert others(through, "SELECT count(*) FROM pg_prepared_statements") == [0, 0]


async def test_a_server_that_is_reached_directly_is_known_for_one(through, v3):
    for dsn, direct in ((through, False), (v3.dsn, True)):
        connection = await connect(Dsn.parse(dsn), 30)
        assert connection.prepares is direct
        assert await connection.fetch("SHOW statement_timeout") == [(b"30s",)]
        connection._close()


async def test_more_clients_than_servers_read_write_and_stream(through, v3, open_database):
    store = SessionStore(open_database(through, pool_size=30), Source(Dsn.parse(through)))

    async def work(number):
        session_id = f"s{number}"
        assert await store.create(NewSession(session_id, "agent", None, None, None, None, 1)) is not None
        v3.add_run(session_id, f"r{number}")
        assert await store.rename(session_id, None, None, f'"n{number}"') is not None
        assert len([run async for run in store.runs(session_id)]) == 1
        assert (await store.record(session_id, None)).session_data == f'{{"session_name": "n{number}"}}'.encode()

    await asyncio.gather(*(work(number) for number in range(60)))
    assert (await store.page(SessionQuery(limit=1))).total == 60
    await until(lambda: len(v3.server.run("SELECT FROM pg_stat_activity WHERE datname = %s", v3.name)) <= 2)


async def test_a_cancelled_caller_ends_its_statement_on_the_server(through, v3, open_database):
    database = open_database(through, pool_size=1)
    await database.read("SELECT 1")
    for _ in range(3):
        caller = asyncio.create_task(database.read("SELECT pg_sleep(60)"))
        await until(lambda: running(v3))
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller
        await until(lambda: not running(v3))
        assert await database.read("SELECT 7") == [(7,)]


def running(v3):
    return v3.server.run(
        "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND state = 'active' AND query LIKE '%%pg_sleep%%'", v3.name
    )


async def test_a_write_that_fails_leaves_nothing_behind(through, v3, open_database):
    database = open_database(through, pool_size=1)
    with pytest.raises(DatabaseError):
        await database.write("CREATE TABLE half (a int); SELECT 1/0")
    assert v3.value("SELECT to_regclass('half') IS NULL")
    assert await database.read("SELECT 7") == [(7,)]
