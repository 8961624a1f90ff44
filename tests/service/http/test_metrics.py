"""Metrics: what they count, that they exist from the start, and that their page knows them all."""

import asyncio
import re
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from session_service.app import METRICS
from tests.service.process import run, serving
from tests.service.waiting import until

PAGE = (Path(__file__).parents[3] / "docs/reference/metrics.md").read_text()


def sample(client, name, **labels):
    return client.server.app[METRICS].registry.get_sample_value(f"agno_session_{name}", labels)


async def test_a_request_is_counted_by_its_route_never_by_its_path(v3, serve):
    client = await serve(v3.dsn)
    v3.session("a")
    for id in ("a", "b", "c"):
        await client.get(f"/sessions/{id}")
    await client.get("/nowhere/at/all")
    route = {"method": "GET", "route": "/sessions/{session_id}"}
    assert sample(client, "http_requests_total", **route, code="200") == 1
    assert sample(client, "http_requests_total", **route, code="404") == 2
    assert sample(client, "http_requests_total", method="GET", route="unmatched", code="404") == 1
    assert sample(client, "http_request_duration_seconds_count", **route) == 3
    assert sample(client, "http_response_bytes_total", **route) > 100
    assert sample(client, "http_requests_in_flight") == 0


async def test_what_may_be_counted_is_there_from_the_start(v3, serve):
    client = await serve(v3.dsn)
    for method, route, code in [
        ("GET", "/sessions", "200"),
        ("GET", "/sessions/{session_id}/runs", "503"),
        ("POST", "/sessions", "201"),
        ("DELETE", "/sessions", "204"),
        ("PATCH", "/sessions/{session_id}", "500"),
    ]:
        assert sample(client, "http_requests_total", method=method, route=route, code=code) == 0
    assert sample(client, "requests_refused_total", reason="unauthenticated") == 0
    assert sample(client, "dsn_map_reloads_total", result="refused") == 0


async def test_refusals_are_counted_by_reason_and_by_the_route_that_was_meant(v3, serve):
    client = await serve(v3.dsn, OS_SECURITY_KEY="key")
    await client.get("/sessions")
    assert sample(client, "requests_refused_total", reason="unauthenticated") == 1
    assert sample(client, "http_requests_total", method="GET", route="/sessions", code="401") == 1


async def test_a_client_that_leaves_is_counted_as_499(v3, serve):
    client = await serve(v3.dsn)
    await client.get("/sessions")
    v3.run("ALTER TABLE ai.agno_sessions RENAME TO slow")
    v3.run("CREATE VIEW ai.agno_sessions AS SELECT s.* FROM ai.slow s, pg_sleep(60)")
    v3.session("a", table="ai.slow")
    asking = asyncio.create_task(client.get("/sessions"))
    await until(lambda: sample(client, "http_requests_in_flight") == 1)
    assert sample(client, "pool_connections", database="main", state="lent") == 1
    asking.cancel()
    await until(lambda: sample(client, "http_requests_total", method="GET", route="/sessions", code="499") == 1)
    assert sample(client, "http_requests_in_flight") == 0


async def test_databases_are_seen_by_state_pool_layout_and_errors(v3, serve, free_port):
    away = v3.server.dsn(host="127.0.0.1", port=str(free_port))
    client = await serve({"main": {"dsn": v3.dsn, "pool": {"maxSize": 7}}, "away": away})
    await client.get("/sessions")
    await client.get("/sessions?db_id=away")
    for database, state in (("main", "serving"), ("away", "unreachable")):
        states = [
            sample(client, "database_state", database=database, state=name)
            for name in ("untried", "serving", "refused", "unreachable")
        ]
        assert sum(states) == 1
        assert sample(client, "database_state", database=database, state=state) == 1
    assert sample(client, "database_layout", database="main", layout="v3") == 1
    assert sample(client, "database_errors_total", database="away", reason="NotListening") >= 1
    assert sample(client, "pool_max_connections", database="main") == 7
    assert sample(client, "pool_connections", database="main", state="idle") >= 1
    assert sample(client, "pool_connections", database="away", state="opening") in {0, 1}
    assert sample(client, "pool_waiting", database="main") == 0
    assert sample(client, "database_query_duration_seconds_count", database="main") >= 2
    assert 0 < sample(client, "database_query_duration_seconds_sum", database="main") < 60


async def test_a_replica_is_seen_by_state_and_its_connections_are_counted(v3, serve):
    client = await serve({"main": {"dsn": v3.dsn, "readOnlyDsn": v3.dsn, "pool": {"maxSize": 7}}, "other": v3.dsn})
    await until(lambda: sample(client, "replica_state", database="main", state="serving") == 1)
    assert sample(client, "replica_state", database="main", state="lagging") == 0
    assert sample(client, "replica_state", database="other", state="untried") is None
    assert sample(client, "pool_max_connections", database="main") == 14


async def test_every_metric_is_on_the_page_with_its_labels_and_no_other(v3, serve, free_port):
    main = {"dsn": v3.dsn, "readOnlyDsn": v3.dsn}
    away = v3.server.dsn(host="127.0.0.1", port=str(free_port))
    client = await serve({"main": main, "away": away}, AGNO_JWT_JWKS_URL=f"http://127.0.0.1:{free_port}/")
    await until(lambda: sample(client, "database_errors_total", database="away", reason="NotListening"))
    await until(lambda: sample(client, "database_layout", database="main", layout="v3"))
    await client.get("/sessions")
    found = {}
    for family in client.server.app[METRICS].registry.collect():
        labels = {label for each in family.samples for label in each.labels} - {"le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith("agno_session_"):
            found[name] = (family.type, labels)
    section = PAGE.partition("## Service\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(agno_session_\w+)` \| (\w+) \|(.*?) \|", section, re.MULTILINE)
    assert {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows} == found
    assert len(rows) == len(found)


async def test_the_admin_listener_serves_them_apart_from_the_api(v3):
    async with serving(AGNO_PG_DSN=v3.dsn, AGNO_ADMIN_PORT="0") as service, aiohttp.ClientSession() as client:
        url = await service.admin_url()
        async with client.get(f"{service.url}/sessions") as answer:
            assert answer.status == 200
        async with client.get(f"{service.url}/metrics") as answer:
            assert answer.status == 404
        async with client.get(f"{url}/healthz") as answer:
            assert await answer.json() == {"status": "ok"}
        async with client.get(f"{url}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            families = {family.name for family in text_string_to_metric_families(await answer.text())}
        assert {"agno_session_http_requests", "agno_session_build_info", "process_resident_memory_bytes"} <= families
        openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
        async with client.get(f"{url}/metrics", headers=openmetrics) as answer:
            assert (await answer.text()).endswith("# EOF\n")
        for odd in ("x", "1.x", "9" * 5000):
            accept = {"Accept": f"application/openmetrics-text; version={odd}"}
            async with client.get(f"{url}/metrics", headers=accept) as answer:
                assert answer.status == 200


async def test_an_admin_port_that_is_taken_is_told_in_one_line_that_names_the_variable(v3):
    async with serving(AGNO_PG_DSN=v3.dsn, AGNO_ADMIN_PORT="0") as service:
        port = (await service.admin_url()).rpartition(":")[2]
        second = await run("serve", AGNO_PG_DSN=v3.dsn, AGNO_SERVICE_PORT="0", AGNO_ADMIN_PORT=port)
    [line] = [line for line in second.errors.splitlines() if line.startswith("session-service:")]
    assert line == (
        f"session-service: port {port} of 127.0.0.1 is taken: set AGNO_ADMIN_PORT to a free port, or to off"
    )
    assert second.code == 2
