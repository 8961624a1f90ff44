"""Sessions created, renamed and patched: what stands in the row, and what others wrote meanwhile."""

import asyncio
import json
from dataclasses import replace

import pytest

from session_service.store.owned_sessions import RunTaken
from session_service.store.writing import NewSession, SessionChanges

from .rows import of, of_all, runs_of

NEW = NewSession("a", "agent", None, None, None, None, 7)
LAYOUTS = ["v3", "v2", "v2_json", "mixed"]


def row(agno, *columns, id="a"):
    # text, since SQL NULL and JSON null must be told apart
    shown = ", ".join(f"{column}::text" for column in columns)
    [found] = agno.run(f"SELECT {shown} FROM ai.agno_sessions WHERE session_id = %s", id)
    return found


def data(agno, id="a"):
    return json.loads(row(agno, "session_data", id=id)[0])


JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")


@pytest.mark.parametrize(
    ("session_type", "expected"),
    [
        ("agent", ("null", "null", None, None, "null", "null")),
        ("team", ("null", None, "null", None, "null", "null")),
        ("workflow", ("{}", None, None, "{}", "{}", "null")),
    ],
)
async def test_a_bare_session_has_the_nulls_that_agno_writes(v3, open_store, session_type, expected):
    new = replace(NEW, session_type=session_type, component_id="x", user_id="ann")
    created = (await of_all(open_store(v3)).create(new)).record
    assert row(v3, *JSON_COLUMNS) == expected
    assert row(v3, f"{session_type}_id", "user_id", "created_at", "updated_at") == ("x", "ann", "7", "7")
    assert (created.session_id, created.session_type, created.summary, created.updated_at) == (
        "a",
        session_type,
        None,
        7,
    )


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_what_is_given_is_stored(new_agno, open_store, layout):
    agno = new_agno(layout)
    new = replace(NEW, session_data='{"session_name": "N"}', metadata='{"m": 1}', summary='{"summary": "S"}')
    created = (await of_all(open_store(agno)).create(new)).record
    assert (created.session_data, created.metadata) == (b'{"session_name": "N"}', b'{"m": 1}')
    assert row(agno, "session_data", "metadata", "summary") == (
        '{"session_name": "N"}',
        '{"m": 1}',
        '{"summary": "S"}',
    )


async def test_a_workflow_is_stored_without_a_summary_which_agno_would_erase(v3, open_store):
    await of_all(open_store(v3)).create(replace(NEW, session_type="workflow", summary='{"summary": "S"}'))
    assert row(v3, "summary") == ("null",)


async def test_a_taken_id_changes_nothing_whoever_has_it(v3, open_store):
    v3.session("a", user_id="ann", session_data={"session_name": "hers"})
    v3.session("free")
    store = open_store(v3)
    for id in ("a", "free"):
        assert await of_all(store).create(replace(NEW, session_id=id, user_id="bob", session_data="{}")) is None
    assert row(v3, "user_id", "session_data") == ("ann", '{"session_name": "hers"}')
    assert row(v3, "user_id", id="free") == (None,)


async def test_a_session_that_is_made_for_one_user_is_theirs_whatever_it_says(v3, open_store):
    runs = json.dumps([{"run_id": "r1"}])
    created = await of("ann", open_store(v3)).create(replace(NEW, user_id="bob", runs=runs))
    assert (created.record.user_id, *row(v3, "user_id")) == ("ann", "ann")
    assert v3.value("SELECT user_id FROM ai.agno_runs") == "ann"


@pytest.mark.parametrize("layout", ["v3", "v2", "empty"])
async def test_of_simultaneous_creates_of_one_id_exactly_one_succeeds(new_agno, open_store, layout):
    agno = new_agno(layout)
    stores = [open_store(agno), open_store(agno)]
    created = await asyncio.gather(
        *(of_all(stores[n % 2]).create(replace(NEW, session_data=json.dumps({"n": n}))) for n in range(20))
    )
    [winner] = [n for n, record in enumerate(created) if record is not None]
    assert data(agno) == {"n": winner}
    assert agno.ids("ai.agno_sessions") == ["a"]


