"""Whatever types the columns have, every route answers as it does on agno's own tables, or `check` names the column."""

from types import SimpleNamespace

import pytest

import session_service.http.sessions
from session_service.cli import main
from session_service.database.errors import Refused
from session_service.store import limits
from session_service.store.columns import is_json
from session_service.store.owned import Owned
from session_service.store.owner import EVERYBODY

from .shapes import AGENT, IDS, JSON, TIMES, UNNAMED, WORKFLOW, Routes, fill, retype

NOW = 1760100000
DOMAINS = """
CREATE DOMAIN ai.label AS text; CREATE DOMAIN ai.label_of_label AS ai.label; CREATE DOMAIN ai.unique_id AS uuid;
CREATE DOMAIN ai.document AS jsonb; CREATE DOMAIN ai.written AS text; CREATE DOMAIN ai.seconds AS bigint;
CREATE TYPE ai.session_kind AS ENUM ('workflow', 'team', 'agent');
DO $$ BEGIN CREATE COLLATION ai.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN feature_not_supported THEN CREATE COLLATION ai.any_case FROM "C"; END $$"""

ALL_IDS = (*IDS, "run_id")
ALL_JSON = (*JSON, "runs", "run_data")
ALL_TIMES = (*TIMES, "run_index")
MOMENT = "to_timestamp({0})"
SHAPES = {
    "text": [((*ALL_IDS, "session_type"), "text")],
    "varchar of a length": [((*ALL_IDS, "session_type"), "varchar(60)")],
    "char": [(ALL_IDS, "char(40)"), (("session_type",), "char(12)")],
    "name": [((*ALL_IDS, "session_type"), "name")],
    "uuid": [(ALL_IDS, "uuid")],
    "domain": [((*ALL_IDS, "session_type"), "ai.label_of_label")],
    "domain of uuid": [(ALL_IDS, "ai.unique_id")],
    "enum": [(("session_type",), "ai.session_kind")],
    "json": [(ALL_JSON, "json")],
    "text of JSON": [(ALL_JSON, "text")],
    "text of JSON in any case": [(ALL_JSON, "text COLLATE ai.any_case")],
    "domain of jsonb": [(ALL_JSON, "ai.document")],
    "domain of text of JSON": [(ALL_JSON, "ai.written")],
    "one json among jsonb": [(("metadata",), "json")],
    "integer": [(ALL_TIMES, "integer")],
    "numeric": [(ALL_TIMES, "numeric", "{0} + 0.25")],
    "double": [(ALL_TIMES, "double precision")],
    "domain of bigint": [(ALL_TIMES, "ai.seconds")],
    "timestamptz": [(TIMES, "timestamptz", MOMENT)],
    "timestamp": [(TIMES, "timestamp", f"{MOMENT} AT TIME ZONE 'UTC'")],
    "all at once": [(ALL_IDS, "uuid"), (ALL_JSON, "text"), (TIMES, "timestamptz", MOMENT)],
}
of_agno: dict[tuple[int, str], dict[str, tuple[int, object]]] = {}


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """New sessions are made at one time."""
    monkeypatch.setattr(session_service.http.sessions, "time", SimpleNamespace(time=lambda: NOW))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """What is long is so already at a size that takes no time."""
    monkeypatch.setattr(limits, "MOST_BYTES", 16 * 1024)


@pytest.fixture
def answers(new_agno, serve, postgres_version):
    """The answers of all routes on a layout, in which columns have other types."""

    async def ask(layout, shape=()):
        agno = new_agno(layout)
        agno.run("CREATE SCHEMA IF NOT EXISTS ai;" + DOMAINS)
        fill(agno, layout)
        for change in shape:
            retype(agno, *change)
        routes = Routes(await serve(agno.dsn))
        await routes.read()
        await routes.write()
        return routes.answers

    async def both(layout, shape):
        expected = of_agno.get((postgres_version, layout))
        if expected is None:
            expected = of_agno[postgres_version, layout] = await ask(layout)
        return expected, await ask(layout, shape)

    return both


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        *(("v3", shape) for shape in SHAPES),
        *(
            (layout, shape)
            for layout in ("v2", "mixed")
            for shape in ("text", "json", "text of JSON", "text of JSON in any case", "all at once")
        ),
    ],
)
async def test_every_route_answers_as_on_agnos_own_tables(answers, layout, shape):
    expected, found = await answers(layout, SHAPES[shape])
    assert {status for status, _ in expected.values()} == {200, 201, 204, 404, 409}
    for asked, answer in expected.items():
        assert found[asked] == answer, asked


