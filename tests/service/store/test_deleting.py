"""Deletion takes along everything that hangs on a session, and nothing of anybody else."""

import asyncio

import pytest

from session_service.database.errors import Forbidden

from .rows import of, of_all

BINDINGS = """CREATE TABLE ai.agno_sessions_sandbox_bindings (
    namespace varchar NOT NULL, session_id varchar NOT NULL REFERENCES ai.agno_sessions (session_id) ON DELETE CASCADE,
    agent_id varchar NOT NULL, user_id varchar, epoch bigint NOT NULL, owner varchar,
    run_id varchar REFERENCES ai.agno_runs (run_id), queue_attempt bigint, expires_at timestamptz,
    record jsonb NOT NULL, PRIMARY KEY (namespace, session_id))"""
FILES = "CREATE SCHEMA fs; CREATE TABLE fs.agno_fs (namespace varchar, path varchar, PRIMARY KEY (namespace, path))"

DEPENDANTS = {
    "ai.agno_runs": "session_id",
    "ai.agno_sessions_sandbox_bindings": "session_id",
    "ai.agno_transcripts": "agno_session_id",
    "ai.agno_compactions": "session_id",
    "ai.agno_tool_results": "session_id",
    "fs.agno_fs": "path",
}


def hang_on(agno, id, **columns):
    """A session with one row in each dependent table."""
    agno.session(id, **columns)
    agno.add_run(id, f"run of {id}")
    agno.run(
        "INSERT INTO ai.agno_sessions_sandbox_bindings (namespace, session_id, agent_id, epoch, run_id, record) "
        "VALUES ('n', %s, 'x', 1, %s, '{}')",
        *(id, f"run of {id}"),
    )
    agno.run(
        "INSERT INTO ai.agno_transcripts (framework, project_key, session_id, subpath, position, entry, "
        "agno_session_id, created_at) VALUES ('f', 'p', %s, '', 0, '{}', %s, 1)",
        *(f"foreign {id}", id),
    )
    agno.run("INSERT INTO ai.agno_compactions (compaction_id, session_id, created_at) VALUES (%s, %s, 1)", id, id)
    agno.run(
        "INSERT INTO ai.agno_tool_results (result_id, namespace, path, session_id, run_id, tool_call_id, tool_name, "
        "args_hash, content_type, size_bytes, line_count, preview, created_at) "
        "VALUES (%s, 'n', %s, %s, 'r', 'c', 't', 'h', 'text', 1, 1, '', 1)",
        *(id, id, id),
    )
    agno.run("INSERT INTO fs.agno_fs VALUES ('n', %s), ('other', %s)", id, f"other {id}")


def left(agno):
    return {table: agno.ids(table, column) for table, column in DEPENDANTS.items()}


@pytest.fixture
def agno(v3):
    v3.run(BINDINGS)
    v3.run(FILES)
    hang_on(v3, "a", user_id="ann")
    hang_on(v3, "b", user_id="bob")
    return v3


def all_of(*ids):
    expected = {table: sorted(ids) for table in DEPENDANTS}
    return expected | {"fs.agno_fs": sorted([*ids, "other a", "other b"])}


async def test_a_deleted_session_takes_everything_along(agno, open_store):
    await of_all(open_store(agno)).delete(["a"])
    assert agno.ids("ai.agno_sessions") == ["b"]
    assert left(agno) == all_of("b")


async def test_only_the_owners_sessions_go_and_nothing_of_the_others(agno, open_store):
    agno.run("UPDATE ai.agno_runs SET user_id = 'bob'")
    await of("bob", open_store(agno)).delete(["a", "b", "a", "nobody"])
    assert agno.ids("ai.agno_sessions") == ["a"]
    assert left(agno) == all_of("a")


async def test_orphans_go_for_everybody_alone(v3, open_store):
    v3.run("ALTER TABLE ai.agno_runs DROP CONSTRAINT agno_runs_session_id_fkey")
    v3.add_run("gone", "r1")
    await of("ann", open_store(v3)).delete(["gone"], orphans=True)
    assert v3.ids("ai.agno_runs", "run_id") == ["r1"]
    await of_all(open_store(v3)).delete(["gone"], orphans=True)
    assert v3.ids("ai.agno_runs", "run_id") == []


@pytest.mark.parametrize("owner", ["Ann", "", "nobody", "\0"])
async def test_another_owner_deletes_nothing(agno, open_store, owner):
    await of(owner, open_store(agno)).delete(["a", "b"])
    assert left(agno) == all_of("a", "b")


async def test_a_session_that_is_gone_leaves_its_rows_alone_one_by_one_and_loses_them_in_bulk(agno, open_store):
    agno.run("DROP TABLE ai.agno_sessions_sandbox_bindings")
    agno.run("ALTER TABLE ai.agno_runs DROP CONSTRAINT agno_runs_session_id_fkey")
    agno.run("DELETE FROM ai.agno_sessions WHERE session_id = 'a'")
    store = open_store(agno)
    await of_all(store).delete(["a"])
    assert agno.ids("ai.agno_runs") == ["a", "b"]
    await of_all(store).delete(["a", "b"], orphans=True)
    agno.run(BINDINGS)
    assert left(agno) == all_of()