async def test_the_first_session_makes_the_tables(new_agno, open_store):
    empty = new_agno("empty")
    store = open_store(empty)
    assert (await of_all(store).create(NEW)).record.session_id == "a"
    assert (await store.layout()).name == "v3"


RUNS = [{"run_id": "r2", "agent_id": "x", "status": "OK", "created_at": 3.7}, {"run_id": "r1", "team_name": "t"}]


async def test_imported_runs_become_rows_on_v3(v3, open_store):
    await of_all(open_store(v3)).create(replace(NEW, user_id="ann", runs=json.dumps([*RUNS, {"run_id": "r3"}])))
    columns = "run_id, run_type, agent_id, user_id, status, run_index, run_data, created_at, updated_at"
    assert v3.run(f"SELECT {columns} FROM ai.agno_runs ORDER BY run_index") == [
        ("r2", "agent", "x", "ann", "OK", 0, RUNS[0], 4, 7),
        ("r1", "team", None, "ann", None, 1, RUNS[1], 7, 7),
        ("r3", "workflow", None, "ann", None, 2, {"run_id": "r3"}, 7, 7),
    ]


@pytest.mark.parametrize("layout", ["v2", "v2_json"])
async def test_imported_runs_go_into_the_column_on_v2(new_agno, open_store, layout):
    agno = new_agno(layout)
    await of_all(open_store(agno)).create(replace(NEW, runs=json.dumps(RUNS)))
    assert json.loads(row(agno, "runs")[0]) == RUNS


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_imported_runs_are_read_back(new_agno, open_store, layout):
    store = open_store(new_agno(layout))
    await of_all(store).create(replace(NEW, runs=json.dumps(RUNS)))
    assert [json.loads(run) async for run in runs_of(of_all(store), "a")] == RUNS


async def test_an_import_makes_the_runs_table_if_it_is_missing(v3, open_store):
    v3.run("DROP TABLE ai.agno_runs")
    await of_all(open_store(v3)).create(replace(NEW, runs=json.dumps(RUNS)))
    assert v3.ids("ai.agno_runs", "run_id") == ["r1", "r2"]


async def test_an_import_is_all_or_nothing(v3, open_store):
    v3.session("other")
    v3.add_run("other", "r1")
    store = open_store(v3)
    with pytest.raises(RunTaken):
        await of_all(store).create(replace(NEW, runs=json.dumps(RUNS)))
    assert v3.ids("ai.agno_sessions") == ["other"]
    assert v3.ids("ai.agno_runs", "run_id") == ["r1"]
    assert await of_all(store).create(replace(NEW, session_id="other", runs='[{"run_id": "r9"}]')) is None
    assert v3.ids("ai.agno_runs", "run_id") == ["r1"]


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_rename_keeps_every_other_key_and_the_time(new_agno, open_store, layout):
    agno = new_agno(layout)
    state = {"session_state": {"k": [1, None]}, "session_name": "old", "extra": 1.5}
    agno.session("a", user_id="ann", session_data=state, metadata={"m": 1}, updated_at=3)
    renamed = await of("ann", open_store(agno)).rename("a", "agent", '"new \\"é"')
    assert json.loads(renamed.record.session_data) == data(agno) == {**state, "session_name": 'new "é'}
    assert row(agno, "metadata", "updated_at") == ('{"m": 1}', "3")


@pytest.mark.parametrize("before", [None, "null", "5", "[1]", '"text"'])
async def test_a_rename_stands_where_there_was_no_object(new_agno, open_store, before):
    agno = new_agno("v2_json")
    agno.session("a", session_data=before)
    await of_all(open_store(agno)).rename("a", None, '"new"')
    assert data(agno) == {"session_name": "new"}


