"""Whose stream it is: of the user that a token names, else of the address that it comes from."""

import asyncio
import contextlib
import time

import jwt
import pytest

from session_service.app import LIVE_STORES
from tests.service.waiting import until

KEY = "a key of the tests that is long enough"


@pytest.fixture
def long(v3):
    """A history of 10 MB, more than the kernel takes of it."""
    v3.session("a")
    v3.run(
        """INSERT INTO ai.agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)
        SELECT 'r' || g, 'a', 'agent', g,
            jsonb_build_object('run_id', 'r' || g, 'agent_id', 'x', 'content', repeat('text ', 100000)), 1
        FROM generate_series(1, 100) g"""
    )
    return v3


@contextlib.asynccontextmanager
async def asking(client, *headers):
    """Ask for the history with each of these headers, and read nothing of the answers."""

    async def ask(words):
        async with client.get("/sessions/a/runs", headers=words):
            await asyncio.sleep(60)

    asked = [asyncio.create_task(ask(words)) for words in headers]
    try:
        yield client.server.app[LIVE_STORES].current.stores[0].database.pool.streams
    finally:
        for each in asked:
            each.cancel()
        await asyncio.wait(asked)


def token(user):
    claims = {"sub": user, "scopes": ["agent_os:admin"], "iat": int(time.time()), "exp": int(time.time()) + 60}
    return {"Authorization": f"Bearer {jwt.encode(claims, KEY, 'HS256')}"}


async def test_users_of_one_address_have_a_share_each(long, serve):
    client = await serve(long.dsn, JWT_VERIFICATION_KEY=KEY, AGNO_JWT_ALGORITHM="HS256")
    async with asking(client, *[token("a")] * 4, token("b")) as streams:
        await until(lambda: (streams.taken, streams.waiting) == (3, 2))
        assert streams._taken == {("a", None): 2, ("b", None): 1}
    await until(lambda: streams.taken == 0)


async def test_callers_without_a_token_are_told_by_their_address(long, serve):
    client = await serve(long.dsn, AGNO_TRUSTED_PROXIES="127.0.0.1")
    addresses = [{"X-Forwarded-For": f"10.0.0.{number}"} for number in (1, 1, 1, 2, 3, 4)]
    async with asking(client, *addresses) as streams:
        await until(lambda: (streams.taken, streams.waiting) == (5, 1))
        assert streams._taken == {
            (None, "10.0.0.1"): 2,
            (None, "10.0.0.2"): 1,
            (None, "10.0.0.3"): 1,
            (None, "10.0.0.4"): 1,
        }
    await until(lambda: streams.taken == 0)
