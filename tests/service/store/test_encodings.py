"""Databases of other encodings than UTF-8 serve what they hold, and say of the rest that they can't hold it."""

import pytest

from session_service.database.encodings import holds
from session_service.store import limits
from session_service.store.owned import Owned
from session_service.store.owner import EVERYBODY
from session_service.store.text import valid_utf8
from tests.service.agno import Agno

from .shapes import AGENT, LONG, RIA, Routes, fill

OTHER = "%E6%97%A5%E6%9C%AC"  # 日本, which LATIN1 lacks


@pytest.fixture
def encoded(postgres):
    """Makes databases of an encoding, with agno's tables and sessions in them."""
    made = []

    def new(encoding):
        name = f"in_{encoding.lower()}_{len(made)}"
        provider = "LOCALE_PROVIDER libc" if postgres.version >= 15 else ""
        words = f"TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' {provider}"
        postgres.run(f"CREATE DATABASE {name} {words}")
        made.append(name)
        return Agno(postgres, name)

    yield new
    for name in made:
        postgres.run(f"DROP DATABASE {name}")


@pytest.fixture
async def filled(encoded, open_store):
    async def new(encoding):
        agno = encoded(encoding)
        store = open_store(agno)
        await store.create_tables()
        await store.database.close()
        fill(agno, "v3")
        return agno

    return new


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """What is long is so already at a size that takes no time."""
    monkeypatch.setattr(limits, "MOST_BYTES", 16 * 1024)


@pytest.mark.parametrize("encoding", ["LATIN1", "LATIN9", "WIN1252", "SQL_ASCII"])
async def test_every_route_answers_as_in_utf8(new_agno, filled, serve, encoding):
    utf8 = new_agno("v3")
    fill(utf8, "v3")
    answers = []
    for agno in (utf8, await filled(encoding)):
        routes = Routes(await serve(agno.dsn))
        await routes.read()
        answers.append(routes.answers)
    expected, found = answers
    for asked, answer in expected.items():
        assert found[asked] == answer, asked


@pytest.mark.parametrize("setting", ["role", "database", "environment", "dsn", "options"])
async def test_the_encoding_of_the_client_is_ours(filled, serve, monkeypatch, setting):
    agno = await filled("LATIN1")
    dsn = agno.dsn
    match setting:
        case "role":
            agno.run("DROP ROLE IF EXISTS western; CREATE ROLE western LOGIN SUPERUSER")
            agno.run("ALTER ROLE western SET client_encoding = 'LATIN1'")
            dsn = agno.server.dsn(agno.name, user="western")
        case "database":
            agno.run(f"ALTER DATABASE {agno.name} SET client_encoding = 'LATIN1'")
        case "environment":
            monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
        case "dsn":
            dsn += " client_encoding=LATIN1"
        case "options":
            dsn += " options='-c client_encoding=LATIN1'"
    client = await serve(dsn)
    [row] = (await (await client.get("/sessions?session_name=S%C3%A9oul")).json())["data"]
    assert row["session_name"] == "Rain in Séoul"


async def test_what_a_database_cannot_hold_is_no_id_and_no_filter(filled, serve):
    client = await serve((await filled("LATIN1")).dsn)
    for path in (f"component_id={OTHER}", f"user_id={OTHER}", f"session_name={OTHER}", f"user_id={RIA}{OTHER}"):
        response = await client.get(f"/sessions?{path}")
        assert (response.status, (await response.json())["data"]) == (200, []), path
    for path in (OTHER, f"{OTHER}/runs", f"{OTHER}/run-previews", f"{AGENT}/runs/{OTHER}", f"{AGENT}?user_id={OTHER}"):
        assert (await client.get(f"/sessions/{path}")).status == 404, path
    name = {"session_name": "n"}
    assert (await client.post(f"/sessions/{OTHER}/rename", json=name)).status == 404
    assert (await client.patch(f"/sessions/{OTHER}", json=name)).status == 404
    assert (await client.delete(f"/sessions/{OTHER}")).status == 204
    ids = {"session_ids": [AGENT, "日本"], "session_types": ["agent", "agent"]}
    assert (await client.delete("/sessions", json=ids)).status == 204
    assert (await client.get(f"/sessions/{AGENT}")).status == 404


