"""One odd escape in a `json` costs no more than itself: the row and its neighbours are shown, as AgentOS shows them."""

import json

import pytest

from session_service.store import limits
from session_service.store.masks import MASK, as_shown, as_stored, masked, unmasked
from tests.service.agno import Agno

from .shapes import retype

DEEP = "[" * 1500 + "]" * 1500
TABLES = {"v2_json": "v2_json", "text": "v2", "v3 of json": "v3", "string": "v2"}
JSON_COLUMNS = ("session_data", "metadata", "agent_data", "workflow_data", "summary", "runs", "run_data")


@pytest.fixture(params=TABLES)
def odd(new_agno, request):
    """A database of a layout with `json`, and what inserts a session with one run as JSON text."""
    agno = new_agno(TABLES[request.param])
    if request.param != "v2_json":
        retype(agno, JSON_COLUMNS if request.param != "string" else JSON_COLUMNS[:-2], "json")
    if request.param == "text":
        retype(agno, JSON_COLUMNS, "text")

    def insert(session_id, run="", **columns):
        text = f'{{"run_id": "r-{session_id}", "agent_id": "ag", "status": "COMPLETED"{", " * bool(run)}{run}}}'
        created_at = len(agno.ids("ai.agno_sessions"))
        if request.param == "v3 of json":
            agno.session(session_id, agent_id="ag", created_at=created_at, **columns)
            agno._insert(
                "ai.agno_runs",
                {
                    "run_id": f"r-{session_id}",
                    "session_id": session_id,
                    "run_type": "agent",
                    "created_at": 1,
                    "run_data": text,
                },
            )
        else:
            runs = json.dumps(f"[{text}]") if request.param == "string" else f"[{text}]"
            agno.session(session_id, agent_id="ag", created_at=created_at, runs=runs, **columns)

    insert.agno = agno
    insert.keeps_order = request.param != "string"  # a run of a jsonb has the order of jsonb
    return insert


async def asked(client, path):
    response = await client.get(path)
    assert response.status == 200, path
    return await response.text()


