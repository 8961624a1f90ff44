"""What is seen of each request: one line of the log, a line of the audit log for a change, ids and times in headers."""

import hashlib
import hmac
import re

import pytest

HEX_16 = re.compile(r"[0-9a-f]{16}")


async def test_the_log_has_one_line_for_each_request(v3, serve, log):
    client = await serve(v3.dsn)
    await client.get("/sessions/a?type=team")
    await client.get("/nowhere")
    known, unknown = log.lines("session_service.access")
    assert {key: known[key] for key in ("level", "event", "method", "route", "status", "db_id", "client", "bytes")} == {
        "level": "info",
        "event": "request",
        "method": "GET",
        "route": "/sessions/{session_id}",
        "status": 404,
        "db_id": "main",
        "client": "127.0.0.1",
        "bytes": len(b"""{"detail":"Team Session with id 'a' not found"}"""),
    }
    assert 0 < known["db_ms"] < known["ms"]
    assert (unknown["method"], unknown["route"], unknown["status"]) == ("GET", "unmatched", 404)
    assert "db_id" not in unknown


async def test_a_method_that_nobody_knows_is_not_repeated(v3, serve, log):
    client = await serve(v3.dsn)
    assert (await client.request("PROPFIND", "/sessions")).status == 405
    [line] = log.lines("session_service.access")
    assert (line["method"], line["status"]) == ("other", 405)
    assert "PROPFIND" not in log.text


async def test_probes_are_told_of_at_level_debug_only(v3, serve, log):
    log.configure("info")
    client = await serve(v3.dsn)
    await client.get("/healthz/ready")
    assert log.lines("session_service.access") == []
    log.configure("debug")
    client = await serve(v3.dsn)
    await client.get("/healthz/ready")
    assert [line["level"] for line in log.lines("session_service.access")] == ["debug"]


async def test_changes_leave_a_line_in_the_audit_log_at_any_level(v3, serve, log):
    log.configure("error")
    client = await serve(v3.dsn, AGNO_LOG_KEY="a key", AGNO_TRUSTED_PROXIES="127.0.0.1")
    from_proxy = {"X-Forwarded-For": "192.0.2.7", "X-Request-ID": "mine"}
    await client.post("/sessions", json={"session_id": "canary-a"}, headers=from_proxy)
    await client.post("/sessions/canary-a/rename", json={"session_name": "canary"})
    await client.patch("/sessions/canary-a", json={"metadata": {"canary": 1}})
    await client.delete("/sessions/canary-a")
    await client.delete("/sessions", json={"session_ids": ["canary-a", "b"], "session_types": ["agent", "agent"]})
    await client.get("/sessions/canary-a")
    lines = log.lines("session_service.audit")
    assert [(line["event"], line["status"], line["session_count"]) for line in lines] == [
        ("create", 201, 1),
        ("rename", 200, 1),
        ("patch", 200, 1),
        ("delete", 204, 1),
        ("delete", 204, 2),
    ]
    # who knows an id and the key finds what was done to it
    name = hmac.new(b"a key", b"canary-a", hashlib.sha256).hexdigest()[:16]
    assert all(line["sessions"][0] == name for line in lines)
    assert (lines[0]["client"], lines[0]["id"]) == ("192.0.2.7", "mine")
    assert "canary" not in log.text


async def test_a_refused_change_is_audited_too(v3, serve, log):
    client = await serve(v3.dsn, OS_SECURITY_KEY="key")
    await client.delete("/sessions/a")
    [line] = log.lines("session_service.audit")
    assert (line["event"], line["status"]) == ("delete", 401)


@pytest.mark.parametrize("id", ["abc", "A.b_c-d:e/f+g=h@i", "x" * 128])
async def test_a_request_keeps_the_id_it_came_with(v3, serve, log, id):
    client = await serve(v3.dsn)
    answer = await client.get("/sessions", headers={"X-Request-ID": id})
    assert answer.headers["X-Request-ID"] == id
    assert log.lines("session_service.access")[0]["id"] == id


@pytest.mark.parametrize("id", [None, "", "x" * 129, "a b", 'a"b', "é"])
async def test_a_request_without_a_usable_id_is_given_one(v3, serve, log, id):
    client = await serve(v3.dsn)
    answer = await client.get("/sessions", headers={} if id is None else {"X-Request-ID": id})
    assert HEX_16.fullmatch(answer.headers["X-Request-ID"])
    assert log.lines("session_service.access")[0]["id"] == answer.headers["X-Request-ID"]


async def test_every_answer_has_an_id_and_its_times(v3, serve):
    client = await serve(v3.dsn)
    preflight = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
    for method, path, headers in [
        ("GET", "/sessions", {}),
        ("GET", "/nowhere", {}),
        ("GET", "/healthz", {}),
        ("OPTIONS", "/sessions", preflight),
    ]:
        answer = await client.request(method, path, headers=headers)
        assert HEX_16.fullmatch(answer.headers["X-Request-ID"])
        assert re.fullmatch(
            r"auth;dur=[\d.]+, pool;dur=[\d.]+, db;dur=[\d.]+, total;dur=[\d.]+", answer.headers["Server-Timing"]
        )


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", TRACE),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None),
        ("canary", None),
    ],
)
async def test_the_line_names_the_trace_that_the_request_belongs_to(v3, serve, log, traceparent, trace_id):
    client = await serve(v3.dsn)
    await client.get("/sessions", headers={"traceparent": traceparent})
    assert log.lines("session_service.access")[0].get("trace_id") == trace_id
