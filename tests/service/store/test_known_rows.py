"""A row of the list is right on every page, also where it is not read again."""

import json
from dataclasses import replace

import psycopg2
import pytest

from session_service.store import known_rows
from session_service.store.known_rows import UNKNOWN, KnownRows, Rows
from session_service.store.listing import SessionQuery
from session_service.store.records import ListedSession, NameSource

from .rows import as_stored, of_all

FORGED = b'"forged"'


def asked(text):
    return {"messages": [{"role": "user", "content": text}]}


async def contents(store, **query):
    page = await of_all(store).page(SessionQuery(**query), as_stored)
    return {row.session_id: row.name_source and row.name_source.content for row in page.rows}


def forged(row: ListedSession) -> ListedSession:
    return row._replace(name_source=NameSource(True, FORGED, None, None))


def forge(store, **changes):
    """Have every row that is remembered show another name, and so tell it from one that was made again."""
    [(query, page)] = store.rows._pages.items()
    shown = {key: forged(row) for key, row in page.shown.items()}
    store.rows._pages[query] = replace(page, shown=shown, **changes)


@pytest.fixture
async def store(v3, open_store):
    """Its page was read once; what it remembers of session a is forged."""
    v3.session("a")
    v3.add_run("a", "a1", 1, **asked("first"))
    v3.add_run("a", "a2", 2, **asked("second"))
    store = open_store(v3)
    await of_all(store).page(SessionQuery(limit=1), as_stored)  # opens the connection
    store.rows = Rows()
    assert await contents(store) == {"a": b'"first"'}
    forge(store)
    return store


async def test_a_row_is_not_made_again_while_session_and_first_run_are_the_same(v3, store):
    assert await contents(store) == {"a": FORGED}
    v3.session("b", created_at=2)
    v3.add_run("b", "b1", **asked("other"))
    v3.add_run("a", "a3", 3, **asked("third"))
    v3.run("UPDATE ai.agno_sessions SET metadata = '{}' WHERE session_id = 'b'")
    v3.run("UPDATE ai.agno_runs SET run_index = 9 WHERE run_id = 'a2'")
    v3.run("VACUUM FREEZE ai.agno_runs")
    v3.run("VACUUM FREEZE ANALYZE ai.agno_sessions")
    assert await contents(store) == {"b": b'"other"', "a": FORGED}
    assert await contents(store) == {"b": b'"other"', "a": FORGED}


