"""A page shows what plain SQL finds at that moment, whatever its tables are and whatever becomes of them."""

import json
from contextlib import closing

import psycopg2
import pytest

from session_service.store.known_rows import Rows
from session_service.store.listing import SessionQuery
from session_service.store.totals import Totals
from tests.service.agno import Agno

from .rows import as_stored, of_all

TRUTH = """
SELECT s.session_id, s.user_id::text, s.metadata::text, s.session_data->>'session_name', (
    SELECT r.run_data->'messages'->0->>'content' FROM ai.agno_runs r
    WHERE r.session_id = s.session_id AND s.session_data->>'session_name' IS NULL
    ORDER BY r.run_index, r.created_at, r.run_id LIMIT 1)
FROM ai.agno_sessions s ORDER BY s.created_at DESC, s.session_id DESC"""


class Beside:
    """A store that remembers, beside one that never does and plain SQL of the same role."""

    def __init__(self, agno, open_store, user="postgres"):
        self.store = open_store(agno, user=user)
        self.forgetful = open_store(agno, user=user)
        self.dsn = agno.server.dsn(agno.name, user=user)

    def truth(self):
        with closing(psycopg2.connect(self.dsn)) as connection, connection.cursor() as cursor:
            cursor.execute(TRUTH)
            return cursor.fetchall()

    async def compare(self):
        """Pages are what is true, three times over; what changes meanwhile, by the clock, is compared once more."""
        compared = 0
        while compared < 3:
            truth = self.truth()
            page = await of_all(self.store).page(SessionQuery(), as_stored)
            self.forgetful.totals, self.forgetful.rows = Totals(), Rows()
            unremembered = await of_all(self.forgetful).page(SessionQuery(), as_stored)
            if truth == self.truth():
                assert (page.total, [shown(row) for row in page.rows]) == (len(truth), truth)
                assert page == unremembered
                compared += 1

    @property
    def remembers(self):
        """Whether rows are remembered."""
        return bool(self.store.rows._pages)


def shown(row):
    """The same of a row as `TRUTH` selects."""
    content = row.name_source and row.name_source.content
    return (
        row.session_id,
        row.user_id,
        row.metadata and row.metadata.decode(),
        row.name and json.loads(row.name),
        content and json.loads(content),
    )


def asked(text):
    return {"messages": [{"role": "user", "content": text}]}


def fill(agno):
    """Three sessions, one with a name of its own, two named by their runs."""
    for number, session_id in enumerate(("a", "b", "c"), 1):
        name = {"session_name": "given"} if session_id == "b" else {}
        agno.session(session_id, created_at=number, metadata={"secret": session_id}, session_data=name)
        agno.add_run(session_id, f"{session_id}1", 1, **asked(f"first of {session_id}"))
        agno.add_run(session_id, f"{session_id}2", 2, **asked(f"second of {session_id}"))


@pytest.fixture
def filled(v3):
    fill(v3)
    return v3


@pytest.fixture
async def beside(filled, open_store):
    """It has shown the page before, and remembers it."""
    beside = Beside(filled, open_store)
    await beside.compare()
    assert beside.remembers
    return beside


SESSION = (
    "INSERT INTO {} (session_id, session_type, created_at, metadata) VALUES ('{}', 'agent', {}, '{{\"in\": \"{}\"}}')"
)


def session(table, session_id, created_at=5):
    """An INSERT of a session whose metadata name its table."""
    return SESSION.format(table, session_id, created_at, table)


NEWER = '\'{"messages": [{"role": "user", "content": "newer"}]}\''

