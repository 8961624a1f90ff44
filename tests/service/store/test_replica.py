"""A read-only replica: asked for what only reads, never with an answer that the primary would not have given lately."""

import asyncio

import pytest

from session_service.database.dsn import Dsn
from session_service.database.dsn_map import Source
from session_service.database.errors import Unavailable
from session_service.store import limits, replica_first
from session_service.store.listing import SessionQuery
from session_service.store.owned_sessions import OwnedSessions
from session_service.store.owner import EVERYBODY
from session_service.store.replica_first import ReplicaFirst, SessionReader
from session_service.store.session_store import SessionStore
from session_service.store.writing import NewSession
from tests.service.agno import Agno
from tests.service.postgres import standby
from tests.service.replicas import caught_up, paused, resumed
from tests.service.store.rows import as_stored, of_all, runs_of
from tests.service.waiting import until

EVERYTHING = SessionQuery()


@pytest.fixture
def replica(copy, v3):
    """The same database on the replica, which has caught up."""
    found = Agno(copy, v3.name)
    caught_up(v3, found)
    yield found
    resumed(found)
    caught_up(v3, found)


@pytest.fixture
async def store(v3, replica, open_database):
    """The sessions of the database with its replica."""
    database = open_database(v3.dsn, read_only_dsn=Dsn.parse(replica.dsn))
    return SessionStore(database, Source(Dsn.parse(v3.dsn), read_only_dsn=Dsn.parse(replica.dsn)))


async def observed(store, usable):
    """Observe the replica until it is usable, or is not."""
    async with asyncio.timeout(20):
        while store.database.replica.usable != usable:
            await store.database.replica.observe()
            await asyncio.sleep(0.01)


def reader(store) -> SessionReader:
    """Whom a request that reads asks."""
    return replica_first.reader(store, EVERYBODY)


def primary(sessions) -> bool:
    return isinstance(sessions, OwnedSessions)


async def listed(sessions):
    return [row.session_id for row in (await sessions.page(EVERYTHING, as_stored)).rows]


async def test_reads_go_to_the_replica_and_writes_to_the_primary(v3, replica, store):
    v3.session("a")
    await observed(store, True)
    reading = reader(store)
    assert isinstance(reading, ReplicaFirst)
    await until(lambda: replica.ids("ai.agno_sessions") == ["a"])
    assert await listed(reading) == ["a"]
    assert await reading.first_runs("a") is not None
    assert [query for _, _, query in replica.backends() if "agno_sessions" in query]
    await of_all(store).rename("a", None, '"n"')
    assert not [query for _, _, query in replica.backends() if "UPDATE" in query]


async def test_until_it_was_observed_it_is_not_asked(store):
    assert primary(reader(store))


async def test_what_was_written_through_us_is_read_from_the_primary_until_the_replica_has_it(v3, replica, store):
    await observed(store, True)
    paused(replica)
    await of_all(store).create(new("a"))
    for _ in range(5):
        await store.database.replica.observe()
        assert primary(reader(store))
        assert await listed(reader(store)) == ["a"]
    resumed(replica)
    await observed(store, True)
    assert await listed(reader(store)) == ["a"]


async def test_a_replica_that_lags_further_than_it_may_is_not_asked(v3, replica, store, monkeypatch):
    monkeypatch.setattr("session_service.database.replica.LONGEST_LAG_SECONDS", 0.3)
    await observed(store, True)
    paused(replica)
    v3.session("by an agent")
    await observed(store, False)
    assert store.database.replica.state == "lagging"
    assert await listed(reader(store)) == ["by an agent"]
    resumed(replica)
    await observed(store, True)


async def test_a_replica_of_a_primary_where_nothing_happens_does_not_lag(replica, store, monkeypatch):
    monkeypatch.setattr("session_service.database.replica.LONGEST_LAG_SECONDS", 0.3)
    await observed(store, True)
    for _ in range(10):
        await asyncio.sleep(0.1)
        await store.database.replica.observe()
        assert store.database.replica.usable


async def test_what_the_replica_does_not_have_yet_is_asked_of_the_primary(v3, replica, store):
    await observed(store, True)
    paused(replica)
    v3.session("a")
    v3.add_run("a", "r")
    reading = reader(store)
    assert isinstance(reading, ReplicaFirst)
    assert await reading.first_runs("a") is not None
    # the same request never goes back to the older state
    assert [run async for run in runs_of(reading, "a")] != []
    assert (await reader(store).session("a")).record.session_id == "a"
    assert (await reader(store).run("a", "r")).run is not None
    assert await listed(reader(store)) == ["a"]


async def test_a_replica_that_is_away_or_refuses_us_is_replaced_by_the_primary(v3, replica, store, free_port):
    v3.session("a")
    for words in ({"host": "127.0.0.1", "port": str(free_port)}, {"database": "nowhere"}):
        dsn = Dsn.parse(replica.server.dsn(**words))
        source = Source(Dsn.parse(v3.dsn), read_only_dsn=dsn)
        away = SessionStore(type(store.database)("main", source), source)
        reading = ReplicaFirst(of_all(away.on_replica), of_all(away))
        assert await listed(reading) == ["a"]
        assert [run async for run in runs_of(reading, "a")] == []
        await away.database.close()


async def test_a_replica_that_dies_within_a_history_ends_it(v3, replica, store):
    v3.session("a")
    for index in range(3 * limits.ROWS_AT_ONCE):
        v3.add_run("a", f"r{index}", index)
    await observed(store, True)
    caught_up(v3, replica)
    runs = runs_of(reader(store), "a")
    await anext(runs)
    assert replica.terminate_backends()
    with pytest.raises(Unavailable):
        [run async for run in runs]


async def test_a_server_that_takes_writes_itself_is_the_primary_or_no_replica(v3, own_server, open_database):
    own_server.run("CREATE SCHEMA ai")
    same = open_database(v3.dsn, read_only_dsn=Dsn.parse(v3.server.dsn(v3.name, connect_timeout="7")))
    other = open_database(v3.dsn, read_only_dsn=Dsn.parse(own_server.dsn()))
    for database, usable in ((same, True), (other, False)):
        await database.replica.observe()
        await asyncio.sleep(0.01)
        await database.replica.observe()
        assert database.replica.usable is usable


def new(session_id):
    return NewSession(session_id, "agent", None, None, None, None, 1)


async def test_while_the_primary_is_away_a_replica_that_kept_up_serves(own_server, open_database, monkeypatch):
    monkeypatch.setattr("session_service.database.replica.LONGEST_LAG_SECONDS", 0.3)
    with standby(own_server) as server:
        source = Source(Dsn.parse(own_server.dsn()), read_only_dsn=Dsn.parse(server.dsn()))
        store = SessionStore(open_database(own_server.dsn(), read_only_dsn=source.read_only_dsn), source)
        await of_all(store).create(new("a"))
        await observed(store, True)
        own_server.stop()
        await until(lambda: not store.database.replica.usable)
        # a write that never got anywhere makes no difference
        for _ in range(2):
            with pytest.raises(Unavailable):
                await of_all(store).rename("a", None, '"n"')
        assert await listed(reader(store)) == ["a"]
        await store.database.close()
