"""Deadlines end what takes too long, and nothing else."""

import asyncio

import pytest

from session_service.http.deadline import Deadline, Expired


async def test_what_takes_too_long_is_cancelled_and_said_to_be_late():
    ended = []

    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    with pytest.raises(Expired):
        await Deadline(0.01).keep(slow())
    assert ended
    assert asyncio.current_task().cancelling() == 0


async def test_each_has_its_own_time():
    deadline = Deadline(2)
    early = asyncio.create_task(deadline.keep(asyncio.sleep(60)))
    await asyncio.sleep(1)  # more than a busy machine is late
    late = asyncio.create_task(deadline.keep(asyncio.sleep(60)))
    in_time = asyncio.create_task(deadline.keep(asyncio.sleep(0, "in time")))
    with pytest.raises(Expired):
        await early
    assert not late.done()
    with pytest.raises(Expired):
        await late
    assert await in_time == "in time"


async def test_who_is_cancelled_by_others_is_not_late():
    deadline = Deadline(60)
    task = asyncio.create_task(deadline.keep(asyncio.sleep(60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_client_that_leaves_at_the_deadline_stays_cancelled():
    deadline = Deadline(0.01)

    async def leaving():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            asyncio.current_task().cancel()
            raise

    task = asyncio.create_task(deadline.keep(leaving()))
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("error", [TimeoutError, ValueError])
async def test_an_error_of_the_work_is_its_own(error):
    async def failing():
        raise error

    with pytest.raises(error):
        await Deadline(60).keep(failing())


async def test_an_answer_made_while_it_was_cancelled_is_given_and_nothing_lingers():
    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "made"

    assert await Deadline(0.01).keep(stubborn()) == "made"
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


async def test_without_a_deadline_any_time_is_given():
    assert await Deadline(None).keep(asyncio.sleep(0.01, "made")) == "made"
