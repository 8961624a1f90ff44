"""The service's memory depends on a page and a piece of each answer, never on how much its sessions hold."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest

from .agno import Agno
from .process import serving

LIMIT = 120 * 2**20
# while ten long answers are given
GROWTH = 28 * 2**20
# while ten are that have to read a value as a whole
WHOLE_GROWTH = 85 * 2**20

# 100 sessions without a name, 200 runs each, 50 kB a run; compressed once and copied as it is, it takes a second
SEED = """
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, created_at)
    SELECT 's' || s, 'agent', 'x', s FROM generate_series(1, 100) s;
CREATE TABLE one_run AS SELECT jsonb_build_object('run_id', 'r', 'agent_id', 'x', 'content', repeat('0123456789', 5000),
    'messages', jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'a question'))) AS data;
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, run_index, run_data, created_at)
    SELECT 's' || s || '-' || r, 's' || s, 'agent', 'x', r, data, s
    FROM generate_series(1, 100) s, generate_series(1, 200) r, one_run"""


@pytest.fixture(scope="module")
def heavy(postgres):
    agno = Agno(postgres, postgres.new_database("v3"))
    agno.run(SEED)
    return agno


async def fetched(client, path, method="GET", statuses=(200,), **words):
    """Read an answer to its end without keeping it; gives its size, 0 for a refusal."""
    size = 0
    async with client.request(method, path, **words) as answer:
        assert answer.status in statuses
        if answer.status != 200:
            return 0
        async for piece in answer.content.iter_any():
            size += len(piece)
    return size


async def test_listing_sessions_with_a_gigabyte_of_runs_stays_small(heavy):
    async with serving(AGNO_PG_DSN=heavy.dsn) as service, aiohttp.ClientSession(service.url) as client:
        async with client.get("/sessions?limit=100") as answer:
            rows = (await answer.json())["data"]
        assert [row["session_name"] for row in rows] == ["a question"] * 100
        await asyncio.gather(*(fetched(client, "/sessions?limit=100") for _ in range(8)))
        assert service.most_memory < LIMIT


async def test_a_history_of_ten_megabytes_stays_small(heavy):
    async with serving(AGNO_PG_DSN=heavy.dsn) as service, aiohttp.ClientSession(service.url) as client:
        assert await fetched(client, "/sessions/s1/runs") > 10_000_000
        assert service.most_memory < LIMIT


# a page and a session of 10 MB, 1,000 runs of 10 kB, a run of 15 MB; what another run was asked, which is read as a
# whole, of 6 MB
LONG = """
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, session_data, created_at)
    SELECT 'page-' || s, 'agent', 'x', jsonb_build_object('session_name', 'a', 'session_state',
        jsonb_build_object('text', repeat('0123456789', 200000))), 100 + s FROM generate_series(1, 5) s;
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, session_data, created_at)
    VALUES ('large', 'agent', 'x', jsonb_build_object('session_state', jsonb_build_object('text',
        repeat('0123456789', 1000000))), 3),
    ('history', 'agent', 'x', '{}', 2), ('huge', 'agent', 'x', '{}', 1), ('asked', 'agent', 'x', '{}', 1);
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, run_index, run_data, created_at)
    SELECT 'r' || r, 'history', 'agent', 'x', r, jsonb_build_object('run_id', 'r' || r, 'agent_id', 'x', 'messages',
        jsonb_build_array(jsonb_build_object('role', 'user', 'content', repeat('0123456789', 1000)))), 2
    FROM generate_series(1, 1000) r;
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, run_index, run_data, created_at)
    VALUES ('huge', 'huge', 'agent', 'x', 0, jsonb_build_object('run_id', 'huge', 'agent_id', 'x', 'content',
        repeat('0123456789', 1500000)), 1), ('asked', 'asked', 'agent', 'x', 0, jsonb_build_object('run_id', 'asked',
        'agent_id', 'x', 'input', jsonb_build_object('input_content', jsonb_build_object('text',
        repeat('0123456789', 600000)))), 1)"""


@pytest.fixture(scope="module")
def long(postgres):
    agno = Agno(postgres, postgres.new_database("v3"))
    agno.run(LONG)
    return agno


CASES = {
    "page": ("GET", "/sessions?limit=5", 10_000_000),
    "detail": ("GET", "/sessions/history", 10_000_000),
    "state": ("GET", "/sessions/large", 10_000_000),
    "runs": ("GET", "/sessions/huge/runs", 15_000_000),
    "preview": ("GET", "/sessions/huge/run-previews", 300),
    "patch": ("PATCH", "/sessions/history", 10_000_000),
    "rename": ("POST", "/sessions/large/rename", 10_000_000),
}


@asynccontextmanager
async def asked(dsn, number, *arguments, **words):
    """The sizes of what so many clients are answered who ask for the same at a time, and by how much memory grew."""

    def headers(number):
        return {"X-Forwarded-For": f"10.0.0.{number}", "Accept-Encoding": "identity"}

    async with (
        serving(AGNO_PG_DSN=dsn, AGNO_TRUSTED_PROXIES="127.0.0.1") as service,
        aiohttp.ClientSession(service.url) as client,
    ):
        answers = (fetched(client, *arguments, headers=headers(each), **words) for each in range(number))
        before = service.most_memory
        sizes = await asyncio.gather(*answers)
        yield sizes, service.most_memory - before


@pytest.mark.parametrize(("method", "path", "size"), CASES.values(), ids=CASES)
async def test_ten_long_answers_at_a_time_stay_small(long, method, path, size):
    body = {} if method == "GET" else {"json": {"session_name": "a"}}
    async with asked(long.dsn, 10, path, method, **body) as (sizes, growth):
        assert min(sizes) >= size
        assert growth < GROWTH


async def test_values_that_are_read_as_a_whole_share_what_answers_may_hold(long):
    async with asked(long.dsn, 10, "/sessions/asked/runs", statuses=(200, 503)) as (sizes, growth):
        assert max(sizes) > 6_000_000
        assert growth < WHOLE_GROWTH