NEWER = """'{"messages": [{"role": "user", "content": "newer"}]}'"""
CHANGES = {
    "updated": (f"UPDATE ai.agno_runs SET run_data = {NEWER} WHERE run_id = 'a1'", b'"newer"'),
    "touched": ("UPDATE ai.agno_runs SET status = 'x' WHERE run_id = 'a1'", b'"first"'),
    "deleted": ("DELETE FROM ai.agno_runs WHERE run_id = 'a1'", b'"second"'),
    "all deleted": ("DELETE FROM ai.agno_runs", None),
    "put behind": ("UPDATE ai.agno_runs SET run_index = 3 WHERE run_id = 'a1'", b'"second"'),
    "another before it": ("UPDATE ai.agno_runs SET run_index = 0 WHERE run_id = 'a2'", b'"second"'),
    "inserted again": (
        f"""WITH old AS (SELECT * FROM ai.agno_runs WHERE run_id = 'a1') SELECT * INTO TEMP kept FROM old;
        DELETE FROM ai.agno_runs WHERE run_id = 'a1'; UPDATE kept SET run_data = {NEWER};
        INSERT INTO ai.agno_runs SELECT * FROM kept""",
        b'"newer"',
    ),
    "inserted again after a vacuum": (
        f"""SELECT * INTO ai.kept FROM ai.agno_runs; DELETE FROM ai.agno_runs;; VACUUM FULL ai.agno_runs;;
        UPDATE ai.kept SET run_data = {NEWER}; INSERT INTO ai.agno_runs SELECT * FROM ai.kept; DROP TABLE ai.kept""",
        b'"newer"',
    ),
    "undone in part": (
        f"""BEGIN; SAVEPOINT one; UPDATE ai.agno_runs SET run_data = '{{}}'; ROLLBACK TO one;
        UPDATE ai.agno_runs SET run_data = {NEWER} WHERE run_id = 'a1'; COMMIT""",
        b'"newer"',
    ),
    "shown as a team's": ("UPDATE ai.agno_sessions SET session_type = 'team'", b'"first"'),
    "shown as a workflow's": ("UPDATE ai.agno_sessions SET session_type = 'workflow'", None),
    "the session updated": ("UPDATE ai.agno_sessions SET updated_at = 7", b'"first"'),
    "the session inserted again": (
        """SELECT * INTO ai.kept FROM ai.agno_sessions; DELETE FROM ai.agno_sessions;; VACUUM FULL ai.agno_sessions;;
        INSERT INTO ai.agno_sessions SELECT * FROM ai.kept; DROP TABLE ai.kept""",
        None,
    ),
    "rewritten": (f"ALTER TABLE ai.agno_runs ALTER run_data TYPE jsonb USING {NEWER}::jsonb", b'"newer"'),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_name_follows_what_becomes_of_its_run(v3, store, change):
    statements, expected = CHANGES[change]
    for statement in statements.split(";;"):
        v3.run(statement)
    assert await contents(store) == {"a": expected}
    assert await contents(store) == {"a": expected}


async def test_a_stored_name_takes_the_place(v3, store):
    v3.run("""UPDATE ai.agno_sessions SET session_data = '{"session_name": "given"}'""")
    [row] = (await of_all(store).page(SessionQuery(), as_stored)).rows
    assert (row.name, row.name_source) == (b'"given"', None)


async def test_a_run_moved_to_another_session_takes_its_name_along(v3, store):
    v3.session("b", created_at=2)
    v3.run("UPDATE ai.agno_runs SET session_id = 'b' WHERE run_id = 'a1'")
    assert await contents(store) == {"b": b'"first"', "a": b'"second"'}


async def test_a_table_in_the_place_of_the_other_is_another(v3, open_store):
    v3.session("a")
    v3.add_run("a", "a1", **asked("first"))
    v3.run(f"CREATE TABLE ai.next AS SELECT * FROM ai.agno_runs; UPDATE ai.next SET run_data = {NEWER}")
    store = open_store(v3)
    await of_all(store).page(SessionQuery(), as_stored)
    for _ in range(2):
        assert await contents(store) == {"a": b'"first"'}
    v3.run("ALTER TABLE ai.agno_runs RENAME TO gone; ALTER TABLE ai.next RENAME TO agno_runs")
    assert await contents(store) == {"a": b'"newer"'}
    v3.run("CREATE TABLE ai.empty (LIKE ai.agno_sessions)")
    v3.run("ALTER TABLE ai.agno_sessions RENAME TO gone_too; ALTER TABLE ai.empty RENAME TO agno_sessions")
    assert await contents(store) == {}


async def test_a_change_of_a_session_that_is_under_way_shows_once_it_is_committed(v3, store):
    other = psycopg2.connect(v3.dsn)
    try:
        other.cursor().execute("UPDATE ai.agno_sessions SET metadata = '{}'")
        v3.session("b", created_at=2)
        for _ in range(2):
            assert await contents(store) == {"b": None, "a": FORGED}
        other.commit()
        page = await of_all(store).page(SessionQuery(), as_stored)
        assert [(row.session_id, row.metadata) for row in page.rows] == [("b", None), ("a", b"{}")]
    finally:
        other.close()


async def test_a_change_that_is_under_way_shows_once_it_is_committed(v3, store):
    other = psycopg2.connect(v3.dsn)
    try:
        other.cursor().execute(f"UPDATE ai.agno_runs SET run_data = {NEWER} WHERE run_id = 'a1'")
        # transactions that begin later and end earlier
        v3.session("b", created_at=2)
        v3.add_run("b", "b1", **asked("other"))
        for _ in range(2):
            assert await contents(store) == {"b": b'"other"', "a": FORGED}
        v3.run("UPDATE ai.agno_runs SET run_data = '{}' WHERE run_id = 'b1'")
        assert await contents(store) == {"b": None, "a": FORGED}
        other.commit()
        assert await contents(store) == {"b": None, "a": b'"newer"'}
    finally:
        other.close()


@pytest.mark.parametrize("change", ["opened", "direct", "defined", "long ago", "not below", "ages below"])
async def test_nothing_is_known_without_proof(v3, store, monkeypatch, change):
    [(query, page)] = store.rows._pages.items()
    written = v3.value("SELECT xmin::text::bigint FROM ai.agno_runs WHERE run_id = 'a1'")
    if change == "opened":
        store.database.pool.opened += 1
    elif change == "direct":
        store.database.pool.direct = False
    elif change == "defined":
        v3.run("ALTER TABLE ai.agno_runs ADD other varchar")
    elif change == "long ago":
        monkeypatch.setattr(known_rows, "SECONDS", 0)
    else:
        other = {
            "not below": {"horizon": written},
            "ages below": {"horizon": written + 2**30 + 1},
        }
        store.rows._pages[query] = replace(page, **other[change])
    assert await contents(store) == {"a": b'"first"'}


@pytest.mark.parametrize(
    ("table", "below", "known"),
    [
        ("runs", 1, True),
        ("sessions", 2**30, True),
        ("sessions", 2**30 + 1, False),
        ("runs", 2**32 + 1, True),
        ("runs", 2**32, False),
    ],
)
async def test_numbers_of_transactions_are_compared_as_they_are_stored(v3, store, table, below, known):
    written = v3.value(f"SELECT min(xmin::text::bigint) FROM ai.agno_{table}")
    forge(store, horizon=written + below)
    assert await contents(store) == {"a": FORGED if known else b'"first"'}


async def test_a_name_that_was_read_while_another_server_may_have_answered_is_made_anew(store, monkeypatch):
    read = store.database.read

    async def reading(*arguments):
        rows = await read(*arguments)
        monkeypatch.undo()
        store.database.pool.opened += 1
        return rows

    monkeypatch.setattr(store.database, "read", reading)
    assert await contents(store) == {"a": b'"first"'}


async def test_only_what_the_first_run_gave_is_remembered(v3, open_store):
    v3.session("a")
    v3.add_run("a", "a1", 1, status="no message")
    v3.add_run("a", "a2", 2, **asked("second"))
    v3.session("b", "team")
    v3.add_run("b", "b1", 1, agent_id="member", **asked("to a member"))
    v3.add_run("b", "b2", 2, **asked("to the team"))
    v3.session("c", session_data={"session_name": "given"})
    v3.add_run("c", "c1", **asked("not looked at"))
    v3.session("d")
    store = open_store(v3)
    expected = {"a": b'"second"', "b": b'"to the team"', "c": None, "d": None}
    for _ in range(3):
        assert await contents(store) == expected
    [page] = store.rows._pages.values()
    assert sorted(row.session_id for row in page.shown.values()) == ["c", "d"]
    v3.add_run("d", "d1", **asked("the first of d"))
    assert await contents(store) == expected | {"d": b'"the first of d"'}


async def test_each_kind_of_session_has_its_name_again(v3, open_store):
    v3.session("a")
    v3.add_run("a", "a1", input={"input_content": "hi"})
    v3.session("t", "team")
    v3.add_run("t", "t1", input="team input", **asked("team"))
    v3.session("w", "workflow", workflow_data={"name": "Flow"})
    v3.add_run("w", "w1")
    store = open_store(v3)
    await of_all(store).page(SessionQuery(), as_stored)
    first = (await of_all(store).page(SessionQuery(), as_stored)).rows
    [page] = store.rows._pages.values()
    assert sorted(row.session_id for row in page.shown.values()) == ["a", "t", "w"]
    assert (await of_all(store).page(SessionQuery(), as_stored)).rows == first
    v3.run("""UPDATE ai.agno_sessions SET workflow_data = '{"name": "Renamed"}' WHERE session_id = 'w'""")
    assert (await of_all(store).page(SessionQuery(), as_stored)).rows[0].name_source.workflow_name == b'"Renamed"'


@pytest.mark.parametrize("layout", ["v2", "v2_json", "mixed"])
async def test_runs_in_a_column_are_of_the_row_and_in_both_places_nothing_is_remembered(new_agno, open_store, layout):
    agno = new_agno(layout)
    agno.session("a", runs=[{"run_id": "a1", **asked("first")}])
    store = open_store(agno)
    for _ in range(3):
        assert await contents(store) == {"a": b'"first"'}
    assert bool(store.rows._pages) == (layout != "mixed")
    agno.run("UPDATE ai.agno_sessions SET runs = %s", json.dumps([{"run_id": "a1", **asked("newer")}]))
    for _ in range(2):
        assert await contents(store) == {"a": b'"newer"'}


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ai.agno_runs RENAME TO kept; CREATE VIEW ai.agno_runs AS SELECT * FROM ai.kept",
        "ALTER TABLE ai.agno_sessions RENAME TO kept; CREATE VIEW ai.agno_sessions AS SELECT * FROM ai.kept",
        "DROP TABLE ai.agno_runs CASCADE",
    ],
)
async def test_what_agno_did_not_make_is_listed_too(v3, open_store, change):
    v3.session("a")
    v3.add_run("a", "a1", **asked("first"))
    v3.run(change)
    store = open_store(v3)
    for _ in range(3):
        assert await contents(store) == {"a": None if "DROP TABLE" in change else b'"first"'}
    assert bool(store.rows._pages) == ("DROP TABLE" in change)