async def test_a_rename_finds_only_the_stored_type_and_the_owners_session(v3, open_store):
    v3.session("a", user_id="ann")
    v3.session("free")
    store = open_store(v3)
    for owner, *query in (
        (None, "a", "team"),
        ("bob", "a", None),
        ("ann", "free", None),
        (None, "b", None),
        (None, "a\0", None),
    ):
        assert await of(owner, store).rename(*query, '"n"') is None
    assert row(v3, "session_data") == (None,)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_patch_sets_what_it_names_and_nothing_else(new_agno, open_store, layout):
    agno = new_agno(layout)
    before = {"session_state": {"k": 1}, "session_name": "old", "extra": 1}
    agno.session("a", user_id="ann", session_data=before, metadata={"m": 1}, summary={"summary": "S"}, agent_data={})
    store = open_store(agno)
    await of("ann", store).patch("a", SessionChanges(9))
    assert (data(agno), *row(agno, "metadata", "summary", "updated_at")) == (
        before,
        '{"m": 1}',
        '{"summary": "S"}',
        "9",
    )
    patched = await of_all(store).patch("a", SessionChanges(10, '{"session_state": {}}', "null", '{"summary": "T"}'))
    assert data(agno) == before | {"session_state": {}}
    assert row(agno, "metadata", "summary", "updated_at") == ("null", '{"summary": "T"}', "10")
    assert row(agno, "user_id", "created_at", "session_type", "agent_data") == ("ann", "1", "agent", "{}")
    assert (patched.record.metadata, patched.record.updated_at) == (None, 10)


async def test_a_workflow_keeps_its_summary_whatever_a_patch_says(v3, open_store):
    v3.session("a", "workflow", summary={"summary": "S"})
    await of_all(open_store(v3)).patch("a", SessionChanges(9, summary='{"summary": "T"}'))
    assert row(v3, "summary") == ('{"summary": "S"}',)


async def test_a_patch_finds_only_the_owners_session(v3, open_store):
    v3.session("a", user_id="ann")
    v3.session("free")
    store = open_store(v3)
    for owner, id in (("bob", "a"), ("ann", "free"), (None, "b"), (None, "a\0"), ("\0", "a")):
        assert await of(owner, store).patch(id, SessionChanges(9, '{"session_name": "n"}')) is None
    assert row(v3, "session_data", "updated_at") == (None, None)


async def test_concurrent_patches_of_different_keys_lose_nothing(v3, open_store):
    v3.session("a", session_data="null")
    stores = [open_store(v3), open_store(v3)]
    changes = [SessionChanges(9, json.dumps({f"k{n}": n})) for n in range(24)]
    await asyncio.gather(*(of_all(stores[n % 2]).patch("a", change) for n, change in enumerate(changes)))
    assert data(v3) == {f"k{n}": n for n in range(24)}


async def test_a_patch_loses_nothing_of_what_an_agent_writes_meanwhile(v3, open_store):
    v3.session("a", session_data={"session_name": "old", "session_state": {"n": 0}})
    store = open_store(v3)
    agent = "UPDATE ai.agno_sessions SET session_data = jsonb_set(session_data, '{session_state}', '{\"n\": 1}')"
    await asyncio.gather(
        of_all(store).patch("a", SessionChanges(9, '{"session_name": "new"}')),
        store.database.write(f"{agent}; SELECT pg_sleep(0.1)"),
        of_all(store).rename("a", None, '"newer"'),
    )
    assert data(v3)["session_state"] == {"n": 1}
    assert data(v3)["session_name"] in {"new", "newer"}


async def test_a_table_that_was_dropped_since_it_was_seen_is_made_anew(v3, open_store):
    store = open_store(v3)
    await of_all(store).create(NEW)
    v3.run("DROP TABLE ai.agno_sessions CASCADE")
    assert (await of_all(store).create(NEW)).record.session_id == "a"
    assert v3.ids("ai.agno_sessions") == ["a"]
