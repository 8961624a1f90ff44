"""The service's memory depends on a page and a piece of a history, never on how much its sessions hold."""

import asyncio

import aiohttp
import pytest

from .agno import Agno
from .process import serving

LIMIT = 120 * 2**20

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


async def fetched(client, path):
    """Read an answer to its end without keeping it; gives its size."""
    size = 0
    async with client.get(path) as answer:
        assert answer.status == 200
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
