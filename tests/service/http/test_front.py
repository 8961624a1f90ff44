"""The way of every request: outages and failures as answers, and nothing secret in an answer or a log."""

import asyncio
import io
import json

import aiohttp
import pytest

from tests.service.waiting import until

EVERY_ROUTE = [
    ("GET", "/sessions", None),
    ("GET", "/sessions/a", None),
    ("GET", "/sessions/a/runs", None),
    ("GET", "/sessions/a/run-previews", None),
    ("GET", "/sessions/a/runs/r", None),
    ("POST", "/sessions", {}),
    ("POST", "/sessions/a/rename", {"session_name": "n"}),
    ("PATCH", "/sessions/a", {}),
    ("DELETE", "/sessions/a", None),
    ("DELETE", "/sessions", {"session_ids": ["a"], "session_types": ["agent"]}),
]


async def test_an_outage_is_never_an_empty_answer(v3, serve, free_port):
    client = await serve({"main": v3.dsn, "away": v3.server.dsn(host="127.0.0.1", port=str(free_port))})
    for method, path, body in EVERY_ROUTE:
        answer = await client.request(method, f"{path}?db_id=away", json=body)
        assert (method, path, answer.status) == (method, path, 503)
        assert await answer.json() == {"detail": "Database 'away' is unavailable (NotListening)"}
        assert answer.headers["Retry-After"] in {"1", "2", "3"}
        assert (await client.request(method, path, json=body)).status < 500


async def test_a_statement_that_takes_too_long_is_504(v3, serve):
    client = await serve({"main": {"dsn": v3.dsn, "statementTimeoutSeconds": 1}})
    await client.get("/sessions")
    v3.run("ALTER TABLE ai.agno_sessions RENAME TO slow")
    v3.run("CREATE VIEW ai.agno_sessions AS SELECT s.* FROM ai.slow s, pg_sleep(60)")
    v3.run("INSERT INTO ai.slow (session_id, session_type, created_at) VALUES ('a', 'agent', 1)")
    answer = await client.get("/sessions")
    assert (answer.status, await answer.json()) == (504, {"detail": "Database 'main' did not answer in time"})


async def test_a_request_that_takes_too_long_is_504_and_leaves_nothing_behind(v3, serve):
    client = await serve({"main": {"dsn": v3.dsn, "pool": {"maxSize": 1}}}, AGNO_REQUEST_TIMEOUT_SECONDS="0.5")
    await client.get("/sessions")
    v3.run("ALTER TABLE ai.agno_sessions RENAME TO slow")
    v3.run("CREATE VIEW ai.agno_sessions AS SELECT s.* FROM ai.slow s, pg_sleep(60)")
    v3.session("a", table="ai.slow")
    [(backend, _, _)] = v3.backends()
    asked = [client.get("/sessions") for _ in range(3)]  # one runs, two wait for its connection
    for answer in await asyncio.gather(*asked):
        assert (answer.status, await answer.json()) == (504, {"detail": "The request took longer than 0.5 seconds"})
    await until(lambda: [(pid, state) for pid, state, _ in v3.backends()] == [(backend, "idle")])


async def test_a_history_that_nobody_reads_holds_its_connection_until_the_deadline_only(v3, serve):
    v3.session("a")
    v3.run(HISTORY)
    client = await serve({"main": {"dsn": v3.dsn, "pool": {"maxSize": 1}}}, AGNO_REQUEST_TIMEOUT_SECONDS="1")
    async with client.get("/sessions/a/runs", headers={"Accept-Encoding": "identity"}) as unread:
        async with asyncio.timeout(30):
            while (await client.get("/sessions")).status != 200:
                pass
        with pytest.raises(aiohttp.ClientPayloadError):
            await unread.read()


async def test_an_unexpected_failure_is_500_without_any_detail(v3, serve, monkeypatch, log):
    async def failing(*_):
        raise LookupError("canary-detail")

    monkeypatch.setattr("session_service.store.owned_sessions.read_page", failing)
    client = await serve(v3.dsn)
    answer = await client.get("/sessions?user_id=canary-query", headers={"Origin": "http://localhost:3000"})
    assert (answer.status, await answer.text()) == (500, '{"detail":"Internal server error"}')
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "LookupError" in log.text
    assert "canary-query" not in log.text