@pytest.mark.parametrize("absent", [*DEPENDANTS, "all"])
async def test_absent_tables_are_no_obstacle(agno, open_store, absent):
    gone = list(DEPENDANTS) if absent == "all" else [absent]
    for table in gone:
        agno.run(f"DROP TABLE {table} CASCADE")
    await of_all(open_store(agno)).delete(["a", "b"], orphans=True)
    assert agno.ids("ai.agno_sessions") == []
    for table, column in DEPENDANTS.items():
        if table not in gone and absent != "ai.agno_tool_results":
            assert [id for id in agno.ids(table, column) if not id.startswith("other")] == []


@pytest.mark.parametrize("layout", ["v2", "v2_json", "mixed"])
async def test_older_layouts_lose_their_sessions_too(new_agno, open_store, layout):
    agno = new_agno(layout)
    agno.session("a", runs=[{"run_id": "r1"}])
    agno.session("b", runs=[{"run_id": "r1"}])
    if layout == "mixed":
        agno.add_run("a", "r1")
    await of_all(open_store(agno)).delete(["a"])
    assert agno.ids("ai.agno_sessions") == ["b"]
    if layout == "mixed":
        assert agno.ids("ai.agno_runs") == []


async def test_simultaneous_deletes_of_the_same_sessions_all_succeed(agno, open_store):
    store = open_store(agno)
    await asyncio.gather(*(of_all(store).delete(["a", "b"][:: 1 if n % 2 else -1], orphans=True) for n in range(12)))
    assert left(agno) == all_of()


async def test_ids_that_no_row_can_have_are_passed_over(agno, open_store):
    await of_all(open_store(agno)).delete(["a\0", "a"])
    assert agno.ids("ai.agno_sessions") == ["b"]


async def test_a_table_that_appears_between_two_deletes_is_not_missed(v3, open_store):
    store = open_store(v3)
    v3.session("first")
    await of_all(store).delete(["first"])
    v3.run(BINDINGS)
    v3.run(FILES)
    hang_on(v3, "a")
    await of_all(store).delete(["a"])
    assert left(v3) == {table: ["other a"] if table == "fs.agno_fs" else [] for table in DEPENDANTS}


async def test_a_table_that_goes_between_two_deletes_is_no_error(agno, open_store):
    store = open_store(agno)
    await of_all(store).delete(["a"])
    agno.run("DROP TABLE ai.agno_transcripts; DROP SCHEMA fs CASCADE")
    await of_all(store).delete(["b"])
    assert agno.ids("ai.agno_sessions") == []


LIMITED = """DO $$ BEGIN CREATE ROLE limited LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT USAGE, CREATE ON SCHEMA ai TO limited; GRANT ALL ON ALL TABLES IN SCHEMA ai TO limited"""
FULL = "GRANT USAGE ON SCHEMA fs TO limited; GRANT ALL ON fs.agno_fs TO limited"


@pytest.mark.parametrize("orphans", [False, True])
@pytest.mark.parametrize(
    "rights",
    ["", "DROP TABLE fs.agno_fs", "GRANT USAGE ON SCHEMA fs TO limited", "GRANT ALL ON fs.agno_fs TO limited"],
    ids=["none", "none and no table", "the schema alone", "the table alone"],
)
async def test_files_that_we_may_not_delete_are_no_obstacle(agno, open_store, rights, orphans):
    agno.run(f"{LIMITED}; {rights}")
    store = open_store(agno, user="limited")
    await of_all(store).delete(["a"], orphans=orphans)
    assert agno.ids("ai.agno_sessions") == ["b"]
    assert agno.ids("ai.agno_tool_results") == ["b"]
    if "DROP" not in rights:
        assert agno.ids("fs.agno_fs", "path") == ["a", "b", "other a", "other b"]


@pytest.mark.parametrize("read", ["SELECT", "SELECT (namespace, path)"])
async def test_files_that_we_may_delete_go(agno, open_store, read):
    agno.run(f"{LIMITED}; GRANT USAGE ON SCHEMA fs TO limited; GRANT {read}, DELETE ON fs.agno_fs TO limited")
    await of_all(open_store(agno, user="limited")).delete(["a"])
    assert agno.ids("fs.agno_fs", "path") == ["b", "other a", "other b"]


@pytest.mark.parametrize("revoked", ["USAGE ON SCHEMA fs", "DELETE ON fs.agno_fs"])
async def test_rights_that_come_and_go_between_two_deletes_are_noticed(agno, open_store, revoked):
    agno.run(f"{LIMITED}; {FULL}")
    hang_on(agno, "c")
    store = open_store(agno, user="limited")
    await of_all(store).delete(["a"])
    agno.run(f"REVOKE {revoked} FROM limited")
    await of_all(store).delete(["b"])
    agno.run(FULL)
    await of_all(store).delete(["c"])
    assert agno.ids("ai.agno_sessions") == []
    assert agno.ids("fs.agno_fs", "path") == ["b", "other a", "other b", "other c"]


async def test_a_missing_right_on_what_must_go_is_told(agno, open_store):
    agno.run(f"{LIMITED}; REVOKE DELETE ON ai.agno_transcripts FROM limited")
    with pytest.raises(Forbidden):
        await of_all(open_store(agno, user="limited")).delete(["a"])
    assert agno.ids("ai.agno_sessions") == ["a", "b"]
