"""Probes: alive without any database, started once each was tried, ready while one serves."""

import json

import pytest

from session_service.app import PROBER


async def probed(client, path):
    answer = await client.get(path)
    return answer.status, await answer.json()


async def settled(client, path, status):
    """The body of a probe once it answers with this status."""
    while True:
        found, body = await probed(client, path)
        if found == status:
            return body


@pytest.fixture
def away(v3, free_port):
    return v3.server.dsn(host="127.0.0.1", port=str(free_port))


@pytest.fixture
def wrong(v3):
    return v3.server.dsn("nowhere", password="canary")


async def test_alive_says_so_whatever_the_databases_do(wrong, serve):
    client = await serve(wrong)
    assert await probed(client, "/healthz") == (200, {"status": "ok"})
    assert (await client.post("/healthz")).status == 405


async def test_alive_and_health_never_ask_a_database(v3, serve):
    client = await serve(v3.dsn)
    await settled(client, "/healthz/ready", 200)
    await client.app[PROBER].end()
    v3.terminate_backends()
    for path in ("/healthz", "/health"):
        assert (await client.get(path)).status == 200
    assert v3.backends() == []


async def test_health_is_that_of_agentos(v3, serve):
    client = await serve(v3.dsn)
    status, body = await probed(client, "/health")
    assert (status, body["status"], list(body)) == (200, "ok", ["status", "instantiated_at"])
    assert body["instantiated_at"].endswith("Z")
    assert await probed(client, "/health") == (status, body)


async def test_started_and_ready_name_each_database_with_its_state_and_layout(v3, new_agno, serve):
    client = await serve({"b": v3.dsn, "a": new_agno("v2").dsn, "c": new_agno("empty").dsn})
    databases = [
        {"id": "b", "state": "serving", "layout": "v3"},
        {"id": "a", "state": "serving", "layout": "v2"},
        {"id": "c", "state": "serving", "layout": "empty"},
    ]
    assert await settled(client, "/healthz/startup", 200) == {"status": "started", "databases": databases}
    assert await probed(client, "/healthz/ready") == (200, {"status": "ready", "databases": databases})


async def test_a_database_that_refuses_us_keeps_a_new_pod_out_and_is_named_where_the_kubelet_looks(
    v3, wrong, serve, tmp_path
):
    log = tmp_path / "termination-log"
    log.touch()
    client = await serve({"main": v3.dsn, "typo": wrong}, AGNO_TERMINATION_LOG=str(log), AGNO_STARTUP_GRACE_SECONDS="0")
    body = {}
    while body.get("status") != "refused":
        status, body = await probed(client, "/healthz/startup")
        assert status == 503
    assert body["databases"][1] == {"id": "typo", "state": "refused", "reason": "NoSuchDatabase"}
    assert json.loads(log.read_text())["databases"][1] == body["databases"][1]
    assert "canary" not in log.read_text()


async def test_what_was_left_behind_is_cleared_once_the_pod_has_started(v3, serve, tmp_path):
    log = tmp_path / "termination-log"
    log.touch()
    v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS false")
    client = await serve(v3.dsn, AGNO_TERMINATION_LOG=str(log))
    while not log.read_text():
        await probed(client, "/healthz/startup")
    v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS true")
    await settled(client, "/healthz/startup", 200)
    assert log.read_text() == ""


async def test_no_termination_log_is_made_where_there_is_none(wrong, serve, tmp_path):
    log = tmp_path / "termination-log"
    client = await serve(wrong, AGNO_TERMINATION_LOG=str(log))
    body = {}
    while body.get("status") != "refused":
        _, body = await probed(client, "/healthz/startup")
    assert not log.exists()


async def test_a_database_out_of_reach_holds_a_start_up_for_the_grace_period_only(v3, away, serve):
    waiting = await serve({"main": v3.dsn, "away": away}, AGNO_STARTUP_GRACE_SECONDS="1000")
    body = {}
    while body.get("databases", [{}])[-1].get("state") != "unreachable":
        status, body = await probed(waiting, "/healthz/startup")
    assert (status, body["status"]) == (503, "starting")
    hurried = await serve({"main": v3.dsn, "away": away}, AGNO_STARTUP_GRACE_SECONDS="0")
    body = await settled(hurried, "/healthz/startup", 200)
    assert body["databases"][1] == {"id": "away", "state": "unreachable", "reason": "NotListening"}
    assert (await probed(hurried, "/healthz/ready"))[0] == 200


async def test_a_start_stands_also_when_a_database_refuses_later(v3, serve):
    client = await serve(v3.dsn)
    await settled(client, "/healthz/startup", 200)
    v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS false")
    v3.terminate_backends()
    assert (await client.get("/sessions")).status == 503
    assert (await probed(client, "/healthz/startup"))[0] == 200
    status, body = await probed(client, "/healthz/ready")
    assert (status, body["status"]) == (503, "unavailable")
    assert body["databases"] == [{"id": "main", "state": "refused", "reason": "AccessDenied", "layout": "v3"}]


async def test_while_draining_requests_are_served_and_new_ones_are_sent_elsewhere(v3, serve):
    client = await serve(v3.dsn)
    await settled(client, "/healthz/ready", 200)
    client.app[PROBER].draining = True
    status, body = await probed(client, "/healthz/ready")
    assert (status, body["status"]) == (503, "draining")
    assert (await client.get("/sessions")).status == 200
    assert (await client.get("/healthz")).status == 200


async def test_an_id_in_several_databases_is_as_well_as_the_worst_of_them(v3, wrong, serve):
    client = await serve({"main": [v3.dsn, {"dsn": wrong, "sessionTable": "old"}]})
    body = {}
    while body.get("status") != "refused":
        _, body = await probed(client, "/healthz/startup")
    assert body["databases"] == [{"id": "main", "state": "refused", "reason": "NoSuchDatabase"}]
