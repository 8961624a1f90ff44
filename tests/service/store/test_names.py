"""No name that a statement gives to what it reads is taken for a schema of that name."""

import re

import pytest

from session_service.database.connection import Connection
from session_service.sessions.chat_history import MESSAGE_PARTS
from session_service.sessions.runs import run_parts
from session_service.store.listing import SessionQuery
from session_service.store.long_runs import WantedRuns
from session_service.store.writing import NewSession, SessionChanges

from .rows import as_stored, of

QUALIFIER = re.compile(r"(?<![\w.'\"$])([a-z_]\w*)\.\"?[a-z_*]")


async def everything(store):
    """Every statement of a store."""
    await store.layout(fresh=True)
    await store.has_table("agno_runs")
    await store.schemas_with_sessions()
    await store.missing_indexes()
    for owner in (None, "ann"):
        sessions = of(owner, store)
        new = NewSession("new", "agent", None, "ann", '{"a": 1}', None, 1, None, '[{"run_id": "n1", "agent_id": "x"}]')
        await sessions.create(new)
        for query in (SessionQuery(), SessionQuery("agent", "x", "n", 101, 2, "updated_at"), SessionQuery(page=2)):
            assert (await sessions.page(query, as_stored) is None) == (query.limit > 100)
            assert [item async for item in sessions.long_page(query)]
        assert await sessions.exists("new")
        assert await sessions.session("new")
        assert (await sessions.run("new", "n1")).run
        assert (await sessions.first_runs("new")).runs
        assert [item async for item in sessions.long_session("new", "agent", MESSAGE_PARTS)]
        for wanted in (WantedRuns(run_parts("agent")), WantedRuns(run_parts("agent"), "n1", beginnings=True, sdk=True)):
            assert [item async for item in sessions.long_runs("new", wanted)]
        assert await sessions.rename("new", None, '"name"')
        assert await sessions.patch("new", SessionChanges(1, '{"b": 2}', "{}", "{}"))
        await sessions.delete(["new"])
        await sessions.delete(["new", "other"], orphans=True)
        assert not await sessions.exists("new")


@pytest.mark.parametrize("layout", ["v3", "v2", "v2_json", "mixed"])
async def test_schemas_with_the_names_of_our_aliases_are_no_obstacle(new_agno, open_store, monkeypatch, layout):
    agno = new_agno(layout)
    agno.run(
        """DO $$ BEGIN CREATE ROLE limited LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT USAGE ON SCHEMA ai TO limited; GRANT ALL ON ALL TABLES IN SCHEMA ai TO limited"""
    )
    texts, real = [], Connection.fetch

    async def fetch(connection, sql, *arguments, **words):
        texts.append(sql)
        return await real(connection, sql, *arguments, **words)

    monkeypatch.setattr(Connection, "fetch", fetch)
    await everything(open_store(agno, user="limited"))
    names = {name for text in texts for name in QUALIFIER.findall(text)} - {"ai", "pg_catalog"}
    assert {"s", "p", "c", "q", "n"} <= names
    agno.run("; ".join(f'CREATE SCHEMA "{name}"' for name in names | {"fs"}))
    agno.run("CREATE TABLE fs.agno_fs (namespace varchar, path varchar)")
    await everything(open_store(agno, user="limited"))