@pytest.mark.parametrize("shape", ["uuid", "enum", "json", "text of JSON", "integer", "numeric", "timestamptz"])
async def test_a_type_that_changes_meanwhile_changes_no_answer(new_agno, serve, shape):
    agno = new_agno("v3")
    agno.run(DOMAINS)
    fill(agno, "v3")
    client = await serve(agno.dsn)
    before, after = Routes(client), Routes(client)
    await before.read()
    for change in SHAPES[shape]:
        retype(agno, *change)
    await after.read()
    assert after.answers == before.answers


@pytest.mark.parametrize(
    ("column", "type", "words"),
    [
        ("session_id", "bytea", "is of type bytea, which does not hold text"),
        ("user_id", "varchar[]", "is of type character varying[], which does not hold text"),
        ("metadata", "bytea", "is of type bytea, which does not hold JSON"),
        ("created_at", "interval", "is of type interval, which does not hold a number or a time"),
        ("created_at", "text", "is of type text, which does not hold a number or a time"),
        ("runs", "xml", "is of type xml, which does not hold JSON"),
        ("summary", None, "is missing"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_its_name(
    new_agno,
    open_store,
    serve,
    capsys,
    monkeypatch,
    column,
    type,
    words,
):
    agno = new_agno("v2")
    agno.run("ALTER TABLE ai.agno_sessions DROP CONSTRAINT agno_sessions_pkey")
    if type is None:
        agno.run(f"ALTER TABLE ai.agno_sessions DROP {column}")
    else:
        agno.run(f"ALTER TABLE ai.agno_sessions DROP {column}, ADD {column} {type}")
    store = open_store(agno)
    with pytest.raises(Refused) as refused:
        await store.layout()
    assert str(refused.value) == f'column {column} of "ai"."agno_sessions" {words}'
    assert (store.database.state, store.database.reason) == ("refused", "UnreadableColumn")

    client = await serve(agno.dsn)
    response = await client.get("/sessions")
    assert (response.status, await response.json()) == (
        503,
        {"detail": "Database 'main' is unavailable (UnreadableColumn)"},
    )
    response = await client.get("/healthz/ready")
    assert response.status == 503
    assert (await response.json())["databases"] == [
        {"id": "main", "state": "refused", "reason": "UnreadableColumn", "column": column}
    ]


def test_check_names_the_column(new_agno, capsys, monkeypatch):
    agno = new_agno("v3")
    agno.run("ALTER TABLE ai.agno_runs DROP run_data, ADD run_data bytea")
    monkeypatch.setenv("AGNO_PG_DSN", agno.dsn)
    assert main(["check"]) == 1
    assert 'column run_data of "ai"."agno_runs" is of type bytea' in capsys.readouterr().out


@pytest.mark.parametrize("type", ["varchar", "text", "uuid", "char(40)", "name"])
async def test_an_index_finds_an_id_and_its_runs(new_agno, open_store, type):
    agno = new_agno("v3")
    agno.run("CREATE SCHEMA IF NOT EXISTS ai;" + DOMAINS)
    fill(agno, "v3")
    retype(agno, ALL_IDS, type)
    store = open_store(agno)
    owned = Owned(await store.layout(), store.tables, EVERYBODY)
    found, values = owned.session(WORKFLOW)
    plan = explained(
        agno, f"SELECT q.run_data FROM (SELECT s.* FROM {found}) s, LATERAL (SELECT * FROM {owned.runs()}) q", values
    )
    assert "Seq Scan" not in plan
    assert plan.count("Index Cond") == 2


async def test_a_page_of_text_ids_comes_from_the_index_on_its_time(new_agno, open_store):
    agno = new_agno("v3")
    fill(agno, "v3")
    retype(agno, (*ALL_IDS, "session_type"), "text")
    store = open_store(agno)
    owned = Owned(await store.layout(), store.tables, EVERYBODY)
    found, _ = owned.sessions()
    plan = explained(agno, f"SELECT s.session_id FROM {found} ORDER BY s.created_at DESC LIMIT 20", [])
    assert "Index Scan Backward using idx_agno_sessions_created_at" in plan


def explained(agno, sql, values):
    """The plan that is chosen where reading all of a table is the last thing to do."""
    rows = agno.run(f"SET enable_seqscan = off; SET enable_bitmapscan = off; EXPLAIN {sql}", *values)
    return "\n".join(line for (line,) in rows)


async def test_on_agnos_own_tables_no_statement_is_another(v3, open_store):
    store = open_store(v3)
    owned = Owned(await store.layout(), store.tables, EVERYBODY)
    assert owned.sessions() == ('"ai"."agno_sessions" s', [])
    assert owned.runs() == '"ai"."agno_runs" r WHERE r.session_id = s.session_id'


JSON_TEXTS = [
    "{}",
    "[]",
    " null ",
    '"a"',
    "-0.5e+3",
    '{"a": [1, {"b": []}, "x\\"y\\\\", true]}',
    '["\\u0000\\ud800"]',
    "[" * 60 + "]" * 60,
]
NO_JSON = [
    "",
    " ",
    "a",
    "01",
    "1 2",
    "[1,]",
    "[s]",
    '{"a"}',
    "{1: 2}",
    '"a',
    '"\n"',
    '"\\x"',
    "[1}",
    "truefalse",
    "[-[1]]",
    '"a""b"',
    "NaN",
    "1.",
]


@pytest.mark.parametrize("version", [130000, 160000])
@pytest.mark.parametrize(("text", "expected"), [*((t, True) for t in JSON_TEXTS), *((t, False) for t in NO_JSON)])
async def test_text_is_known_as_json_on_every_version(postgres, postgres_version, version, text, expected):
    if version // 10000 > postgres_version:
        version = 130000
    [(found,)] = postgres.run(f"SELECT {is_json('t.text', version)} FROM (SELECT %s::text) t(text)", text)
    assert found is expected


async def test_a_text_that_is_no_json_costs_no_more_than_itself(new_agno, serve):
    agno = new_agno("v2")
    fill(agno, "v2")
    retype(agno, ALL_JSON, "text")
    agno.run(
        "UPDATE ai.agno_sessions SET session_data = 'odd {', runs = '[{', metadata = '' WHERE session_id = %s", AGENT
    )
    client = await serve(agno.dsn)
    page = await (await client.get("/sessions?type=agent&limit=2&sort_order=asc")).json()
    assert [row["session_id"] for row in page["data"]] == [AGENT, UNNAMED]
    assert page["data"][0]["session_name"] == ""
    shown = await (await client.get(f"/sessions/{AGENT}")).json()
    assert (shown["chat_history"], shown.get("metadata")) == ([], {"sdk": "agno"})
    assert (await client.post(f"/sessions/{AGENT}/rename", json={"session_name": "Mended"})).status == 200


@pytest.mark.parametrize(
    ("type", "values"),
    [("numeric", ["'NaN'", "1e30"]), ("double precision", ["'Infinity'"]), ("timestamptz", ["'infinity'"])],
)
async def test_a_time_that_is_none_is_left_out(new_agno, serve, type, values):
    agno = new_agno("v3")
    fill(agno, "v3")
    retype(agno, TIMES, type, MOMENT if type == "timestamptz" else "{0}")
    client = await serve(agno.dsn)
    for value in values:
        agno.run(f"UPDATE ai.agno_sessions SET created_at = {value}, updated_at = {value} WHERE session_id = %s", AGENT)
        [row] = (await (await client.get("/sessions?session_name=Rain")).json())["data"]
        assert "created_at" not in row
        shown = await (await client.get(f"/sessions/{AGENT}")).json()
        assert "created_at" not in shown
        assert len(shown["chat_history"]) == 2


async def test_a_name_sorts_as_the_database_does(new_agno, open_store):
    agno = new_agno("v3")
    retype(agno, ALL_IDS, "name")
    fill(agno, "v3")
    id = (await open_store(agno).layout()).sessions.of("session_id")
    found = agno.value(f"SELECT pg_collation_for({id}) FROM ai.agno_sessions s LIMIT 1")
    assert found == '"default"'
