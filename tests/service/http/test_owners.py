"""Nothing that one user does changes a byte of what another is answered, on any layout, with and without a replica."""

import asyncio
import json
import re
from types import SimpleNamespace

import pytest

from session_service.database.connection import Connection
from session_service.database.replica import Replica
from session_service.store.owned_sessions import OwnedSessions
from tests.service.agno import Agno
from tests.service.replicas import caught_up, paused, resumed

from .owners import ISOLATED, KINDS, NOBODY, Ask, admin, deeds, fill, reads, user, writes

ANN, BOB = user("ann"), user("bob")
READS, WRITES = reads("ann", "bob"), writes("ann", "bob")
EVERY_ROUTE = [*READS[::20], *WRITES[::2]]
ACTORS = {"another user": BOB, "nobody": NOBODY, "an admin for the other user": admin("bob")}
LAYOUTS = ("v3", "v2", "mixed")


@pytest.fixture(autouse=True)
def _at_one_time(monkeypatch):
    """All that is written is written in the same second."""
    monkeypatch.setattr("session_service.http.sessions.time", SimpleNamespace(time=lambda: 1_800_000_000))


@pytest.fixture
def replica_of(copy):
    """The replica of a database, which has caught up; it goes on at the end."""
    made = []

    def replica(agno):
        made.append((agno, Agno(copy, agno.name)))
        caught_up(*made[-1])
        return made[-1][1]

    yield replica
    for agno, found in made:
        resumed(found)
        caught_up(agno, found)


def filled(agno, layout):
    for owner in ("ann", "bob", None):
        fill(agno, layout, owner)
    return agno


def kept(agno, layout):
    """The rows of ann and of nobody, as text."""
    condition = "user_id = 'ann' OR user_id IS NULL"
    tables = {"ai.agno_sessions": condition}
    if layout != "v2":
        tables["ai.agno_runs"] = f"session_id IN (SELECT session_id FROM ai.agno_sessions WHERE {condition})"
    return [agno.run(f"SELECT t::text FROM {table} t WHERE {where} ORDER BY 1") for table, where in tables.items()]


async def unchanged(client, observers, doing):
    """Each observer is answered the same before and after, and in part after each step of, what is done."""

    async def answers(part=slice(None)):
        return {
            observer: await observer.walk(client, [*reading[part], *writing])
            for observer, (reading, writing) in observers.items()
        }

    await answers()  # what an observer writes is there from now on
    before = await answers()

    def compare(after):
        for observer, found in after.items():
            for ask, answer in found.items():
                assert (observer, ask, answer) == (observer, ask, before[observer][ask])

    for number, step in enumerate(doing):
        await step
        compare(await answers(slice(number % 7, None, 7)))
    compare(await answers())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("layout", LAYOUTS)
async def test_nothing_of_one_user_changes_what_another_is_answered(new_agno, serve, layout, actor):
    agno = filled(new_agno(layout), layout)
    agno.run("DELETE FROM ai.agno_sessions WHERE session_id = 'ann-gone'")
    client = await serve(agno.dsn, **ISOLATED)
    await ANN.walk(client, WRITES)
    rows = kept(agno, layout)
    observers = {ANN: (READS, WRITES), admin("ann"): (READS[::3], WRITES), NOBODY: (EVERY_ROUTE, [])}
    await unchanged(client, observers, (ACTORS[actor].ask(client, deed) for deed in deeds("bob", "ann")))
    assert kept(agno, layout) == rows


