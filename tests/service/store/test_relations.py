"""Views, partitions, foreign tables and policies: every route answers as on agno's own tables, as far as it may."""

import pytest

from session_service.store import limits

from .shapes import AGENT, RIA, TOM, Routes, fill
from .test_columns import now, short  # noqa: F401

ASIDE = """
CREATE SCHEMA data;
ALTER TABLE ai.agno_sessions SET SCHEMA data;
ALTER TABLE ai.agno_runs SET SCHEMA data;
"""
VIEWS = """
CREATE VIEW ai.agno_sessions AS SELECT * FROM data.agno_sessions;
CREATE VIEW ai.agno_runs AS SELECT * FROM data.agno_runs;
"""
PARTITIONS = """
CREATE TABLE ai.agno_sessions (LIKE data.agno_sessions INCLUDING DEFAULTS, PRIMARY KEY ({key})) PARTITION BY {by};
CREATE TABLE ai.part_1 PARTITION OF ai.agno_sessions {first};
CREATE TABLE ai.part_2 PARTITION OF ai.agno_sessions {second};
CREATE TABLE ai.agno_runs (LIKE data.agno_runs INCLUDING DEFAULTS, PRIMARY KEY (run_id)) PARTITION BY HASH (run_id);
CREATE TABLE ai.runs_1 PARTITION OF ai.agno_runs FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO ai.agno_sessions SELECT * FROM data.agno_sessions;
INSERT INTO ai.agno_runs SELECT * FROM data.agno_runs;
"""
FOREIGN = """-- then
CREATE EXTENSION postgres_fdw;
CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$socket', dbname '$name');
CREATE USER MAPPING FOR postgres SERVER here OPTIONS (user 'postgres');
IMPORT FOREIGN SCHEMA data LIMIT TO (agno_sessions, agno_runs) FROM SERVER here INTO ai;
"""
SHAPES = {
    "views": ASIDE + VIEWS,
    "views that cast": ASIDE
    + """CREATE VIEW ai.agno_sessions AS SELECT session_id::text, session_type::text, agent_id::text, team_id::text,
        workflow_id::text, user_id::text, session_data::json, agent_data, team_data, workflow_data, metadata,
        summary, to_timestamp(created_at) AS created_at, updated_at::integer FROM data.agno_sessions;
        CREATE VIEW ai.agno_runs AS SELECT * FROM data.agno_runs""",
    "partitions by id": ASIDE
    + PARTITIONS.format(
        key="session_id",
        by="HASH (session_id)",
        first="FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        second="FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
    ),
    "partitions by time": ASIDE
    + PARTITIONS.format(
        key="session_id, created_at",
        by="RANGE (created_at)",
        first="FOR VALUES FROM (0) TO (1760000002)",
        second="FOR VALUES FROM (1760000002) TO (MAXVALUE)",
    ),
    "foreign tables": ASIDE + FOREIGN,
    "a materialized view": ASIDE
    + """CREATE MATERIALIZED VIEW ai.agno_sessions AS SELECT * FROM data.agno_sessions;
        CREATE VIEW ai.agno_runs AS SELECT * FROM data.agno_runs""",
    "a union": ASIDE
    + """CREATE VIEW ai.agno_sessions AS SELECT * FROM data.agno_sessions
        UNION ALL SELECT * FROM data.agno_sessions WHERE false;
        CREATE VIEW ai.agno_runs AS SELECT * FROM data.agno_runs""",
}
SHAPES["more columns"] = "".join(
    f"ALTER TABLE ai.{table} ADD {name} text;"
    for table in ("agno_sessions", "agno_runs")
    for name in ("named_as", "written", "place", "key", "known", "total", "snapshot", "name", "state", "run", "text")
)
READ_ONLY = {"a materialized view", "a union", "views that cast"}
of_agno = {}


@pytest.fixture
def relations(new_agno):
    """A database with sessions whose tables are of another kind."""

    def new(shape):
        agno = new_agno("v3")
        fill(agno, "v3")
        if shape:
            for step in SHAPES[shape].split("-- then"):  # another connection sees it only then
                agno.run(step.replace("$socket", str(agno.server.socket)).replace("$name", agno.name))
        return agno

    return new


async def answers(client, write):
    routes = Routes(client)
    await routes.read()
    if write:
        await routes.write()
    return routes.answers


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_route_answers_as_on_agnos_own_tables(relations, serve, postgres_version, shape):
    expected = of_agno.get(postgres_version)
    if expected is None:
        expected = of_agno[postgres_version] = await answers(await serve(relations(None).dsn), write=True)
    found = await answers(await serve(relations(shape).dsn), write=shape not in READ_ONLY)
    for asked, answer in found.items():
        assert answer == expected[asked], asked


WRITES = [
    ("POST", "/sessions?type=agent", {"session_id": "new"}),
    ("POST", f"/sessions/{AGENT}/rename", {"session_name": "n"}),
    ("PATCH", f"/sessions/{AGENT}", {"session_name": "n"}),
    ("DELETE", f"/sessions/{AGENT}", None),
    ("DELETE", "/sessions", {"session_ids": [AGENT], "session_types": ["agent"]}),
]


