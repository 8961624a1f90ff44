"""The runs of a session in stored order, on each layout: from the table, from the column, and merged."""

import json
from unittest.mock import ANY

import pytest

from session_service.store.limits import MOST_BYTES, MOST_RUNS
from session_service.store.records import FoundRun

from .rows import of, of_all, runs_of


async def runs(store, session_id="a"):
    return [json.loads(run) async for run in runs_of(of_all(store), session_id)]


async def ids(store):
    return [run.get("run_id") if isinstance(run, dict) else run for run in await runs(store)]


async def test_runs_of_the_table_go_by_index_then_time_then_id_and_by_columns_only(v3, open_store):
    v3.session("a")
    v3.session("b")
    v3.add_run("a", "last", None, created=1)
    v3.add_run("a", "second", 1, created_at=0, run_index=0)
    v3.add_run("a", "first", 0, created=9)
    v3.add_run("a", "tie-2", 2, created=5)
    v3.add_run("a", "tie-1", 2, created=5)
    v3.add_run("a", "tie-0", 2, created=4)
    v3.add_run("b", "other", 0)
    assert await ids(open_store(v3)) == ["first", "second", "tie-0", "tie-1", "tie-2", "last"]


async def test_a_long_history_comes_whole_and_in_order(v3, open_store):
    v3.session("a")
    v3.run("""INSERT INTO ai.agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)
        SELECT 'r' || g, 'a', 'agent', g, jsonb_build_object('run_id', 'r' || g), 1 FROM generate_series(1, 100) g""")
    assert await ids(open_store(v3)) == [f"r{number}" for number in range(1, 101)]


ARRAY = [{"run_id": "r2"}, {"run_id": "r1"}, {"no": "id"}, "text", 5, None, {"run_id": "r2"}]


@pytest.mark.parametrize("layout", ["v2", "v2_json"])
async def test_the_column_of_v2_is_served_as_it_is(new_agno, open_store, layout):
    agno = new_agno(layout)
    agno.session("a", runs=ARRAY)
    assert await runs(open_store(agno)) == ARRAY


async def test_a_json_column_keeps_its_text(new_agno, open_store):
    agno = new_agno("v2_json")
    agno.session("a", runs='[{"z": 1.0, "a":  2, "z": 1e2}]')
    assert [run async for run in runs_of(of_all(open_store(agno)), "a")] == [b'{"z": 1.0, "a":  2, "z": 1e2}']


@pytest.mark.parametrize("layout", ["v2", "mixed"])
async def test_whatever_is_no_array_is_no_runs(new_agno, open_store, layout):
    agno = new_agno(layout)
    store = open_store(agno)
    for column in (None, "null", "[]", '"[]"', '"no json"', '"{}"', "{}", "5", "true", '""'):
        id = agno.session(f"s {column}", runs=column)
        assert (id, await runs(store, id)) == (id, [])
        assert await of_all(store).run(id, "r1") == FoundRun(ANY, None, any=False, whole=True)


async def test_an_array_inside_a_json_text_is_parsed(new_agno, open_store):
    for layout in ("v2", "v2_json", "mixed"):
        agno = new_agno(layout)
        agno.session("a", runs=json.dumps(json.dumps([{"run_id": "r1"}, {"run_id": "r2"}])))
        assert await ids(open_store(agno)) == ["r1", "r2"]


async def test_column_and_table_are_merged(new_agno, open_store):
    mixed = new_agno("mixed")
    mixed.session("a", runs=[{"run_id": "r1", "from": "column"}, {"run_id": "r2", "from": "column"}])
    mixed.session("b", runs=[{"run_id": "b1", "from": "column"}])
    mixed.add_run("a", "r4", 4, **{"from": "table"})
    mixed.add_run("a", "r3", 3, **{"from": "table"})
    mixed.add_run("a", "r2", 0, **{"from": "table"})
    found = [(run["run_id"], run["from"]) for run in await runs(open_store(mixed))]
    assert found == [("r1", "column"), ("r2", "table"), ("r3", "table"), ("r4", "table")]


async def test_merging_drops_what_is_no_run_and_keeps_runs_that_stand_twice(new_agno, open_store):
    mixed = new_agno("mixed")
    mixed.session("a", runs=[*ARRAY, {"run_id": ""}, {"run_id": None}, [1]])
    mixed.add_run("a", "r9", 0)
    assert await ids(open_store(mixed)) == ["r2", "r1", "r2", "r9"]


async def test_a_run_of_the_column_reappears_when_its_row_is_deleted(new_agno, open_store):
    mixed = new_agno("mixed")
    mixed.session("a", runs=[{"run_id": "r1", "from": "column"}])
    mixed.add_run("a", "r1", 0, **{"from": "table"})
    store = open_store(mixed)
    assert [run["from"] for run in await runs(store)] == ["table"]
    mixed.run("DELETE FROM ai.agno_runs")
    assert [run["from"] for run in await runs(store)] == ["column"]


async def test_a_run_of_the_table_belongs_to_its_own_session_only(new_agno, open_store):
    mixed = new_agno("mixed")
    mixed.session("a", runs=[{"run_id": "r1", "from": "column"}])
    mixed.session("b")
    mixed.add_run("b", "r1", 0, **{"from": "table"})
    assert [run["from"] for run in await runs(open_store(mixed))] == ["column"]