@pytest.mark.timeout(300)
@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_replica_that_lags_shows_nothing_of_what_became_of_an_id(
    new_agno, replica_of, serve, monkeypatch, layout
):
    agno = filled(new_agno(layout), layout)
    replica = replica_of(agno)
    client = await serve({"main": {"dsn": agno.dsn, "readOnlyDsn": replica.dsn}}, **ISOLATED)
    elsewhere = await serve(agno.dsn, **ISOLATED)  # another pod, of whose writes the first knows nothing
    await in_use(client)
    monkeypatch.setattr("session_service.database.replica.LONGEST_LAG_SECONDS", 1e9)
    monkeypatch.setattr(Replica, "observe", lambda _: asyncio.sleep(0))
    paused(replica)
    ids = [f"ann-{kind}" for kind in KINDS]
    await ANN.ask(elsewhere, Ask("DELETE", "/sessions", {"session_ids": ids, "session_types": ["agent"] * len(ids)}))
    gone = Ask("GET", "/sessions/ann-gone")
    assert [(await ANN.ask(pod, gone))[0] for pod in (client, elsewhere)] == [200, 404]
    observers = {ANN: (READS, []), admin("ann"): (READS[::3], []), NOBODY: (EVERY_ROUTE, [])}
    await unchanged(client, observers, (BOB.ask(elsewhere, deed) for deed in deeds("bob", "ann")))
    assert (await ANN.ask(client, gone))[0] == 200


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_every_statement_on_sessions_and_runs_names_the_owner(new_agno, serve, monkeypatch, layout):
    agno = filled(new_agno(layout), layout)
    client = await serve(agno.dsn, **ISOLATED)
    sent = []
    fetch = Connection.fetch

    async def noted(self, sql, parameters=None, **words):
        sent.append((sql, list(parameters or ())))
        return await fetch(self, sql, parameters, **words)

    monkeypatch.setattr(Connection, "fetch", noted)
    await ANN.walk(client, [*READS, *WRITES, *deeds("ann", "bob")])
    tables = {(sql, tuple(map(str, values))) for sql, values in sent if re.search(r'"agno_(sessions|runs)"', sql)}
    assert len(tables) > 100
    for sql, values in tables:
        if "INSERT INTO" in sql:
            assert "ann" in values
        else:
            assert len(re.findall(r'"agno_sessions" s\b', sql)) == sql.count("s.user_id = %s") > 0, sql
            assert values.count("ann") >= sql.count("s.user_id = %s")
        # runs are those of a session of the statement
        assert sql.count('"agno_runs" r') == sql.count('"agno_runs" r WHERE r.session_id = s.session_id')


async def test_an_import_is_answered_with_the_session_of_its_caller_alone(v3, serve, monkeypatch):
    client = await serve(v3.dsn, **ISOLATED)
    create = OwnedSessions.create

    async def and_taken(self, new):
        created = await create(self, new)
        v3.run("DELETE FROM ai.agno_sessions")
        v3.session(new.session_id, user_id="bob", session_data={"session_name": "a secret"})
        return created

    monkeypatch.setattr(OwnedSessions, "create", and_taken)
    new = {"session_id": "a", "session_name": "hers", "runs": [{"run_id": "r"}]}
    status, _, body = await ANN.ask(client, Ask("POST", "/sessions", new))
    assert (status, json.loads(body)["user_id"], json.loads(body)["session_name"]) == (201, "ann", "hers")


async def test_a_history_is_that_of_its_owner_alone_to_the_end(v3, serve, monkeypatch):
    fill(v3, "v3", "ann")
    client = await serve(v3.dsn, **ISOLATED)
    first_runs = OwnedSessions.first_runs

    async def and_taken(self, session_id):
        found = await first_runs(self, session_id)
        v3.run("UPDATE ai.agno_sessions SET user_id = 'bob'")
        return found

    monkeypatch.setattr(OwnedSessions, "first_runs", and_taken)
    _, _, body = await ANN.ask(client, Ask("GET", "/sessions/ann-long/runs"))
    assert b"said" not in body


async def in_use(client):
    """Wait until the replica is asked."""
    report = b""
    async with asyncio.timeout(20):
        while b'"replica":"serving"' not in report:
            report = await (await client.get("/healthz/ready")).read()
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_the_refusal_of_a_taken_id_tells_that_it_is_taken_and_nothing_else(new_agno, serve, layout):
    agno = filled(new_agno(layout), layout)
    client = await serve(agno.dsn, **ISOLATED)
    refused = [
        await ANN.ask(client, Ask("POST", f"/sessions?type={kind}", {"session_id": f"{owner}-{taken}", "runs": runs}))
        for owner in ("bob", "free")
        for taken in KINDS
        for kind in ("agent", "workflow")
        for runs in (None, [{"run_id": "ann-agent-1"}])
    ]
    assert {(status, json.loads(body)["detail"]) for status, _, body in refused} == {
        (
            409,
            "Could not create a session with the supplied session_id. "
            "Omit session_id to have one generated, or choose a different one.",
        )
    }
