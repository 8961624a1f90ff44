"""Pages of sessions: every filter, every sort, ties, pages past the end, and names made of runs."""

import json

import pytest

from session_service.store.listing import SessionQuery
from session_service.store.records import SessionPage
from tests.service.agno import Agno
from tests.service.store.rows import as_stored, of, of_all


async def page(store, user_id=None, **query):
    """A page, which is the same whether it is read at once or in pieces."""
    sessions, wanted = of(user_id, store), SessionQuery(**query)
    found = await sessions.page(wanted, as_stored)
    items = [item.row async for item in sessions.long_page(wanted)]
    in_pieces = SessionPage(items[0][0] if items else 0, [row for _, row in items if row is not None])
    assert found is None or found == in_pieces
    return in_pieces


async def ids(store, **query):
    return [row.session_id for row in (await page(store, **query)).rows]


@pytest.fixture(scope="module")
def five(postgres):
    """Five sessions that no test changes."""
    agno = Agno(postgres, postgres.new_database("v3"))
    agno.session("a1", agent_id="x", user_id="ann", session_data={"session_name": "Trip 100%"}, created_at=5)
    agno.session("a2", agent_id="y", user_id="Ann", session_data={"session_name": "trip_home"}, created_at=4)
    agno.session("t1", "team", team_id="x", user_id="ann", session_data={"session_name": None}, created_at=3)
    agno.session("w1", "workflow", workflow_id="x", session_data={"session_name": ""}, created_at=2, updated_at=9)
    agno.session("n1", agent_id="z", user_id="", session_data="null", created_at=1)
    return agno


@pytest.fixture
def store(five, open_store):
    return open_store(five)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "a1 a2 t1 w1 n1"),
        ({"session_type": "agent"}, "a1 a2 n1"),
        ({"session_type": "team"}, "t1"),
        ({"component_id": "x"}, "a1 t1 w1"),
        ({"component_id": "x", "session_type": "team"}, "t1"),
        ({"component_id": "x", "session_type": "workflow"}, "w1"),
        ({"component_id": "y", "session_type": "team"}, ""),
        ({"user_id": "ann"}, "a1 t1"),
        ({"user_id": ""}, "n1"),
        ({"user_id": "nobody"}, ""),
        ({"session_name": "TRIP"}, "a1 a2"),
        ({"session_name": ""}, "a1 a2 t1 w1 n1"),
        ({"session_name": "t%p"}, "a1 a2"),
        ({"session_name": "trip_"}, "a1 a2"),
        ({"session_name": r"trip\_"}, "a2"),
        ({"session_name": r"0\%"}, "a1"),
        ({"session_name": "100\\"}, "a1"),
        ({"session_name": "trip\\"}, ""),
        ({"session_name": "trip", "user_id": "ann", "session_type": "agent", "component_id": "x"}, "a1"),
        ({"user_id": "a\0"}, ""),
        ({"session_name": "\0"}, ""),
        ({"component_id": "\0"}, ""),
        ({"user_id": "'; DROP TABLE ai.agno_sessions; --"}, ""),
        ({"user_id": "100%s"}, ""),
        ({"sort_by": "created_at", "descending": False}, "n1 w1 t1 a2 a1"),
        ({"sort_by": "updated_at"}, "w1 a1 a2 t1 n1"),
        ({"sort_by": "session_id", "descending": False}, "a1 a2 n1 t1 w1"),
        ({"sort_by": "session_type", "descending": False}, "a1 a2 n1 t1 w1"),
        ({"sort_by": "agent_id", "descending": False}, "a1 a2 n1 t1 w1"),
        ({"sort_by": "agent_id"}, "w1 t1 n1 a2 a1"),
        ({"sort_by": "user_id", "descending": False}, "n1 a2 a1 t1 w1"),
        ({"sort_by": "metadata"}, "w1 t1 n1 a2 a1"),
        ({"sort_by": "runs"}, "a1 a2 t1 w1 n1"),
        ({"sort_by": "nothing"}, "a1 a2 t1 w1 n1"),
        ({"sort_by": ""}, "a1 a2 t1 w1 n1"),
        ({"sort_by": "ctid; DROP TABLE ai.agno_sessions"}, "a1 a2 t1 w1 n1"),
        ({"limit": 2}, "a1 a2"),
        ({"limit": 2, "page": 3}, "n1"),
        ({"limit": 2, "page": 4}, ""),
        ({"limit": 10**30}, "a1 a2 t1 w1 n1"),
        ({"limit": 2**63 - 1, "page": 2}, ""),
        ({"limit": 10, "page": 10**30}, ""),
    ],
)
async def test_a_query_finds_these_sessions_in_this_order(store, query, expected):
    assert await ids(store, **query) == expected.split()


@pytest.mark.parametrize(
    ("query", "total"), [({}, 5), ({"page": 99}, 5), ({"user_id": "ann", "limit": 1}, 2), ({"user_id": "nobody"}, 0)]
)
async def test_the_total_counts_all_that_match_whatever_the_page(store, query, total):
    assert (await page(store, **query)).total == total


async def test_pages_of_equal_keys_neither_overlap_nor_leave_out(v3, open_store):
    v3.run("""INSERT INTO ai.agno_sessions (session_id, session_type, created_at)
        SELECT 's' || lpad(g::text, 2, '0'), 'agent', 7 FROM generate_series(0, 24) g ORDER BY random()""")
    store = open_store(v3)
    for sort_by in ("created_at", "updated_at", "user_id", "summary"):
        for descending in (True, False):
            found = []
            for page in range(1, 7):
                found += await ids(store, sort_by=sort_by, descending=descending, limit=5, page=page)
            assert found == sorted((f"s{number:02}" for number in range(25)), reverse=descending)


