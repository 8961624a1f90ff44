"""Answers hold so many bytes at a time; small ones are always given, and those that tell of a change that was made."""

import asyncio
import contextlib

import pytest

from session_service.app import METRICS
from session_service.database import pool
from session_service.http import budget
from session_service.http.budget import STREAM, Budget, NoRoom
from session_service.observability.exchange import Exchange, current
from tests.service.waiting import until

MIB = 2**20
NAME = "agno_session_http_answer"


@pytest.fixture
def of():
    """What an answer to this user holds; its exchange is the current one."""

    def holding(found, user, method="GET"):
        exchange = Exchange("id", method, user_id=user)
        exchange.holding = found.holding(exchange)
        current.set(exchange)
        return exchange.holding

    yield holding
    current.set(None)


def test_one_caller_holds_a_fifth_and_all_no_more_than_all(of):
    full = Budget(100)
    for user in "abcde":
        of(full, user).take(15)
        with pytest.raises(NoRoom):
            of(full, user).take(6)
        of(full, user).take(5)
    with pytest.raises(NoRoom):
        of(full, "f").take(1)
    assert full.held == 100


def test_what_is_given_back_may_be_held_by_others(of):
    refused = []
    full = Budget(100, lambda: refused.append(1))
    first = of(full, "a")
    first.take(100)
    with pytest.raises(NoRoom):
        of(full, "b").take(1)
    first.end()
    first.end()
    of(full, "b").take(20)
    assert full.held == 20
    assert refused == [1]


def test_an_answer_that_is_alone_is_given_whatever_it_holds(of):
    alone = of(Budget(100), "a")
    alone.take(60)
    alone.take_for_reading(1000)
    with pytest.raises(NoRoom):
        of(alone._budget, "b").take_for_reading(1)


def test_a_caller_who_holds_nothing_else_may_have_what_there_is(of):
    found = Budget(100)
    of(found, "a").take(10)
    one = of(found, "b")
    one.take(50)
    one.take(30)
    with pytest.raises(NoRoom):
        of(found, "b").take(1)
    with pytest.raises(NoRoom):
        one.take(11)


def test_an_answer_to_a_change_that_was_made_is_not_refused_but_for_what_it_reads_as_a_whole(of):
    full = Budget(100)
    of(full, "a").take(100)
    made = of(full, "b", "PATCH")
    with pytest.raises(NoRoom):
        made.require_room()
    current.get().written = True
    made.take(50)
    with pytest.raises(NoRoom):
        made.take_for_reading(1)