async def test_a_write_of_what_a_database_cannot_hold_is_422(filled, serve):
    client = await serve((await filled("LATIN1")).dsn)
    asked = [
        client.post("/sessions?type=agent", json={"session_id": "日本"}),
        client.post("/sessions?type=agent", json={"user_id": "日本"}),
        client.post("/sessions?type=agent", json={"agent_id": "日本"}),
        client.post("/sessions?type=agent", json={"session_name": "日本"}),
        client.post("/sessions?type=agent", json={"metadata": {"日本": 1}}),
        client.post("/sessions?type=agent", json={"runs": [{"run_id": "日本"}]}),
        client.post(f"/sessions/{AGENT}/rename", json={"session_name": "日本"}),
        client.patch(f"/sessions/{AGENT}", json={"session_state": {"a": "日本"}}),
    ]
    for request in asked:
        response = await request
        assert response.status == 422
        assert await response.json() == {"detail": "Database 'main' can't store this value (SQLSTATE 22P05)"}


async def test_bytes_that_are_no_utf8_cost_no_more_than_themselves(filled, serve):
    agno = await filled("SQL_ASCII")
    agno.run(
        """UPDATE ai.agno_sessions SET user_id = convert_from('\\xe9', 'SQL_ASCII'), session_data =
        convert_from('\\x7b2273657373696f6e5f6e616d65223a2253e96f756c20c3a920e6972e227d', 'SQL_ASCII')::jsonb
        WHERE session_id = %s""",
        AGENT,
    )
    client = await serve(agno.dsn)
    page = await (await client.get("/sessions?sort_order=asc&limit=2")).json()
    assert page["data"][0]["session_name"] == "S\ufffdoul é \ufffd\ufffd."
    assert page["data"][0]["user_id"] == "\ufffd"
    assert len(page["data"]) == 2
    assert (await (await client.get(f"/sessions/{AGENT}")).json())["session_name"] == "S\ufffdoul é \ufffd\ufffd."
    assert (await client.get(f"/sessions/{LONG}")).status == 200


VALID = ["", "a", "é", "日本", "🚀x", "\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"]
ODD = [
    b"\x80",
    b"a\xc3",
    b"\xc3\xa9\xa9",
    b"\xe6\x97",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\x80",
    b"\xff\xfe",
    b"\x1ab",
]


@pytest.mark.parametrize("text", [*(text.encode() for text in VALID), *ODD])
async def test_each_odd_byte_becomes_one_sign(encoded, text):
    agno = encoded("SQL_ASCII")
    found = agno.value(f"SELECT {valid_utf8('t.text')} FROM (SELECT convert_from(%s, 'SQL_ASCII')) t(text)", text)
    valid = bytes(text).decode(errors="replace")
    assert (found.replace("\ufffd", ""), "\ufffd" in found) == (
        valid.replace("\ufffd", "").replace("\x1a", ""),
        "\ufffd" in valid or "\x1a" in valid,
    )


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        ("UTF8", "日", True),
        ("SQL_ASCII", "日", True),
        ("LATIN1", "é", True),
        ("LATIN1", "日", False),
        ("EUC_JP", "日", True),
        ("LATIN1", None, True),
        ("MULE_INTERNAL", "日", True),
        ("KOI8R", "é", False),
        ("KOI8R", "я", True),
    ],
)
def test_an_encoding_tells_what_can_be_held(encoding, text, expected):
    assert holds(encoding, text) is expected


async def test_an_index_finds_an_id_where_any_bytes_are_text(filled, open_store):
    agno = await filled("SQL_ASCII")
    store = open_store(agno)
    layout = await store.layout()
    assert not layout.sessions.own
    found, values = Owned(layout, store.tables, EVERYBODY).session(AGENT)
    plan = agno.run(f"SET enable_seqscan = off; EXPLAIN SELECT s.session_id FROM {found}", *values)
    assert "Index" in plan[0][0]