CASES = {
    # of a run: what it holds, and what is shown of it in runs, the chat history, the name
    "nul": (r'"messages": [{"id": "1", "role": "user", "content": "a\u0000b"}]', r"a\u0000b"),
    "high": (r'"messages": [{"id": "1", "role": "user", "content": "a\ud83d"}]', "a\\ufffd"),
    "low": (r'"messages": [{"id": "1", "role": "user", "content": "\uDC00b"}]', "\\ufffdb"),
    "wrong way round": (r'"messages": [{"id": "1", "role": "user", "content": "\udc00\ud83d"}]', "\\ufffd\\ufffd"),
    "pair": (r'"messages": [{"id": "1", "role": "user", "content": "\ud83d\ude00\u0000"}]', r"\ud83d\ude00\u0000"),
    "no escape": (r'"messages": [{"id": "1", "role": "user", "content": "\\u0000 \\\\ud800"}]', r"\\u0000 \\\\ud800"),
    "after a backslash": (
        r'"messages": [{"id": "1", "role": "user", "content": "\\\u0000\\\ud800"}]',
        r"\\\u0000\\\ufffd",
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_an_odd_message_is_shown_in_every_route(odd, serve, case):
    run, shown = CASES[case]
    odd("odd", run)
    odd("plain", '"messages": [{"id": "1", "role": "user", "content": "hello"}]')
    client = await serve(odd.agno.dsn)
    expected = json.loads(f'"{shown}"')
    page = json.loads(await asked(client, "/sessions?sort_order=asc"))
    assert [(row["session_id"], row["session_name"]) for row in page["data"]] == [("odd", expected), ("plain", "hello")]
    detail = json.loads(await asked(client, "/sessions/odd"))
    assert (detail["session_name"], detail["chat_history"][0]["content"]) == (expected, expected)
    for path in ("/sessions/odd/runs/r-odd", "/sessions/odd/runs"):
        text = await asked(client, path)
        assert text.encode()  # no half of a pair
        found = json.loads(text)
        found = found[0] if isinstance(found, list) else found
        assert (found["messages"][0]["content"], found["run_input"]) == (expected, expected)
    [preview] = json.loads(await asked(client, "/sessions/odd/run-previews"))
    assert preview["run_input"] == expected
    assert json.loads(await asked(client, "/sessions/plain"))["session_name"] == "hello"


async def test_a_backslash_of_its_own_is_no_escape(odd, serve):
    odd("literal", session_data=r'{"session_name": "c\\u0000d"}')
    client = await serve(odd.agno.dsn)
    page = json.loads(await asked(client, "/sessions?session_name=%5Cu0000d"))
    assert [row["session_name"] for row in page["data"]] == [r"c\u0000d"]


async def test_what_stands_beside_it_costs_nothing(odd, serve):
    odd("tool", r'"tools": [{"result": "\u0000\udfff"}], "content": {"z": "\u0000", "a": "\ud800"}')
    odd("data", session_data=r'{"session_name": "n\u0000\ud800", "session_state": {"z\u0000": 1, "a": "\udc00"}}',
        metadata=r'{"\ud800": "\u0000"}', summary=r'{"summary": "\u0000", "topics": ["\ud800"]}')  # fmt: skip
    client = await serve(odd.agno.dsn)
    [run] = json.loads(await asked(client, "/sessions/tool/runs"))
    assert run["tools"] == [{"result": "\0\ufffd"}]
    assert run["content"] == {"z": "\0", "a": "\ufffd"}
    if odd.keeps_order:
        assert list(run["content"]) == ["z", "a"]
    for text in (await asked(client, "/sessions/data"), await asked(client, "/sessions?sort_order=asc&limit=2")):
        shown = json.loads(text)
        shown = shown["data"][1] if "data" in shown else shown
        assert shown["session_name"] == "n\0\ufffd"
        assert list(shown["session_state"].items()) == [("z\0", 1), ("a", "\ufffd")]
        assert shown["metadata"] == {"\ufffd": "\0"}
        assert shown["session_summary"] == {"summary": "\0", "topics": ["\ufffd"]}


async def test_a_name_made_of_an_input_keeps_its_order_and_the_escape_as_agentos_does(odd, serve):
    odd("input", r'"input": {"zz": "x\ud800y\u0000", "a": 1}')
    client = await serve(odd.agno.dsn)
    [row] = json.loads(await asked(client, "/sessions"))["data"]
    if not odd.keeps_order:
        assert row["session_name"] == '{\n  "a": 1,\n  "zz": "x\\ud800y\\u0000"\n}'
        return
    assert row["session_name"] == '{\n  "zz": "x\\ud800y\\u0000",\n  "a": 1\n}'


async def test_a_write_keeps_what_is_odd_and_the_order(odd, serve):
    odd("odd", session_data=r'{"zz": "\u0000", "session_state": {"b": 1}, "a": "\ud800\\", "big": 1e999}')
    client = await serve(odd.agno.dsn)
    body = {"session_state": {"zz": 1, "a": {"y": 1, "x": 2}}, "session_name": "New"}
    response = await client.patch("/sessions/odd", json=body)
    assert response.status == 200
    assert list((await response.json())["session_state"]) == ["zz", "a"]
    stored = odd.agno.value("SELECT session_data::text FROM ai.agno_sessions")
    members = json.loads(stored, object_pairs_hook=list)
    assert [name for name, _ in members] == ["zz", "session_state", "a", "big", "session_name"]
    assert (members[0][1], members[2][1]) == ("\0", "\ud800\\")
    assert (await client.post("/sessions/odd/rename", json={"session_name": "Newer"})).status == 200
    assert json.loads(await asked(client, "/sessions?session_name=newer"))["meta"]["total_count"] == 1


@pytest.mark.parametrize("long", [False, True])
async def test_what_is_nested_deep_is_shown(odd, serve, monkeypatch, long):
    if long:
        monkeypatch.setattr(limits, "MOST_BYTES", 1024)
    question = '"messages": [{"id": "1", "role": "user", "content": "q"}]'
    odd("deep", f'"tools": [{{"result": {DEEP}}}], "content": {DEEP}, {question}')
    odd("state", session_data=f'{{"session_name": "n", "session_state": {{"d": {DEEP}}}}}')
    odd("input", f'"input": {{"z": {DEEP}, "a": 1}}')
    odd("plain", session_data={"session_name": "p"})
    client = await serve(odd.agno.dsn)
    page = await asked(client, "/sessions?sort_order=asc")
    assert [f'"session_id":"{name}"' in page for name in ("deep", "state", "input", "plain")] == [True] * 4
    assert f'"session_state":{{"d": {DEEP}}}' in page
    assert f'"session_state":{{"d": {DEEP}}}' in await asked(client, "/sessions/state")
    assert '"session_name":"n"' in await asked(client, "/sessions/state")
    for path in ("/sessions/deep/runs", "/sessions/deep/runs/r-deep"):
        shown = await asked(client, path)
        assert f'"tools":[{{"result": {DEEP}}}]' in shown
        assert f'"content":{DEEP}' in shown
    assert '"run_input":"q"' in await asked(client, "/sessions/deep/run-previews")
    assert '"content":"q"' in await asked(client, "/sessions/deep")


async def test_a_long_value_is_sent_in_pieces_without_its_masks(odd, serve, monkeypatch):
    monkeypatch.setattr(limits, "MOST_BYTES", 1024)
    monkeypatch.setattr(limits, "PIECE", 4096)
    text = r"\u0000 \ud800 \ud83d\ude00 \\u0000 é " * 2000
    odd("long", f'"content": "{text}", "messages": [{{"id": "1", "role": "user", "content": "{text}"}}]',
        session_data=f'{{"session_name": "n", "session_state": {{"t": "{text}"}}}}')  # fmt: skip
    client = await serve(odd.agno.dsn)
    expected = json.loads(f'"{text}"'.replace(r"\ud800", r"\ufffd"))
    assert json.loads(await asked(client, "/sessions/long"))["session_state"] == {"t": expected}
    assert json.loads(await asked(client, "/sessions/long"))["chat_history"][0]["content"] == expected
    [row] = json.loads(await asked(client, "/sessions"))["data"]
    assert row["session_state"] == {"t": expected}
    [run] = json.loads(await asked(client, "/sessions/long/runs"))
    assert run["content"] == expected


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "LATIN2", "SQL_ASCII"])
def test_a_mask_comes_off_as_it_went_on(postgres, encoding):
    text = r'{"a\u0000": ["\ud800\ud83d\ude00\udc00", "\\u0000\\\u0000", "\u00e9\u20ac\u0100\u007f"]}'
    mask = f"SELECT {masked('%s::json', encoding)}::text"
    [(hidden,)] = postgres.run(mask, text)
    assert MASK in hidden
    [[back]] = unmasked([(hidden.encode(),)])
    assert back.decode() == text
    assert postgres.run(f"SELECT {as_stored('t.text')} FROM (SELECT %s::text) t(text)", hidden) == [(text,)]
    [(shown,)] = postgres.run(f"SELECT {as_shown('t.text')} FROM (SELECT %s::text) t(text)", hidden)
    assert shown == text.replace(r"\ud800", r"\ufffd").replace(r"\ude00\udc00", r"\ude00\ufffd")


