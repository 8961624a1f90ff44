"""The number of all sessions that match is exact on every page, also where it is not counted again."""

import psycopg2
import pytest

from session_service.store.listing import SessionQuery
from tests.service.store.rows import as_stored, of


async def total(store, user_id=None, **query):
    return (await of(user_id, store).page(SessionQuery(**query), as_stored)).total


async def test_a_count_follows_what_others_write(v3, open_store):
    store = open_store(v3)
    for number in range(5):
        assert [await total(store), await total(store)] == [number, number]
        v3.session(f"s{number}", user_id="ann" if number % 2 else "bob")
        assert await total(store, user_id="ann") == (number + 1) // 2
    v3.run("DELETE FROM ai.agno_sessions WHERE user_id = 'ann'")
    assert [await total(store), await total(store, user_id="ann")] == [3, 0]
    v3.run("TRUNCATE ai.agno_sessions CASCADE")
    assert await total(store) == 0


async def test_a_transaction_that_is_under_way_counts_once_it_ends(v3, open_store):
    store = open_store(v3)
    other = psycopg2.connect(v3.dsn)
    try:
        other.cursor().execute(
            "INSERT INTO ai.agno_sessions (session_id, session_type, created_at) VALUES ('a', 'agent', 1)"
        )
        # another one that begins later and ends earlier
        v3.session("b")
        assert [await total(store), await total(store)] == [1, 1]
        other.commit()
        assert [await total(store), await total(store)] == [2, 2]
    finally:
        other.close()


async def test_a_count_is_not_repeated_while_nothing_changes(v3, open_store):
    store = open_store(v3)
    v3.session("a")
    assert await total(store) == 1
    [remembered] = store.totals._known.values()
    # were it counted again, it would be right again
    store.totals._known[next(iter(store.totals._known))] = type(remembered)(remembered.snapshot, 99, remembered.age)
    assert await total(store) == 99
    v3.session("b")
    assert await total(store) == 2


@pytest.mark.parametrize("change", ["opened", "direct"])
async def test_a_count_of_another_life_of_the_server_is_not_used(v3, open_store, change):
    store = open_store(v3)
    assert await total(store) == 0
    key = next(iter(store.totals._known))
    known = store.totals._known[key]
    store.totals._known[key] = type(known)(known.snapshot, 99, known.age)
    if change == "opened":
        store.database.pool.opened += 1
    else:
        store.database.pool.direct = False
    assert await total(store) == 0