async def test_long_rows_are_not_remembered(v3, open_store):
    v3.session("a")
    v3.add_run("a", "a1", **asked("x" * known_rows.LONGEST))
    store = open_store(v3)
    for _ in range(3):
        assert set(await contents(store)) == {"a"}
    assert not store.rows._pages


def test_no_more_rows_are_remembered_than_room_is_for():
    rows = Rows()

    def remember(query, number):
        rows.remember(query, KnownRows({f"{query}{n}": None for n in range(number)}, asked_at=1e12))

    half = known_rows.MOST // 2
    remember("one", half)
    remember("two", half)
    remember("one", half)
    remember("three", 1)
    assert list(rows._pages) == ["one", "three"]
    remember("one", 0)
    remember("four", 2 * half - 1)
    assert list(rows._pages) == ["three", "four"]
    assert rows.known("one", None) is UNKNOWN
    remember("five", 2 * half + 1)
    assert not rows._pages
    assert rows._number == 0


@pytest.mark.parametrize("other", ["a 1 x", "1 a", "10", '"', "\\", "{}", "a,b", "NULL"])
async def test_no_two_sessions_share_what_is_known(v3, open_store, other):
    names = {"a": "one", other + " ": "two", "": "three"}
    for session_id, name in names.items():
        v3.session(session_id, session_data={"session_name": name})
    store = open_store(v3)
    for _ in range(3):
        page = await of_all(store).page(SessionQuery(), as_stored)
        assert {row.session_id: row.name.decode().strip('"') for row in page.rows} == names


async def test_another_way_to_show_rows_has_its_own(v3, store):
    assert await contents(store) == {"a": FORGED}
    assert (await of_all(store).page(SessionQuery(), lambda row: row.session_id)).rows == ["a"]
    assert await contents(store) == {"a": FORGED}
