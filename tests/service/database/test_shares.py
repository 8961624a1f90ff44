"""Places for streams: half of a pool, of one caller a fifth, in order, and none lost whenever somebody gives up."""

import asyncio
from itertools import chain

import pytest

from session_service.database.errors import Unavailable
from session_service.database.shares import Shares


def shares(size=10, max_waiting=1000, patience=20):
    return Shares(size, max_waiting, patience)


async def entered(shares, *callers):
    """Those of these who are let in at once, and the others, who wait."""
    waiting = {}
    for number, caller in enumerate(callers):
        waiting[number] = asyncio.create_task(shares.enter(caller))
        await asyncio.sleep(0)
    admitted = [number for number, task in waiting.items() if task.done()]
    return [callers[number] for number in admitted], [task for n, task in waiting.items() if n not in admitted]


async def gave_up(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("size", "all_together", "of_one"), [(1, 1, 1), (2, 1, 1), (5, 2, 1), (10, 5, 2), (50, 25, 10)]
)
async def test_half_of_a_pool_and_a_fifth_for_one_caller(size, all_together, of_one):
    others, waiting = await entered(shares(size), *range(size))
    assert len(others) == all_together
    await gave_up(waiting)
    own, waiting = await entered(shares(size), *["one"] * size)
    assert len(own) == of_one
    await gave_up(waiting)


async def test_who_leaves_makes_room_for_the_first_who_may_have_it():
    places = shares()
    admitted, waiting = await entered(places, "a", "a", "a", "b", "b", "b", "c", "d")
    assert admitted == ["a", "a", "b", "b", "c"]
    third_a, third_b, d = waiting
    places.leave("c")
    await asyncio.sleep(0)
    assert [task.done() for task in (third_a, third_b, d)] == [False, False, True]
    places.leave("b")
    await asyncio.sleep(0)
    assert [task.done() for task in (third_a, third_b)] == [False, True]
    places.leave("b")
    await asyncio.sleep(0)
    assert not third_a.done()
    places.leave("a")
    await third_a
    assert (places.taken, places.waiting) == (4, 0)


@pytest.mark.parametrize("steps", range(6))
async def test_who_gives_up_at_any_moment_costs_no_place(steps):
    places = shares(2)
    await places.enter("a")
    waiting = [asyncio.create_task(places.enter(caller)) for caller in "bcd"]
    for _ in range(steps):
        await asyncio.sleep(0)
    waiting[0].cancel()
    places.leave("a")
    waiting[1].cancel()
    await asyncio.wait(waiting[:2])
    await waiting[2]
    places.leave("d")
    assert (places.taken, places.waiting) == (0, 0)


async def test_who_was_let_in_in_the_moment_of_giving_up_leaves_the_place_to_the_next():
    places = shares(2)
    await places.enter("a")
    _, (first, second) = await entered(places, "b", "c")
    places.leave("a")
    first.cancel()
    await second
    assert first.cancelled()
    assert places.taken == 1


async def test_waiting_ends_after_some_time():
    places = shares(1, patience=0.05)
    await places.enter("a")
    with pytest.raises(Unavailable) as unavailable:
        await places.enter("b")
    assert unavailable.value.reason == "StreamsExhausted"
    assert (places.taken, places.waiting) == (1, 0)


async def test_one_caller_does_not_fill_the_line_of_all_others():
    places = shares(10, max_waiting=20)
    _, waiting = await entered(places, *["a"] * 6, *["b"] * 6, *"cde")
    assert [places.taken, places.waiting] == [5, 10]
    for caller in "abz":
        with pytest.raises(Unavailable) as unavailable:
            await places.enter(caller)
        assert (unavailable.value.reason, unavailable.value.retry_after) == ("PoolQueueFull", 1)
    await gave_up(waiting)
    _, own = await entered(places, *["a"] * 4)
    with pytest.raises(Unavailable):
        await places.enter("a")
    _, other = await entered(places, "z")
    await gave_up(chain(own, other))