# each step is a transaction; after each the page is compared
CHANGES = {
    "a column is dropped and added": [
        "ALTER TABLE ai.agno_sessions DROP metadata; ALTER TABLE ai.agno_sessions ADD metadata jsonb",
        "UPDATE ai.agno_sessions SET metadata = '{}' WHERE session_id = 'a'",
        'ALTER TABLE ai.agno_sessions DROP metadata, ADD metadata jsonb DEFAULT \'{"by": "default"}\'',
    ],
    "a column of the runs is dropped and added": [
        f"ALTER TABLE ai.agno_runs DROP run_data; ALTER TABLE ai.agno_runs ADD run_data jsonb NOT NULL DEFAULT {NEWER}",
        "ALTER TABLE ai.agno_runs DROP run_index, ADD run_index bigint",
        "UPDATE ai.agno_runs SET run_index = -1 WHERE run_id = 'a2'",
    ],
    "columns change names": [
        "ALTER TABLE ai.agno_sessions ADD other jsonb DEFAULT '{\"other\": 1}'",
        "ALTER TABLE ai.agno_sessions RENAME metadata TO third; ALTER TABLE ai.agno_sessions RENAME other TO metadata",
        "ALTER TABLE ai.agno_sessions RENAME metadata TO other; ALTER TABLE ai.agno_sessions RENAME third TO metadata",
        "ALTER TABLE ai.agno_sessions DROP metadata; ALTER TABLE ai.agno_sessions RENAME other TO metadata",
    ],
    "columns of the runs change names": [
        f"ALTER TABLE ai.agno_runs ADD other jsonb DEFAULT {NEWER}",
        "ALTER TABLE ai.agno_runs RENAME run_data TO third; ALTER TABLE ai.agno_runs RENAME other TO run_data",
    ],
    "a type changes": [
        "ALTER TABLE ai.agno_sessions ALTER metadata TYPE json",
        "ALTER TABLE ai.agno_sessions ALTER metadata TYPE varchar",
        "ALTER TABLE ai.agno_sessions ALTER metadata TYPE text",
        "ALTER TABLE ai.agno_sessions ALTER metadata TYPE jsonb USING '{}'",
    ],
    "sessions get a child": [
        "CREATE TABLE ai.child () INHERITS (ai.agno_sessions)",
        session("ai.child", "d"),
        session("ai.child", "a", 6),
        "ALTER TABLE ai.child NO INHERIT ai.agno_sessions",
        "ALTER TABLE ai.child INHERIT ai.agno_sessions",
        "ALTER TABLE ai.child RENAME TO renamed",
        "DROP TABLE ai.renamed",
    ],
    "runs get a child": [
        "CREATE TABLE ai.child () INHERITS (ai.agno_runs)",
        f"""INSERT INTO ai.child (run_id, session_id, run_type, run_index, run_data, created_at)
        VALUES ('x', 'a', 'agent', 0, {NEWER}, 1)""",
        "ALTER TABLE ai.child NO INHERIT ai.agno_runs",
    ],
    "a partitioned table takes the place": [
        f"""ALTER TABLE ai.agno_sessions RENAME TO kept;
        CREATE TABLE ai.agno_sessions (LIKE ai.kept INCLUDING DEFAULTS) PARTITION BY RANGE (created_at);
        CREATE TABLE ai.low PARTITION OF ai.agno_sessions FOR VALUES FROM (0) TO (10);
        {session("ai.agno_sessions", "d")}""",
        """CREATE TABLE ai.high (LIKE ai.low INCLUDING DEFAULTS);
        INSERT INTO ai.high SELECT * FROM ai.low; UPDATE ai.high SET created_at = 11, session_id = 'e'""",
        "ALTER TABLE ai.agno_sessions ATTACH PARTITION ai.high FOR VALUES FROM (10) TO (20)",
        "UPDATE ai.agno_sessions SET created_at = 12 WHERE session_id = 'd'",
        "ALTER TABLE ai.agno_sessions DETACH PARTITION ai.high",
        "DROP TABLE ai.low",
    ],
    "the table is a partition": [
        """CREATE TABLE ai.whole (LIKE ai.agno_sessions INCLUDING DEFAULTS) PARTITION BY RANGE (created_at);
        ALTER TABLE ai.whole ATTACH PARTITION ai.agno_sessions FOR VALUES FROM (0) TO (10)""",
        session("ai.whole", "d"),
        """ALTER TABLE ai.whole RENAME metadata TO third; ALTER TABLE ai.whole RENAME team_data TO metadata;
        ALTER TABLE ai.whole RENAME third TO team_data""",
    ],
    "a view takes the place": [
        """ALTER TABLE ai.agno_sessions RENAME TO kept; CREATE TABLE ai.hidden (session_id varchar);
        CREATE VIEW ai.agno_sessions AS SELECT * FROM ai.kept WHERE session_id NOT IN (SELECT * FROM ai.hidden)""",
        "INSERT INTO ai.hidden VALUES ('a')",
        "DELETE FROM ai.hidden",
        "DROP VIEW ai.agno_sessions; ALTER TABLE ai.kept RENAME TO agno_sessions",
    ],
    "a view takes the place of the runs": [
        """ALTER TABLE ai.agno_runs RENAME TO kept; CREATE TABLE ai.hidden (run_id varchar);
        CREATE VIEW ai.agno_runs AS SELECT * FROM ai.kept WHERE run_id NOT IN (SELECT * FROM ai.hidden)""",
        "INSERT INTO ai.hidden VALUES ('a1')",
    ],
    "a materialized view takes the place": [
        """ALTER TABLE ai.agno_sessions RENAME TO kept;
        CREATE MATERIALIZED VIEW ai.agno_sessions AS SELECT * FROM ai.kept""",
        session("ai.kept", "d"),
        "REFRESH MATERIALIZED VIEW ai.agno_sessions",
    ],
    "another table takes the place": [
        f"CREATE TABLE ai.next (LIKE ai.agno_sessions INCLUDING ALL); {session('ai.next', 'a')}",
        "ALTER TABLE ai.agno_sessions RENAME TO gone; ALTER TABLE ai.next RENAME TO agno_sessions",
        "DROP TABLE ai.agno_sessions; ALTER TABLE ai.gone RENAME TO agno_sessions",
    ],
    "another schema takes the place": [
        f"""CREATE SCHEMA next; CREATE TABLE next.agno_sessions (LIKE ai.agno_sessions INCLUDING ALL);
        CREATE TABLE next.agno_runs (LIKE ai.agno_runs INCLUDING ALL); {session("next.agno_sessions", "a")}""",
        "ALTER SCHEMA ai RENAME TO gone; ALTER SCHEMA next RENAME TO ai",
        "ALTER SCHEMA ai RENAME TO next; ALTER SCHEMA gone RENAME TO ai",
    ],
    "ids are no keys any more": [
        """ALTER TABLE ai.agno_sessions DROP CONSTRAINT agno_sessions_pkey CASCADE;
        ALTER TABLE ai.agno_runs DROP CONSTRAINT agno_runs_pkey""",
        session("ai.agno_sessions", "a"),
        "UPDATE ai.agno_sessions SET metadata = '{}' WHERE session_id = 'a' AND created_at = 1",
        f"""INSERT INTO ai.agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)
        VALUES ('a1', 'a', 'agent', 0, {NEWER.replace("newer", "doubled")}, 1), ('a1', 'a', 'agent', 1, {NEWER}, 0)""",
        "DELETE FROM ai.agno_sessions WHERE session_id = 'a' AND created_at = 1",
    ],
    "emptied and filled again": [
        "TRUNCATE ai.agno_sessions CASCADE",
        session("ai.agno_sessions", "a"),
        f"TRUNCATE ai.agno_sessions CASCADE; {session('ai.agno_sessions', 'b')}",
    ],
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_page_follows_what_becomes_of_its_tables(filled, beside, change):
    for step in CHANGES[change]:
        filled.run(step)
        await beside.compare()


GONE = {"sessions": "session_id = 'a'", "runs": "run_id = 'r2'"}


@pytest.mark.parametrize("how", ["VACUUM FULL ai.agno_{0}", "CLUSTER ai.agno_{0} USING agno_{0}_pkey"])
@pytest.mark.parametrize("table", GONE)
async def test_a_row_that_moves_is_not_taken_for_the_one_that_was_there(v3, open_store, table, how):
    for session_id in ("a", "b", "c"):
        v3.session(session_id, session_data={"session_name": session_id} if table == "sessions" else {})
    for number, run_id in ((9, "r1"), (1, "r2"), (2, "r3")):  # the third is the first but for the second
        v3.add_run("c", run_id, number, **asked(run_id))
    beside = Beside(v3, open_store)
    await beside.compare()
    assert beside.remembers
    v3.run(f"DELETE FROM ai.agno_{table} WHERE {GONE[table]}")
    v3.run(how.format(table))
    await beside.compare()


async def test_tables_of_one_transaction_are_told_apart(filled, open_store):
    filled.run(
        "".join(
            f"""CREATE SCHEMA {schema}; CREATE TABLE {schema}.agno_sessions (LIKE ai.agno_sessions INCLUDING ALL);
            CREATE TABLE {schema}.agno_runs (LIKE ai.agno_runs INCLUDING ALL);
            {session(f"{schema}.agno_sessions", "a")};"""
            for schema in ("one", "two")
        )
    )
    filled.run("ALTER SCHEMA ai RENAME TO gone; ALTER SCHEMA one RENAME TO ai")
    beside = Beside(filled, open_store)
    await beside.compare()
    assert beside.remembers
    filled.run("ALTER SCHEMA ai RENAME TO one; ALTER SCHEMA two RENAME TO ai")
    await beside.compare()


async def test_a_row_in_the_place_of_one_that_was_vacuumed_is_another(filled, beside):
    filled.run("DELETE FROM ai.agno_runs WHERE session_id = 'c'")
    filled.run("DELETE FROM ai.agno_sessions WHERE session_id = 'c'")
    filled.run("VACUUM ai.agno_runs")
    filled.run("VACUUM ai.agno_sessions")
    filled.session("d", created_at=3)
    filled.add_run("d", "d1", **asked("first of d"))
    await beside.compare()


async def test_a_value_of_an_enum_follows_its_label(filled, open_store):
    filled.run("CREATE TYPE ai.people AS ENUM ('ann')")
    filled.run("ALTER TABLE ai.agno_sessions ALTER user_id TYPE ai.people USING 'ann'")
    beside = Beside(filled, open_store)
    await beside.compare()
    filled.run("ALTER TYPE ai.people RENAME VALUE 'ann' TO 'somebody'")
    await beside.compare()


async def test_a_generated_column_follows_its_expression(filled, beside):
    kind = "VIRTUAL" if filled.server.version >= 18 else "STORED"
    generated = "metadata varchar GENERATED ALWAYS AS ('{\"of\": \"' || session_id || '\"}')"
    filled.run(f"ALTER TABLE ai.agno_sessions DROP metadata, ADD {generated} {kind}")
    await beside.compare()
    if filled.server.version >= 17:
        filled.run(
            "ALTER TABLE ai.agno_sessions ALTER metadata SET EXPRESSION AS ('{\"as\": \"' || session_id || '\"}')"
        )
        await beside.compare()


# what is to be seen from a moment on: of an id in a table of moments
DUE = "EXISTS (SELECT FROM ai.moments m WHERE m.id = {} AND m.due > now())"
MOMENTS = "CREATE TABLE ai.moments AS SELECT %s::varchar AS id, now() + interval '1 s' AS due"
READER = """DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT USAGE ON SCHEMA ai TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA ai TO reader"""


async def comes(beside):
    """Compare until the moment has come and thereafter."""
    before = beside.truth()
    await beside.compare()
    while beside.truth() == before:
        await beside.compare()
    await beside.compare()


@pytest.mark.parametrize(("table", "id"), [("sessions", "session_id"), ("runs", "run_id")])
async def test_a_view_that_reads_the_clock_is_read_again(filled, open_store, table, id):
    filled.run(
        f"""{MOMENTS}; ALTER TABLE ai.agno_{table} RENAME TO kept;
        CREATE VIEW ai.agno_{table} AS SELECT * FROM ai.kept k WHERE NOT {DUE.format(f"k.{id}")}""",
        "a" if table == "sessions" else "a1",
    )
    await comes(Beside(filled, open_store))


@pytest.mark.parametrize("when", ["before", "between two pages"])
@pytest.mark.parametrize(("table", "id"), [("sessions", "session_id"), ("runs", "run_id")])
async def test_a_policy_that_reads_the_clock_is_asked_again(filled, open_store, table, id, when):
    filled.run(READER)
    beside = Beside(filled, open_store, user="reader")
    if when == "between two pages":
        await beside.compare()
        assert beside.remembers
    filled.run(
        f"""{MOMENTS}; GRANT SELECT ON ai.moments TO reader;
        CREATE POLICY due ON ai.agno_{table} USING (NOT {DUE.format(id)});
        ALTER TABLE ai.agno_{table} ENABLE ROW LEVEL SECURITY""",
        "a" if table == "sessions" else "a1",
    )
    await comes(beside)


async def test_nothing_is_remembered_for_a_role_that_policies_may_come_to_hold_for(filled, open_store):
    filled.run(
        """CREATE POLICY one ON ai.agno_sessions USING (session_id = 'a');
        ALTER TABLE ai.agno_sessions ENABLE ROW LEVEL SECURITY"""
    )
    beside = Beside(filled, open_store)  # of a superuser: it may lose that, and no row of the table tells
    await beside.compare()
    assert not beside.remembers


@pytest.fixture
async def far(own_server, open_store):
    """The same tables, filled, on another server."""
    far = Agno(own_server, own_server.new_database())
    await open_store(far).create_tables()
    fill(far)
    return far


FOREIGN = """CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %s, dbname %s);
CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'postgres')"""
FAR_CHANGES = (
    session("ai.agno_sessions", "d"),
    "UPDATE ai.agno_sessions SET metadata = '{}' WHERE session_id = 'a'",
    f"UPDATE ai.agno_runs SET run_data = {NEWER} WHERE run_id = 'a1'",
    "DELETE FROM ai.agno_runs WHERE session_id = 'c'",
    "DELETE FROM ai.agno_sessions WHERE session_id = 'c'",
)


@pytest.mark.parametrize("foreign", ["both", "sessions", "runs", "child"])
async def test_rows_of_another_server_are_read_again(filled, open_store, far, foreign):
    beside = Beside(filled, open_store)
    await beside.compare()
    assert beside.remembers
    filled.run(FOREIGN, str(far.server.socket), far.name)
    filled.run("ALTER TABLE ai.agno_runs DROP CONSTRAINT agno_runs_session_id_fkey")
    if foreign == "child":
        filled.run("DELETE FROM ai.agno_sessions")
        filled.run(
            """CREATE FOREIGN TABLE ai.child () INHERITS (ai.agno_sessions)
            SERVER far OPTIONS (schema_name 'ai', table_name 'agno_sessions')"""
        )
    else:
        for table in ["sessions", "runs"] if foreign == "both" else [foreign]:
            filled.run(
                f"""DROP TABLE ai.agno_{table};
                IMPORT FOREIGN SCHEMA ai LIMIT TO (agno_{table}) FROM SERVER far INTO ai"""
            )
    await beside.compare()
    for change in FAR_CHANGES:
        far.run(change)
        await beside.compare()


# what tables may be beside plain ones, and how they become plain again
NOT_PLAIN = {
    "view": (
        "ALTER TABLE ai.agno_runs RENAME TO kept; CREATE VIEW ai.agno_runs AS SELECT * FROM ai.kept",
        "DROP VIEW ai.agno_runs; ALTER TABLE ai.kept RENAME TO agno_runs",
    ),
    "materialized view": (
        "ALTER TABLE ai.agno_runs RENAME TO kept; CREATE MATERIALIZED VIEW ai.agno_runs AS SELECT * FROM ai.kept",
        "DROP MATERIALIZED VIEW ai.agno_runs; ALTER TABLE ai.kept RENAME TO agno_runs",
    ),
    "policies": (
        "ALTER TABLE ai.agno_runs ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE ai.agno_runs DISABLE ROW LEVEL SECURITY",
    ),
    "children": (
        "CREATE TABLE ai.child () INHERITS (ai.agno_runs)",
        "DROP TABLE ai.child; ANALYZE ai.agno_runs",
    ),
    "other storage": (
        """CREATE ACCESS METHOD columns TYPE TABLE HANDLER heap_tableam_handler;
        ALTER TABLE ai.agno_runs RENAME TO kept; CREATE TABLE ai.agno_runs (LIKE ai.kept) USING columns""",
        "DROP TABLE ai.agno_runs; ALTER TABLE ai.kept RENAME TO agno_runs",
    ),
    "Citus": (
        "SET allow_system_table_mods = on; CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass)",
        "SET allow_system_table_mods = on; DROP TABLE pg_catalog.pg_dist_partition",
    ),
    "a type of its own": (
        "CREATE DOMAIN ai.json AS jsonb; ALTER TABLE ai.agno_runs ALTER run_data TYPE ai.json",
        "ALTER TABLE ai.agno_runs ALTER run_data TYPE jsonb",
    ),
}


@pytest.mark.parametrize("what", NOT_PLAIN)
async def test_of_what_is_no_plain_table_nothing_is_remembered(filled, beside, what):
    made, undone = NOT_PLAIN[what]
    filled.run(made)
    await beside.compare()
    beside.store.rows, beside.store.totals = Rows(), Totals()
    await beside.compare()
    assert not beside.remembers
    assert not beside.store.totals._known
    filled.run(undone)
    await beside.store.layout(fresh=True)  # as the prober asks
    await beside.compare()
    assert beside.remembers


async def test_after_a_change_of_its_tables_a_page_is_remembered_again(filled, beside):
    before = (await beside.store.layout()).definition
    filled.run("ALTER TABLE ai.agno_sessions ADD other varchar")
    beside.store.rows = Rows()
    await beside.compare()
    assert beside.remembers
    assert (await beside.store.layout()).definition != before


async def test_the_definition_is_of_one_life_of_the_server(own_server, open_store):
    agno = Agno(own_server, own_server.new_database())
    store = open_store(agno)
    await store.create_tables()
    before = (await store.layout()).definition
    assert (await store.layout(fresh=True)).definition == before
    own_server.stop()
    own_server.start()
    after = (await store.layout(fresh=True)).definition
    assert before.text.partition(" ")[2] == after.text.partition(" ")[2]
    assert before != after


async def test_a_standby_has_none(postgres, copy, open_store):
    agno = Agno(postgres, postgres.new_database("v3"))
    replica = Agno(copy, agno.name)
    position = agno.value("SELECT pg_current_wal_flush_lsn()")
    while not copy.run("SELECT pg_last_wal_replay_lsn() >= %s", position)[0][0]:
        pass
    assert (await open_store(agno).layout()).definition is not None
    assert (await open_store(replica).layout()).definition is None
