"""One server process from its start to a clean end, with PostgreSQL of its own where that is asked for."""

import asyncio
import json
import signal

import aiohttp
import psutil
import pytest

from .process import run, serving
from .waiting import until


async def test_sigterm_fails_no_request_before_the_listener_closes(v3):
    v3.session("a")
    # a second signal ends the draining, so the time is only a limit
    async with (
        serving(AGNO_PG_DSN=v3.dsn, AGNO_DRAIN_SECONDS="50") as service,
        aiohttp.ClientSession(service.url) as client,
    ):
        await ready(client, 200)
        leaving, answered = asyncio.Event(), 0

        async def keep_asking():
            nonlocal answered
            while not leaving.is_set():
                # a new connection each time, as through a load balancer that has not heard yet
                async with client.get("/sessions/a", headers={"Connection": "close"}) as answer:
                    assert answer.status == 200
                answered += 1

        asking = [asyncio.create_task(keep_asking()) for _ in range(4)]
        await until(lambda: answered > 20)
        service.process.send_signal(signal.SIGTERM)
        assert (await ready(client, 503))["status"] == "draining"
        before = answered
        await until(lambda: answered > before + 20)
        leaving.set()
        await asyncio.gather(*asking)
        service.process.send_signal(signal.SIGTERM)
        assert await service.end() == 0
    assert not v3.backends()


async def ready(client, status):
    """The body of the readiness probe once it answers with this status."""
    while True:
        async with client.get("/healthz/ready") as answer:
            if answer.status == status:
                return await answer.json()
        await asyncio.sleep(0.01)


def asleep(agno):
    """Whether a statement sleeps: a request's, and not the prober's."""
    [(sleeping,)] = agno.server.run(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'", agno.name
    )
    return sleeping


async def test_a_request_under_way_is_finished_before_the_process_ends(v3):
    v3.run("ALTER TABLE ai.agno_sessions RENAME TO slow")
    v3.run("CREATE VIEW ai.agno_sessions AS SELECT s.* FROM ai.slow s, pg_sleep(2)")
    v3.session("a", table="ai.slow")
    async with (
        serving(AGNO_PG_DSN=v3.dsn, AGNO_DRAIN_SECONDS="0") as service,
        aiohttp.ClientSession(service.url) as client,
    ):
        asking = asyncio.create_task(client.get("/sessions"))
        await until(lambda: asleep(v3))
        service.process.send_signal(signal.SIGTERM)
        async with await asking as answer:
            assert (answer.status, (await answer.json())["meta"]["total_count"]) == (200, 1)
        assert await service.end() == 0


async def test_clients_that_keep_their_connection_are_told_to_close_it_while_draining(v3):
    async with (
        serving(AGNO_PG_DSN=v3.dsn, AGNO_DRAIN_SECONDS="50") as service,
        aiohttp.ClientSession(service.url) as client,
    ):
        await ready(client, 200)
        async with client.get("/sessions") as answer:
            assert "Connection" not in answer.headers
        service.process.send_signal(signal.SIGTERM)
        await ready(client, 503)
        async with client.get("/sessions") as answer:
            assert (answer.status, answer.headers["Connection"]) == (200, "close")
        service.process.send_signal(signal.SIGTERM)
        assert await service.end() == 0


async def test_a_request_that_does_not_end_is_cancelled_once_the_time_for_it_is_over(v3):
    v3.run("ALTER TABLE ai.agno_sessions RENAME TO slow")
    v3.run("CREATE VIEW ai.agno_sessions AS SELECT s.* FROM ai.slow s, pg_sleep(1000)")
    v3.session("a", table="ai.slow")
    async with (
        serving(AGNO_PG_DSN=v3.dsn, AGNO_DRAIN_SECONDS="0", AGNO_SHUTDOWN_SECONDS="12") as service,
        aiohttp.ClientSession(service.url) as client,
    ):
        asking = asyncio.create_task(client.get("/sessions"))
        await until(lambda: asleep(v3))
        service.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):  # aiohttp alone would wait twice as long as it is told
            assert await service.end() == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await asking
    assert not v3.backends()


def postgres_of(directory):
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(directory) in (process.info["cmdline"] or []) and process.status() != psutil.STATUS_ZOMBIE
    ]


async def test_ctrl_c_also_stops_the_embedded_postgresql_whose_data_stay(tmp_path):
    directory = tmp_path / "postgres"
    arguments = ("--embedded", "--demo", "--data", str(tmp_path))
    async with serving(*arguments) as service, aiohttp.ClientSession(service.url) as client:
        assert postgres_of(directory)
        body = {"session_name": "Kept"}
        async with client.post("/sessions/demo-trip/rename", json=body) as answer:
            assert answer.status == 200
        service.process.send_signal(signal.SIGINT)
        assert await service.end() == 0
    assert not postgres_of(directory)
    async with serving(*arguments) as service, aiohttp.ClientSession(service.url) as client:
        async with client.get("/sessions/demo-trip") as answer:
            assert (await answer.json())["session_name"] == "Kept"
        async with client.get("/sessions") as answer:
            assert (await answer.json())["meta"]["total_count"] == 4


async def test_a_port_that_is_taken_is_told_in_one_line(v3):
    async with serving(AGNO_PG_DSN=v3.dsn) as service:
        port = service.url.rpartition(":")[2]
        second = await run("serve", AGNO_PG_DSN=v3.dsn, AGNO_SERVICE_PORT=port)
    [line] = [line for line in second.errors.splitlines() if line.startswith("session-service:")]
    assert (second.code, "Traceback" in second.errors) == (2, False)
    assert port in line


async def test_sighup_reads_the_map_anew_and_the_process_goes_on(v3, new_agno, tmp_path):
    other = new_agno("v3")
    v3.session("a"), other.session("b")
    file = tmp_path / "map.json"
    file.write_text(json.dumps({"main": v3.dsn}))
    async with (
        serving(AGNO_SESSION_DSN_MAP_FILE=str(file)) as service,
        aiohttp.ClientSession(service.url) as client,
    ):
        assert await listed(client) == ["a"]
        file.write_text(json.dumps({"main": other.dsn}))
        service.process.send_signal(signal.SIGHUP)
        while await listed(client) != ["b"]:
            pass
        await until(lambda: not v3.backends())


async def test_sighup_without_a_file_is_harmless(v3):
    async with serving(AGNO_PG_DSN=v3.dsn) as service, aiohttp.ClientSession(service.url) as client:
        service.process.send_signal(signal.SIGHUP)
        assert await listed(client) == []


async def listed(client):
    async with client.get("/sessions") as answer:
        assert answer.status == 200
        return [row["session_id"] for row in (await answer.json())["data"]]