async def test_who_waits_is_next_in_order_and_has_a_time(of, monkeypatch):
    full = Budget(100)
    first = of(full, "a")
    first.take(100)
    second, third = of(full, "b"), of(full, "c")
    waiting = [asyncio.ensure_future(each.wait(20)) for each in (second, third)]
    await asyncio.sleep(0)
    assert full.held == 100
    first.leave(70)
    await asyncio.gather(*waiting)
    assert (full.held, second.size, third.size) == (70, 20, 20)
    monkeypatch.setattr(budget, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(NoRoom):
        await of(full, "d").wait(80)
    assert not full._waiters


async def test_who_leaves_while_waiting_waits_no_more(of):
    full = Budget(100)
    of(full, "a").take(100)
    waiting = asyncio.ensure_future(of(full, "b").wait(20))
    await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    assert (full.held, len(full._waiters)) == (100, 0)


STATE = "0123456789" * 60_000


@pytest.fixture
def stored(v3):
    """A history of 50 MB, more than the kernel takes of it; a small session, and one of an answer of 600 kB."""
    v3.session("long")
    v3.run(
        """INSERT INTO ai.agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)
        SELECT 'r' || g, 'long', 'agent', g,
            jsonb_build_object('run_id', 'r' || g, 'agent_id', 'x', 'messages',
                jsonb_build_array(jsonb_build_object('role', 'user', 'content', repeat('text ', 100000)))), 1
        FROM generate_series(1, 100) g"""
    )
    v3.session("small", session_data={"session_name": "before"})
    v3.session("large", session_data={"session_name": "before", "session_state": {"text": STATE}})
    return v3


def by(address):
    """Headers of a caller; compressed, what repeats would be short."""
    return {"X-Forwarded-For": address, "Accept-Encoding": "identity"}


@contextlib.asynccontextmanager
async def unread(client, address="10.0.0.1", path="/sessions/long/runs"):
    """Ask for a long answer, and read nothing of it."""
    asked = asyncio.Event()

    async def ask():
        async with client.get(path, headers=by(address)):
            asked.set()
            await asyncio.sleep(60)

    asking = asyncio.create_task(ask())
    try:
        await asked.wait()
        yield
    finally:
        asking.cancel()
        await asyncio.wait([asking])


def sample(client, name, **labels):
    return client.server.app[METRICS].registry.get_sample_value(name, labels)


async def asked(client, method, path, **words):
    async with client.request(method, path, headers=by("10.0.0.2"), **words) as answer:
        return answer.status, answer.headers.get("Retry-After"), await answer.text()


NO_ROOM = (503, "5", '{"detail":"Answers that are not read yet hold all the memory that answers may"}')


@pytest.fixture
async def serving(stored, serve, monkeypatch):
    """Serves the sessions, so many bytes of answers at a time; who waits for room waits shortly."""
    monkeypatch.setattr(budget, "PATIENCE_SECONDS", 0.3)

    async def start(size):
        return await serve(stored.dsn, AGNO_MAX_ANSWER_BYTES=str(size), AGNO_TRUSTED_PROXIES="127.0.0.1")

    return start


async def test_a_budget_that_is_used_up_refuses_long_answers_and_no_small_ones(serving):
    client = await serving(STREAM)
    assert sample(client, f"{NAME}_bytes") == 0
    assert sample(client, "agno_session_http_max_answer_bytes") == STREAM
    async with unread(client):
        assert sample(client, f"{NAME}_bytes") == STREAM
        for path in ("/sessions/long/runs", "/sessions/long", "/sessions/large", "/sessions?limit=9"):
            assert await asked(client, "GET", path) == NO_ROOM
        for path in ("/sessions/small", "/sessions?limit=1&sort_by=session_id&sort_order=desc", "/sessions/small/runs"):
            status, _, _ = await asked(client, "GET", path)
            assert status == 200
        assert sample(client, f"{NAME}s_refused_total") == 4
    await until(lambda: sample(client, f"{NAME}_bytes") == 0)
    status, _, _ = await asked(client, "GET", "/sessions/large")
    assert status == 200


CHANGES = [
    ("PATCH", "/sessions/small", {"session_name": "after"}),
    ("POST", "/sessions/small/rename", {"session_name": "after"}),
    ("POST", "/sessions", {"session_id": "new"}),
    ("POST", "/sessions", {"session_id": "new", "runs": [{"run_id": "r"}]}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_a_change_without_room_for_its_answer_is_not_made(serving, stored, method, path, body):
    client = await serving(STREAM)
    async with unread(client):
        assert await asked(client, method, path, json=body) == NO_ROOM
        rows = "SELECT session_id, session_data->>'session_name' FROM ai.agno_sessions WHERE session_id <> 'long'"
        assert set(stored.run(rows)) == {("small", "before"), ("large", "before")}
        status, _, _ = await asked(client, "DELETE", "/sessions/small")
        assert status == 204


async def test_a_change_that_was_made_is_answered_whatever_room_there_is(serving):
    client = await serving(STREAM + 1)
    async with unread(client):
        for method, path in (("PATCH", "/sessions/large"), ("POST", "/sessions/large/rename")):
            status, _, text = await asked(client, method, path, json={"session_name": "after"})
            assert (status, len(text) > len(STATE)) == (200, True)
        # a stream of ours, which finds no room to read its answer otherwise
        async with client.patch("/sessions/long", json={"session_name": "after"}, headers=by("10.0.0.3")) as answer:
            assert answer.status == 200


async def test_a_value_that_is_read_as_a_whole_needs_room_for_its_copies(serving, stored):
    stored.run(
        """INSERT INTO ai.agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)
        SELECT 'input', 'small', 'agent', 1, jsonb_build_object('run_id', 'input', 'agent_id', 'x', 'input',
            jsonb_build_object('input_content', jsonb_build_object('text', repeat('text ', 400000)))), 1"""
    )
    client = await serving(2 * STREAM + MIB)
    async with unread(client):
        assert await asked(client, "GET", "/sessions/small/runs/input") == NO_ROOM
    await until(lambda: sample(client, f"{NAME}_bytes") == 0)
    status, _, text = await asked(client, "GET", "/sessions/small/runs/input")
    assert (status, len(text) > 2_000_000) == (200, True)
    assert sample(client, f"{NAME}_bytes") == 0


async def test_a_change_whose_answer_fails_says_that_it_was_made(serving, stored, monkeypatch, log):
    monkeypatch.setattr(pool, "STREAM_SECONDS", 0.3)
    client = await serving(64 * MIB)
    async with contextlib.AsyncExitStack() as stack:
        for number in range(5):  # half of the pool
            await stack.enter_async_context(unread(client, f"10.0.1.{number}"))
        status, retry, text = await asked(client, "PATCH", "/sessions/long", json={"session_name": "after"})
        assert (status, retry) == (503, "5")
        assert "(StreamsExhausted). The change was made: read the session to see it" in text
        names = "SELECT session_data->>'session_name' FROM ai.agno_sessions WHERE session_id = 'long'"
        assert stored.run(names) == [("after",)]
        [line] = log.lines("session_service.audit")
        assert (line["status"], line["made"]) == (503, True)
        status, _, text = await asked(client, "GET", "/sessions/long")
        assert (status, "was made" in text) == (503, False)