async def refusals(client):
    """What every write is answered, without the names of its route."""
    found = set()
    for method, path, body in WRITES:
        response = await client.request(method, path, json=body)
        found.add((response.status, (await response.json())["detail"], response.headers.get("Retry-After")))
    return found


def reader(agno, rights):
    """The DSN of a role that may do no more than this."""
    agno.run("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    agno.run(f"GRANT USAGE ON SCHEMA ai TO reader; {rights}")
    return agno.server.dsn(agno.name, user="reader")


async def test_a_write_without_the_privilege_is_lasting(relations, serve):
    agno = relations(None)
    client = await serve(reader(agno, "GRANT SELECT ON ai.agno_sessions, ai.agno_runs TO reader"))
    assert (await answers(client, write=False)).keys()
    assert await refusals(client) == {(503, "Database 'main' is unavailable (InsufficientPrivilege)", None)}
    assert (await client.get("/healthz/ready")).status == 200


async def test_a_write_of_a_column_that_is_made_is_lasting(relations, serve):
    client = await serve(relations("views that cast").dsn)
    response = await client.patch(f"/sessions/{AGENT}", json={"session_name": "n"})
    assert (response.status, response.headers.get("Retry-After")) == (503, None)
    assert (await response.json())["detail"] == "Database 'main' is unavailable (NotWritable)"


@pytest.mark.parametrize("shape", sorted(READ_ONLY - {"views that cast"}))
async def test_a_write_into_what_takes_none_is_lasting(relations, serve, shape):
    client = await serve(relations(shape).dsn)
    [(status, detail, retry_after)] = await refusals(client)
    assert (status, retry_after) == (503, None)
    assert detail == "Database 'main' is unavailable (NotWritable)"
    assert (await client.get("/healthz/ready")).status == 200


async def test_a_policy_hides_rows_from_every_route(relations, serve):
    agno = relations(None)
    agno.run(
        "ALTER TABLE ai.agno_sessions ENABLE ROW LEVEL SECURITY; ALTER TABLE ai.agno_runs ENABLE ROW LEVEL SECURITY"
    )
    rights = f"""GRANT ALL ON ALL TABLES IN SCHEMA ai TO reader;
        CREATE POLICY own ON ai.agno_sessions TO reader USING (user_id = '{RIA}');
        CREATE POLICY runs ON ai.agno_runs TO reader USING (session_id IN (SELECT session_id FROM ai.agno_sessions))"""
    client = await serve(reader(agno, rights))
    page = await (await client.get("/sessions")).json()
    assert {row["user_id"] for row in page["data"]} == {RIA}
    assert page["meta"]["total_count"] == 2
    [hidden] = agno.run("SELECT session_id FROM ai.agno_sessions WHERE user_id = %s LIMIT 1", TOM)
    for path in (hidden[0], f"{hidden[0]}/runs"):
        assert (await client.get(f"/sessions/{path}")).status == 404
    assert (await client.patch(f"/sessions/{hidden[0]}", json={"session_name": "n"})).status == 404
    assert (await client.patch(f"/sessions/{AGENT}", json={"session_name": "n"})).status == 200
    response = await client.post("/sessions?type=agent", json={"session_id": "new", "user_id": TOM})
    assert (response.status, "Retry-After" in response.headers) == (503, False)
    assert (await client.post("/sessions?type=agent", json={"session_id": "new", "user_id": RIA})).status == 201


@pytest.mark.parametrize("column", ["created_at", "session_type", "updated_at", "metadata"])
@pytest.mark.parametrize("long", [False, True])
async def test_a_view_may_leave_out_what_a_table_has_to_have(relations, serve, monkeypatch, column, long):
    agno = relations("views")
    columns = agno.run(
        """SELECT string_agg(CASE WHEN column_name <> %s THEN column_name
            ELSE format('NULL::%%s AS %%s', data_type, column_name) END, ', ' ORDER BY ordinal_position)
        FROM information_schema.columns WHERE table_schema = 'data' AND table_name = 'agno_sessions'""",
        column,
    )[0][0]
    agno.run(f"CREATE OR REPLACE VIEW ai.agno_sessions AS SELECT {columns} FROM data.agno_sessions")
    agno.run(
        """UPDATE data.agno_runs SET run_data = '{"run_id": "r", "agent_id": "a", "messages":
        [{"role": "user", "content": "untimed"}]}' WHERE session_id = %s""",
        AGENT,
    )
    if long:
        monkeypatch.setattr(limits, "MOST_BYTES", 1)
    client = await serve(agno.dsn)
    page = await client.get("/sessions")
    assert (page.status, len((await page.json())["data"])) == (200, 5)
    for path in ("", "/runs", "/run-previews", "?type=team"):
        response = await client.get(f"/sessions/{AGENT}{path}")
        assert response.status == 200, path
        await response.read()
