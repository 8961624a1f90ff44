"""What a service does under constant load while its database is hurt.

After each fault: no answer was wrong, no acknowledged write is lost, no request took longer than its deadline, nothing
leaked, and answers are normal within seconds. Each prints its counts.
"""

import asyncio
import time
from contextlib import suppress

import aiohttp
import psutil
import psycopg2
import pytest

from tests.service.agno import Agno
from tests.service.faults.conftest import subject_of
from tests.service.postgres import embedded, standby
from tests.service.waiting import until

pytestmark = pytest.mark.timeout(180)


async def test_every_backend_is_killed_ten_times(subject):
    async with subject.under_load():
        killed = 0
        for _ in range(10):
            await asyncio.sleep(0.4)
            killed += subject.agno.terminate_backends()
        await subject.normal_again(time.monotonic())
    print(f"  {killed} backends killed")
    assert killed >= 10


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_the_server_is_restarted(subject, mode):
    async with subject.under_load():
        for _ in range(2):
            await asyncio.sleep(1)
            await asyncio.to_thread(subject.agno.server.stop, mode)
            await asyncio.to_thread(subject.agno.server.start)
        await subject.normal_again(time.monotonic())


async def stopped(directory):
    with embedded(durable=True) as server:
        async with subject_of(server, directory) as subject, subject.under_load():
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(30)
            await asyncio.to_thread(server.start)
            await subject.normal_again(time.monotonic())


async def frozen(directory):
    with embedded(durable=True) as server:
        async with subject_of(server, directory) as subject, subject.under_load():
            server.freeze()
            await asyncio.sleep(30)
            server.thaw()
            await subject.normal_again(time.monotonic())


async def test_one_server_is_stopped_and_another_frozen_for_half_a_minute(tmp_path):
    (tmp_path / "stopped").mkdir()
    (tmp_path / "frozen").mkdir()
    await asyncio.gather(stopped(tmp_path / "stopped"), frozen(tmp_path / "frozen"))


async def test_the_password_is_changed(durable_server, tmp_path):
    durable_server.run("CREATE ROLE app LOGIN SUPERUSER PASSWORD 'first'")
    durable_server.allow("local agno app scram-sha-256")

    def dsn(password):
        return durable_server.dsn("agno", user="app", password=password)

    async with subject_of(durable_server, tmp_path, dsn=dsn("first")) as subject, subject.under_load() as load:
        for number in range(3):
            await asyncio.sleep(1)
            durable_server.run(f"ALTER ROLE app PASSWORD 'next {number}'")
            subject.agno.terminate_backends()
            await asyncio.sleep(1)
            assert load.answers[503]
            subject.write_map(dsn=dsn(f"next {number}"))
            # the file is looked at every second
            await subject.normal_again(time.monotonic())


async def test_the_server_has_no_connection_left(durable_server, tmp_path):
    durable_server.run("ALTER SYSTEM SET max_connections = 30")
    durable_server.stop()
    durable_server.start()
    held = []
    async with subject_of(durable_server, tmp_path) as subject, subject.under_load() as load:
        with suppress(psycopg2.OperationalError):
            while True:
                held.append(psycopg2.connect(durable_server.dsn()))
        # some of ours go on; killed, they find no place
        held[-1].autocommit = True
        with held[-1].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'agno'")
            with suppress(psycopg2.OperationalError):
                while len(held) < 60:
                    held.append(psycopg2.connect(durable_server.dsn()))
        await asyncio.sleep(5)
        for connection in held:
            connection.close()
        await subject.normal_again(time.monotonic())
        assert load.answers[503]
    print(f"  {len(held)} connections held by others")


async def test_eleven_hundred_descriptors_are_open(durable_server, tmp_path):
    async with subject_of(durable_server, tmp_path, variables={"AGNO_MAX_CONNECTIONS": "1200"}) as subject:
        crowd = [await asyncio.open_connection(*address(subject)) for _ in range(1100)]
        async with subject.under_load():
            # whatever is opened from here on has a number above 1,100
            for _ in range(3):
                await asyncio.sleep(0.5)
                subject.agno.terminate_backends()
            await subject.normal_again(time.monotonic())
            # the listener and the first connections are below; what the load uses is not
            assert psutil.Process(subject.service.process.pid).num_fds() > 1100
        for _, writer in crowd:
            writer.close()