async def test_escapes_that_an_encoding_lacks_are_shown(postgres, serve):
    words = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    postgres.run(f"CREATE DATABASE latin_json {words} {'LOCALE_PROVIDER libc' if postgres.version >= 15 else ''}")
    try:
        agno = Agno(postgres, "latin_json")
        agno.run(
            """CREATE SCHEMA ai;
            CREATE TABLE ai.agno_sessions (session_id text PRIMARY KEY, session_type text NOT NULL,
            agent_id text, team_id text, workflow_id text, user_id text, session_data json, agent_data json,
            team_data json, workflow_data json, metadata json, summary json, runs json,
            created_at bigint NOT NULL, updated_at bigint)"""
        )
        agno.session("a", session_data=r'{"session_name": "\u65e5\u672c \ud83d\ude00 \u00e9", "session_state": {}}')
        client = await serve(agno.dsn)
        [row] = json.loads(await asked(client, "/sessions"))["data"]
        assert row["session_name"] == "日本 😀 é"
        assert json.loads(await asked(client, "/sessions?session_name=%C3%A9"))["meta"]["total_count"] == 1
        assert (await client.patch("/sessions/a", json={"session_state": {"a": "é"}})).status == 200
        assert json.loads(await asked(client, "/sessions/a"))["session_name"] == "日本 😀 é"
        await client.close()
    finally:
        postgres.run("DROP DATABASE latin_json")