async def test_no_log_holds_a_dsn_a_token_or_what_was_asked_for(v3, serve, log):
    dsns = {
        "main": v3.dsn,
        "away": "postgresql://canary-user:canary-password@127.0.0.1:1/canary-base",
        "typo": v3.server.dsn("canary-base", password="canary-password"),
    }
    client = await serve(dsns, OS_SECURITY_KEY="canary-key")
    right, wrong = {"Authorization": "Bearer canary-key"}, {"Authorization": "Bearer canary-other"}
    for headers in (right, wrong):
        for db_id in dsns:
            query = f"db_id={db_id}&user_id=canary-user&session_name=canary-name"
            await client.get(f"/sessions?{query}", headers=headers)
            await client.get(f"/sessions/canary-id/runs/canary-run?{query}", headers=headers)
            await client.post(f"/sessions?{query}", headers=headers, json={"session_name": "canary-body"})
    await client.get("/canary-path", headers=right)
    await client.post("/sessions", headers=right, data="canary{", skip_auto_headers=["Content-Type"])
    assert "/sessions/{session_id}/runs/{run_id}" in log.text
    assert "canary" not in log.text


ODD = [
    ("DELETE", "/sessions", '{"session_ids": ["\\ud800"], "session_types": ["agent"]}', 204),
    ("DELETE", "/sessions", '{"session_ids": ["\\u0000"], "session_types": ["agent"]}', 204),
    ("POST", "/sessions", '{"session_id": "\\ud800"}', 422),
    ("POST", "/sessions", '{"user_id": "\\ud800"}', 422),
    ("POST", "/sessions", '{"agent_id": "a\\u0000"}', 422),
    ("POST", "/sessions", '{"session_state": {"\\u0000": 1}}', 422),
    ("POST", "/sessions", '{"runs": [{"run_id": "\\ud800"}]}', 422),
    ("PATCH", "/sessions/a", '{"metadata": {"k": NaN}}', 422),
    ("PATCH", "/sessions/a%00", "{}", 404),
    ("GET", "/sessions/%ED%A0%80", None, 404),
    ("GET", "/sessions?user_id=%ED%A0%80&session_name=%ff", None, 200),
    ("GET", "/sessions/a/runs/%00", None, 404),
    ("GET", "/sessions?limit=999999999999999999999999999999", None, 200),
    ("POST", "/sessions", "[" * 100000, 400),
    ("POST", "/sessions", b"\xff\xfe{", 400),
]


async def test_odd_input_is_answered_and_never_fails(v3, serve, subtests):
    v3.session("a")
    client = await serve(v3.dsn)
    for method, path, body, status in ODD:
        with subtests.test(msg=f"{method} {path} {body!r:.60}"):
            answer = await client.request(method, path, data=body, headers={"Content-Type": "application/json"})
            assert (answer.status, "SELECT" in await answer.text()) == (status, False)


async def test_a_body_that_is_too_large_is_refused(v3, serve):
    client = await serve(v3.dsn)
    answer = await client.post(
        "/sessions", data=io.BytesIO(b" " * (33 * 2**20)), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 413
    assert list(await answer.json()) == ["detail"]


HISTORY = """INSERT INTO ai.agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)
    SELECT 'r' || g, 'a', 'agent', g,
        jsonb_build_object('run_id', 'r' || g, 'agent_id', 'x', 'content', repeat('text ', 20000)), 1
    FROM generate_series(1, 400) g"""


async def test_a_long_history_is_one_array(v3, serve):
    v3.session("a")
    v3.run(HISTORY)
    answer = await (await serve(v3.dsn)).get("/sessions/a/runs")
    assert [run["run_id"] for run in json.loads(await answer.read())] == [f"r{number}" for number in range(1, 401)]


async def test_a_history_that_breaks_off_is_never_taken_for_a_whole_one(v3, serve):
    v3.session("a")
    v3.run(HISTORY)
    client = await serve(v3.dsn)
    async with client.get("/sessions/a/runs") as answer:
        await answer.content.read(100)
        v3.terminate_backends()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert (await client.get("/sessions")).status == 200


async def test_a_client_that_leaves_in_the_middle_of_a_history_gives_its_connection_back(v3, serve):
    v3.session("a")
    v3.run(HISTORY)
    client = await serve({"main": {"dsn": v3.dsn, "pool": {"maxSize": 1}}})
    for _ in range(3):
        answer = await client.get("/sessions/a/runs")
        await answer.content.read(100)
        answer.close()
    async with asyncio.timeout(30):
        assert (await client.get("/sessions")).status == 200
    await until(lambda: [state for _, state, _ in v3.backends()] == ["idle"])