async def test_only_the_table_counts_where_the_column_is_empty(new_agno, open_store):
    mixed = new_agno("mixed")
    for id, column in {"a": None, "b": "null", "c": "[]"}.items():
        mixed.session(id, runs=column)
        mixed.add_run(id, f"{id}1", 0)
    store = open_store(mixed)
    assert [await runs(store, id) for id in "abc"] == [[{"run_id": f"{id}1"}] for id in "abc"]


@pytest.mark.parametrize("layout", ["v3", "v2", "v2_json", "mixed"])
async def test_one_run_is_found_by_id(new_agno, open_store, layout):
    agno = new_agno(layout)
    agno.session("empty")
    if layout == "v3":
        agno.session("a")
        agno.add_run("a", "r1", 0, n=1)
    else:
        agno.session("a", runs=[{"run_id": "r1", "n": 1}, {"run_id": "r1", "n": 2}])
    store = open_store(agno)
    sessions = of_all(store)
    session, found = (await sessions.first_runs("a")).session, await sessions.run("a", "r1")
    assert json.loads(found.run) == {"run_id": "r1", "n": 1}
    assert found == FoundRun(session, found.run, any=True, whole=True)
    assert await sessions.run("a", "r2") == FoundRun(session, None, any=True, whole=True)
    assert await sessions.run("a", "r\0") == FoundRun(session, None, any=True, whole=True)
    assert await sessions.run("empty", "r1") == FoundRun(session, None, any=False, whole=True)
    assert await sessions.run("nobody", "r1") is None


async def chat(store, session_id):
    return [(run.run_id, run.created_at, run.messages) for run in (await of_all(store).session(session_id)).chat]


async def test_messages_are_those_of_top_level_runs_that_name_an_agent_or_a_team(v3, open_store):
    v3.session("a")
    v3.add_run("a", "r1", 1, agent_id="x", messages=[{"role": "user"}], created_at=5)
    v3.add_run("a", "r0", 0, team_id=None, messages=None)
    v3.add_run("a", "child", 2, agent_id="x", parent_run_id="r1", messages=[{"role": "user"}])
    v3.add_run("a", "orphan", 3, agent_id="x", parent_run_id=None)
    v3.add_run("a", "nobody", 4, workflow_id="x", messages=[{"role": "user"}])
    assert await chat(open_store(v3), "a") == [
        (b'"r0"', None, None),
        (b'"r1"', b"5", b'[{"role": "user"}]'),
        (b'"orphan"', None, None),
    ]


async def test_messages_that_no_chat_history_shows_stay_in_the_database(v3, open_store):
    shown = [{"role": "user"}, {}, {"role": None}, {"role": 1, "from_history": False}, "odd", None]
    hidden = [{"role": "system"}, {"role": "tool"}, {"role": "user", "from_history": True}]
    v3.session("a")
    v3.add_run("a", "r1", agent_id="x", messages=[*hidden, *shown])
    v3.add_run("a", "r2", 1, agent_id="x", messages={"role": "user"})
    [(_, _, messages), (_, _, odd)] = await chat(open_store(v3), "a")
    assert json.loads(messages) == shown
    assert odd is None


async def test_a_workflow_has_no_chat_and_anything_shown_as_one_neither(v3, open_store):
    v3.session("a")
    v3.add_run("a", "r1", agent_id="x", messages=[{"role": "user"}])
    store = open_store(v3)
    assert (await of_all(store).session("a", "workflow")).chat == []
    assert len((await of_all(store).session("a", "team")).chat) == 1


@pytest.mark.parametrize("number", [0, 1, MOST_RUNS, MOST_RUNS + 1])
async def test_the_runs_come_with_the_session_if_they_are_few(v3, open_store, number):
    v3.session("a", user_id="ann", agent_id="x", agent_data={"sdk": "s", "other": 1})
    for place in range(number):
        v3.add_run("a", f"r{place:03}", place)
    first = await of("ann", open_store(v3)).first_runs("a")
    assert first.whole is (number <= MOST_RUNS)
    assert [json.loads(run)["run_id"] for run in first.runs] == [f"r{place:03}" for place in range(number)]
    assert (first.session.session_type, first.session.agent_id) == ("agent", "x")
    assert json.loads(first.session.agent_data) == {"sdk": "s", "framework": None}
    assert await of("bob", open_store(v3)).first_runs("a") is None


@pytest.mark.parametrize("text", ["text ", "\\"])
async def test_no_more_bytes_are_read_at_once_than_there_may_be(v3, open_store, text):
    v3.session("a")
    for place in range(6):
        v3.add_run("a", f"r{place}", place, agent_id="x", content=text * (MOST_BYTES // 4 // len(text)))
    sessions = of_all(open_store(v3))
    first = await sessions.first_runs("a")
    assert not first.whole
    assert MOST_BYTES / 2 < sum(map(len, first.runs)) <= MOST_BYTES
    assert len([run async for run in runs_of(sessions, "a")]) == 6
    v3.run("UPDATE ai.agno_runs SET run_data = run_data || jsonb_build_object('content', repeat('text ', 300000))")
    assert (await sessions.first_runs("a")).runs == []
    found = await sessions.run("a", "r1")
    assert (found.run, found.any, found.whole) == (None, True, False)
