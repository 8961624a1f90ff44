"""The tables that the service creates are agno's own, and what exists is never altered."""

import asyncio

import pytest

from session_service.database.connection import Connection
from session_service.database.errors import DatabaseError

CATALOG = """
SELECT table_name || '.' || column_name, data_type || ' ' || is_nullable || ' ' || COALESCE(column_default, '')
FROM information_schema.columns WHERE table_schema = 'ai' AND table_name = ANY(%s)
UNION ALL
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'ai' AND tablename = ANY(%s)
UNION ALL
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'ai'::regnamespace AND conrelid::regclass::varchar = ANY(%s)
ORDER BY 1, 2"""
TABLES = ["agno_sessions", "agno_runs", "agno_schema_versions"]


def catalog(agno):
    return agno.run(CATALOG, TABLES, TABLES, [f"ai.{table}" for table in TABLES])


async def test_the_tables_are_exactly_those_that_agno_creates(new_agno, v3, open_store):
    empty = new_agno("empty")
    await open_store(empty).create_tables()
    assert catalog(empty) == catalog(v3)
    versions = empty.run("SELECT table_name, version FROM ai.agno_schema_versions ORDER BY 1")
    assert versions == [("agno_runs", "3.0.0"), ("agno_sessions", "3.0.0")]


async def test_creating_them_again_does_nothing(new_agno, open_store):
    empty = new_agno("empty")
    store = open_store(empty)
    assert await store.missing_tables()
    await store.create_tables()
    before = catalog(empty)
    assert await store.missing_tables() == []
    await store.create_tables()
    assert catalog(empty) == before


@pytest.mark.parametrize("layout", ["v2", "v2_json", "mixed", "v3"])
async def test_what_exists_is_never_altered(new_agno, open_store, layout):
    agno = new_agno(layout)
    before = catalog(agno)
    await open_store(agno).create_tables()
    assert catalog(agno) == before


async def test_only_the_runs_table_is_made_where_only_it_is_missing(v3, open_store):
    before = catalog(v3)
    v3.run("DROP TABLE ai.agno_runs")
    await open_store(v3).create_tables()
    assert catalog(v3) == before


async def test_simultaneous_starts_on_an_empty_database_all_succeed(new_agno, v3, open_store):
    empty = new_agno("empty")
    await asyncio.gather(*(open_store(empty).create_tables() for _ in range(8)))
    assert catalog(empty) == catalog(v3)


async def test_each_statement_is_sent_for_itself(new_agno, open_store, monkeypatch):
    sent = []
    run = Connection._run

    async def note(self, sql, parameters):
        sent.append(sql)
        return await run(self, sql, parameters)

    store = open_store(new_agno("empty"))
    await store.layout()
    monkeypatch.setattr(Connection, "_run", note)
    await store.create_tables()
    making = sent[sent.index("BEGIN") :]  # before it the catalog is asked
    assert making[-1] == "COMMIT"
    assert len(making) > 20
    assert [sql for sql in making if ";" in sql] == []


async def test_a_statement_that_fails_leaves_nothing_and_no_transaction(new_agno, open_store):
    empty = new_agno("empty")
    empty.run("CREATE SCHEMA ai; CREATE VIEW ai.agno_schema_versions AS SELECT 1 AS table_name")
    store = open_store(empty)
    with pytest.raises(DatabaseError):
        await store.create_tables()
    assert not (await store.layout(fresh=True)).sessions_table
    empty.run("DROP VIEW ai.agno_schema_versions")
    await store.create_tables()
    assert (await store.layout()).name == "v3"