def address(subject):
    host, port = subject.service.url.removeprefix("http://").split(":")
    return host, int(port)


async def test_five_hundred_clients_leave_in_the_middle_of_a_query(durable_server, tmp_path):
    # no limit ends a statement in the time of this test, but for its client that leaves
    slow = {"slow": {"dsn": durable_server.dsn("agno"), "schema": "slow", "statementTimeoutSeconds": 3600}}
    unlimited = {"AGNO_REQUEST_TIMEOUT_SECONDS": "3600"}
    async with subject_of(durable_server, tmp_path, others=slow, variables=unlimited) as subject:
        subject.agno.run("CREATE SCHEMA slow")
        subject.agno.run("CREATE VIEW slow.agno_sessions AS SELECT s.* FROM ai.agno_sessions s, pg_sleep(3600)")

        def sleeping():
            return [pid for pid, state, query in subject.agno.backends() if state == "active" and "slow" in query]

        async with subject.under_load():
            clients = [await asyncio.open_connection(*address(subject)) for _ in range(500)]
            for _, writer in clients:
                writer.write(b"GET /sessions?db_id=slow HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: len(sleeping()) == 10)
            for number, (_, writer) in enumerate(clients):
                writer.close()
                if number % 50 == 0:  # whoever leaves makes room for another that leaves
                    await asyncio.sleep(0.05)
            await until(lambda: not sleeping())
            await subject.normal_again(time.monotonic())
    print("  500 clients left")


async def test_the_replica_lags(durable_server, tmp_path):
    with standby(durable_server) as server:
        async with subject_of(durable_server, tmp_path, readOnlyDsn=server.dsn("agno")) as subject:
            subject.replica = Agno(server, "agno")
            await lagging(subject, server)


async def lagging(subject, server):
    async with subject.under_load() as load:
        server.run("SELECT pg_wal_replay_pause()")
        await asyncio.sleep(4)
        server.run("SELECT pg_wal_replay_resume()")
        server.run("ALTER SYSTEM SET recovery_min_apply_delay = '2s'")
        server.run("SELECT pg_reload_conf()")
        await asyncio.sleep(5)
        server.run("ALTER SYSTEM RESET recovery_min_apply_delay")
        server.run("SELECT pg_reload_conf()")
        await subject.normal_again(time.monotonic())
    # without writes through the service the replica is asked also while it lags
    longest = 0.0
    async with load.running(writers=0):
        for number in range(3):
            longest = max(longest, await seen_after(subject, subject.replica, f"agent-{number}"))
    print(f"  while replay was paused, what an agent changed was seen after {longest:.1f} s at the latest")
    assert (load.wrong, load.answers[503]) == ([], 0)
    # five seconds, the time between two looks, and what a busy machine takes
    assert 3 < longest < 5 + 1 + 4


# prepared statements, which what is asked once a second is not
READS_SINCE = """SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'agno-session-service'
    AND query LIKE 'EXECUTE agno!_%%' ESCAPE '!' AND query_start > %s"""


async def seen_after(subject, replica, session_id):
    """How long a change by somebody else goes unseen that the replica does not replay."""
    rename = "UPDATE ai.agno_sessions SET session_data = jsonb_build_object('session_name', %s) WHERE session_id = %s"
    subject.agno.session(session_id)
    subject.agno.run(rename, "old", session_id)
    name = "SELECT session_data->>'session_name' FROM ai.agno_sessions WHERE session_id = %s"
    await until(lambda: replica.run(name, session_id) == [("old",)])
    begun = replica.value("SELECT clock_timestamp()")
    await until(lambda: replica.value(READS_SINCE, replica.name, begun) > 1)
    replica.run("SELECT pg_wal_replay_pause()")
    await until(lambda: replica.value("SELECT pg_get_wal_replay_pause_state()") == "paused")
    subject.agno.run(rename, "new", session_id)
    changed = time.monotonic()
    async with aiohttp.ClientSession(subject.service.url) as client:
        found = ""
        while found != "new":
            async with client.get(f"/sessions/{session_id}") as answer:
                assert answer.status == 200
                found = (await answer.json())["session_name"]
                assert found in {"old", "new"}
    replica.run("SELECT pg_wal_replay_resume()")
    return time.monotonic() - changed
