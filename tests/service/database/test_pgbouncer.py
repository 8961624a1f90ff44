"""PgBouncer in transaction mode between us and the server: nothing of ours stays with connections that others use."""

import asyncio
import os
import socket
import subprocess
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from session_service.database.connecting import connect
from session_service.database.dsn import Dsn
from session_service.database.dsn_map import Source
from session_service.database.errors import DatabaseError, Refused, TimedOut
from session_service.store.listing import SessionQuery
from session_service.store.session_store import SessionStore
from session_service.store.writing import NewSession
from tests.postgresql import programs
from tests.service.store.rows import as_stored, of_all, runs_of
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
listen_addr = 127.0.0.1
listen_port = {port}
client_tls_sslmode = allow
client_tls_key_file = {directory}/key
client_tls_cert_file = {directory}/certificate
logfile = {directory}/log
pidfile = {directory}/pid
"""


@pytest.fixture(scope="module")
def pgbouncer(postgres):
    """The folder of its socket, and its port."""
    program = subprocess.run(["bash", SCRIPT], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
    directory = Path("/tmp") / f"pgbouncer-{os.getpid()}"
    directory.mkdir(mode=0o700)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    certify(directory, "db.test")
    (directory / "users").write_text('"postgres" ""\n')
    (directory / "ini").write_text(CONFIGURATION.format(server=postgres.socket, directory=directory, port=port))
    # as root it refuses to run
    user = programs.user()
    if user is not None:
        subprocess.run(["chown", "-R", user, directory], check=True)
    process = subprocess.Popen([program, directory / "ini"], user=user, stderr=subprocess.DEVNULL, cwd="/")
    try:
        while not (directory / f".s.PGSQL.{port}").exists():
            assert process.poll() is None, (directory / "log").read_text()
        yield directory, port
    finally:
        process.kill()
        process.wait()
        subprocess.run(["rm", "-r", directory], check=True)


def certify(directory, name):
    """Make a key and a certificate of its own for this name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "certificate").write_bytes(certificate.public_bytes(Encoding.PEM))
    (directory / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
def through(pgbouncer, v3):
    """The DSN of the database through PgBouncer, whose connections to it end with the test."""
    place = {"host": str(pgbouncer[0]), "port": str(pgbouncer[1])}
    yield v3.server.dsn(v3.name, **place)
    admin = psycopg2.connect(v3.server.dsn("pgbouncer", **place))
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
    hasty, patient = open_database(through, statement_timeout=1), open_database(through, statement_timeout=9)
    for _ in range(4):
        with pytest.raises(TimedOut):
            await hasty.read("SELECT pg_sleep(60)")
        assert await patient.read("SELECT pg_sleep(0.3), current_setting('statement_timeout')::varchar") == [("", "9s")]
        with pytest.raises(TimedOut):
            [rows async for rows in hasty.stream("SELECT pg_sleep(60) WHERE %s", [True], 4)]
    assert others(through, "SHOW statement_timeout") == ["0", "0"]


async def test_nothing_is_prepared_there(through, v3, open_database):
    store = SessionStore(open_database(through), Source(Dsn.parse(through)))
    for _ in range(5):
        await of_all(store).page(SessionQuery(), as_stored)
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
        assert await of_all(store).create(NewSession(session_id, "agent", None, None, None, None, 1)) is not None
        v3.add_run(session_id, f"r{number}")
        assert await of_all(store).rename(session_id, None, f'"n{number}"') is not None
        assert len([run async for run in runs_of(of_all(store), session_id)]) == 1
        assert (
            await of_all(store).session(session_id)
        ).record.session_data == f'{{"session_name": "n{number}"}}'.encode()

    await asyncio.gather(*(work(number) for number in range(60)))
    assert (await of_all(store).page(SessionQuery(limit=1), as_stored)).total == 60
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


async def test_a_certificate_is_checked_against_the_name_and_not_the_address(pgbouncer, through, v3, names):
    directory, port = pgbouncer
    names["db.test"] = names["other.test"] = ["127.0.0.1"]
    words = {"port": str(port), "sslmode": "verify-full", "sslrootcert": str(directory / "certificate")}
    connection = await connect(Dsn.parse(v3.server.dsn(v3.name, host="db.test", **words)), 30)
    assert connection.raw.info.ssl_in_use
    assert await connection.fetch("SELECT 7") == [(7,)]
    connection._close()
    with pytest.raises(Refused) as refused:
        await connect(Dsn.parse(v3.server.dsn(v3.name, host="other.test", **words)), 30)
    assert refused.value.reason == "TlsRefused"