async def test_a_row_has_what_the_list_shows_and_nothing_else(v3, open_store):
    v3.session(
        "a1",
        agent_id="x",
        user_id="ann",
        session_data={"session_name": "N", "session_state": {"k": 1}, "session_metrics": {"total_tokens": 3}, "o": 1},
        agent_data={"sdk": "s", "framework": "f"},
        metadata={"m": None},
        summary={"summary": "S"},
        created_at=5,
        updated_at=6,
    )
    [row] = (await of_all(open_store(v3)).page(SessionQuery(), as_stored)).rows
    assert (row.session_id, row.session_type, row.agent_id, row.user_id) == ("a1", "agent", "x", "ann")
    assert (row.name, row.state, row.metrics) == (b'"N"', b'{"k": 1}', b'{"total_tokens": 3}')
    assert (row.summary, row.metadata, row.sdk, row.framework) == (b'{"summary": "S"}', b'{"m": null}', b'"s"', b'"f"')
    assert (row.created_at, row.updated_at, row.name_source) == (5, 6, None)


async def test_a_row_without_a_name_says_what_it_could_be_made_of(v3, open_store):
    for number, data in enumerate([None, "null", {}, [], "5", '"text"', {"session_name": None}]):
        v3.session(f"s{number}", session_data=data)
    for row in (await of_all(open_store(v3)).page(SessionQuery(), as_stored)).rows:
        assert row.name is None
        assert (row.name_source.has_runs, row.name_source.content, row.name_source.input) == (False, None, None)


def said(content, **run):
    return {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": content}], **run}


# type, runs, (content, input) in the list, the same when one session is read
NAMES = [
    ("agent", [said("hi", agent_id="x")], ("hi", None), ("hi", None)),
    ("agent", [said("hi")], ("hi", None), (None, None)),
    ("agent", [said(""), said("second", agent_id="x")], ("second", None), ("second", None)),
    ("agent", [{"agent_id": "x", "messages": None}, said("hi", agent_id="x")], ("hi", None), ("hi", None)),
    ("agent", [{"agent_id": "x", "input": {"n": 1}}, said("hi", agent_id="x")], (None, {"n": 1}), (None, {"n": 1})),
    ("agent", [{"agent_id": "x", "input": {}}, said("hi", agent_id="x")], (None, {}), ("hi", None)),
    ("agent", [{"agent_id": "x", "input": None}], (None, None), (None, None)),
    ("agent", [said(["part"], agent_id="x")], (["part"], None), (["part"], None)),
    ("agent", [said("hi", agent_id=None)], ("hi", None), ("hi", None)),
    ("agent", [said("hi", team_id="t")], ("hi", None), ("hi", None)),
    ("agent", [said("hi", agent_id="x", input={"n": 1})], ("hi", {"n": 1}), ("hi", {"n": 1})),
    ("team", [said("member", agent_id="x"), said("team", team_id="t")], ("team", None), ("team", None)),
    ("team", [said("team", agent_id="", team_id="t")], ("team", None), ("team", None)),
    ("team", [said("member", agent_id="x")], (None, None), (None, None)),
    ("team", [said("none")], ("none", None), (None, None)),
    ("workflow", [{"input": "i"}, {"input": "j"}], (None, "i"), (None, "i")),
    ("workflow", [said("hi", input=None)], (None, None), (None, None)),
    ("workflow", [said("hi", agent_id="x", input="step"), {"input": "i"}], (None, "step"), (None, "i")),
    ("workflow", [{"team_name": "t", "input": "step"}, {"input": "i"}], (None, "step"), (None, "i")),
]


def made_of(source):
    return tuple(None if text is None else json.loads(text) for text in (source.content, source.input))


@pytest.mark.parametrize("layout", ["v3", "v2", "v2_json", "mixed"])
async def test_the_name_of_a_session_without_one_is_made_of_its_first_runs(new_agno, open_store, layout):
    agno = new_agno(layout)
    for number, (session_type, runs, _, _) in enumerate(NAMES):
        id = f"s{number:02}"
        in_column = {} if layout == "v3" else {"runs": [{"run_id": f"{id}-{i}", **run} for i, run in enumerate(runs)]}
        agno.session(id, session_type, workflow_data={"name": "W"}, **in_column)
        if layout == "v3":
            for index, run in enumerate(runs):
                agno.add_run(id, f"{id}-{index}", index, **run)
    store = open_store(agno)
    rows = (await of_all(store).page(SessionQuery(limit=100, sort_by="session_id", descending=False), as_stored)).rows
    for row, (_, _, listed, opened) in zip(rows, NAMES, strict=True):
        assert (row.session_id, made_of(row.name_source)) == (row.session_id, listed)
        assert row.name_source.workflow_name == b'"W"'
        source = (await of_all(store).session(row.session_id)).name_source
        assert (row.session_id, made_of(source)) == (row.session_id, opened)


async def test_a_session_is_found_by_id_and_owner(v3, open_store):
    v3.session("a", user_id="ann", agent_data={"k": 1}, metadata="null", updated_at=7)
    v3.session("free")
    store = open_store(v3)
    for owner in (None, "ann"):
        record = (await of(owner, store).session("a")).record
        assert (record.session_id, record.user_id, record.agent_data, record.metadata) == (
            "a",
            "ann",
            b'{"k": 1}',
            None,
        )
        assert (record.created_at, record.updated_at) == (1, 7)
        assert await of(owner, store).exists("a")
    for id, owner in (("a", "bob"), ("a", "Ann"), ("a", ""), ("free", ""), ("b", None), ("a\0", None), ("a", "\0")):
        assert not await of(owner, store).exists(id)
        assert await of(owner, store).session(id) is None
