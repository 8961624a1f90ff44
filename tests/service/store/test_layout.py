"""Which layout a database holds, and what happens when it changes while the service runs."""

import json

import pytest

from session_service.database.errors import Refused
from session_service.store.listing import SessionQuery
from tests.service.store.rows import as_stored, of_all, runs_of

RUNS_TABLE = """CREATE TABLE ai.agno_runs (run_id varchar PRIMARY KEY, session_id varchar NOT NULL, run_type varchar,
    user_id varchar, run_index bigint, run_data jsonb NOT NULL, created_at bigint NOT NULL)"""


async def runs(store, session_id):
    return [json.loads(run)["run_id"] async for run in runs_of(of_all(store), session_id)]


async def total(store):
    return (await of_all(store).page(SessionQuery(), as_stored)).total


@pytest.mark.parametrize(
    ("layout", "change", "name", "column"),
    [
        ("v3", None, "v3", None),
        ("v3", "DROP TABLE ai.agno_runs", "v3", None),
        ("v2", None, "v2", "jsonb"),
        ("v2_json", None, "v2", "json"),
        ("mixed", None, "half-migrated", "jsonb"),
        ("mixed", "ALTER TABLE ai.agno_sessions DROP runs", "v3", None),
        ("empty", None, "empty", None),
        ("v3", "DROP SCHEMA ai CASCADE; CREATE SCHEMA ai", "empty", None),
    ],
)
async def test_the_catalog_tells_the_layout(new_agno, open_store, layout, change, name, column):
    agno = new_agno(layout)
    if change:
        agno.run(change)
    found = await open_store(agno).layout()
    assert (found.name, found.runs_column) == (name, column)
    assert found.json_type == ("json" if layout == "v2_json" else "jsonb")


async def test_a_missing_schema_and_an_empty_one_are_told_apart(new_agno, open_store):
    empty = new_agno("empty")
    assert not (await open_store(empty).layout()).schema
    empty.run("CREATE SCHEMA ai")
    assert (await open_store(empty).layout()).schema


async def test_where_there_is_no_table_there_is_no_session(new_agno, open_store):
    store = open_store(new_agno("empty"))
    assert (await of_all(store).page(SessionQuery(), as_stored)).rows == []
    assert await of_all(store).session("a") is None
    assert not await of_all(store).exists("a")
    assert await of_all(store).run("a", "r") is None
    assert await of_all(store).first_runs("a") is None
    assert await runs(store, "a") == []
    assert await of_all(store).rename("a", None, '"n"') is None
    await of_all(store).delete(["a"])
    assert not await store.has_table("agno_sessions")


async def test_a_runs_table_that_an_agent_creates_is_noticed(new_agno, open_store):
    v2 = new_agno("v2")
    store = open_store(v2)
    v2.session("a", runs=[{"run_id": "r1"}])
    assert await runs(store, "a") == ["r1"]
    v2.run(RUNS_TABLE)
    v2.add_run("a", "r2", 1)
    assert await runs(store, "a") == ["r1", "r2"]


async def test_a_runs_column_that_is_dropped_is_noticed(new_agno, open_store):
    mixed = new_agno("mixed")
    store = open_store(mixed)
    mixed.session("a", runs=[{"run_id": "r1"}])
    mixed.add_run("a", "r2", 1)
    assert await runs(store, "a") == ["r1", "r2"]
    mixed.run("ALTER TABLE ai.agno_sessions DROP runs")
    assert await runs(store, "a") == ["r2"]
    assert (await store.layout()).name == "v3"


@pytest.mark.parametrize("read", ["page", "session", "run", "first runs"])
async def test_every_read_survives_the_clean_up_of_a_migration(new_agno, open_store, read):
    mixed = new_agno("mixed")
    store = open_store(mixed)
    mixed.session("a", runs=[{"run_id": "r1", "agent_id": "x"}])
    calls = {
        "page": lambda: of_all(store).page(SessionQuery(), as_stored),
        "session": lambda: of_all(store).session("a"),
        "run": lambda: of_all(store).run("a", "r1"),
        "first runs": lambda: of_all(store).first_runs("a"),
    }
    await calls[read]()
    mixed.run("ALTER TABLE ai.agno_sessions DROP runs")
    await calls[read]()


async def test_tables_that_are_dropped_and_made_anew_are_noticed(v3, open_store):
    store = open_store(v3)
    v3.session("a")
    assert await total(store) == 1
    v3.run("ALTER TABLE ai.agno_sessions RENAME TO away")
    assert await total(store) == 0
    v3.run("ALTER TABLE ai.away RENAME TO agno_sessions")
    assert await total(store) == 1


async def test_a_runs_table_that_is_dropped_is_noticed(v3, open_store):
    store = open_store(v3)
    v3.session("a")
    v3.add_run("a", "r1")
    assert await runs(store, "a") == ["r1"]
    v3.run("DROP TABLE ai.agno_runs")
    assert await runs(store, "a") == []
    found = await of_all(store).run("a", "r1")
    assert (found.run, found.any) == (None, False)


@pytest.mark.parametrize(
    "privileges",
    [
        "GRANT USAGE ON SCHEMA ai TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA ai TO reader",
        "GRANT USAGE ON SCHEMA ai TO reader; GRANT SELECT ON ai.agno_sessions TO reader",
    ],
    ids=["no table", "no schema", "no runs"],
)
async def test_whoever_may_not_read_agnos_tables_is_refused(v3, open_database, open_store, privileges):
    v3.run("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    v3.run(privileges)
    store = open_store(v3, user="reader")
    with pytest.raises(Refused) as refused:
        await store.layout()
    assert refused.value.reason == "InsufficientPrivilege"
    assert (store.database.state, store.database.reason) == ("refused", "InsufficientPrivilege")


async def test_reading_needs_no_more_than_select(v3, open_store):
    v3.run("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    v3.run("GRANT USAGE ON SCHEMA ai TO reader; GRANT SELECT ON ai.agno_sessions, ai.agno_runs TO reader")
    v3.session("a")
    store = open_store(v3, user="reader")
    assert await total(store) == 1
    assert store.database.state == "serving"


@pytest.mark.parametrize("name", ["Archive", "with blank", 'with "quote"', "100%", "%s", "%%"])
async def test_any_schema_and_table_name_works(new_agno, open_store, name):
    agno = new_agno("empty")
    store = open_store(agno, schema=name, session_table=f"t {name}", runs_table=f"r {name}")
    await store.create_tables()
    assert (await store.layout()).settled
    assert await store.has_table(f"t {name}")
    assert not await store.has_table("t")
    assert await total(store) == 0
    await of_all(store).delete(["a"], orphans=True)
    assert await store.missing_tables() == []
