"""The work queue: each key once at a time, failures later, events at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from session_operator.queue import WorkQueue


@asynccontextmanager
async def working(
    queue: WorkQueue[str], handle: Callable[[str], Awaitable[float | None]], workers: int = 1
) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(queue.work(handle)) for _ in range(workers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settled(queue: WorkQueue[str]) -> None:
    while not queue.idle():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def test_a_key_added_many_times_is_worked_on_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    seen: list[str] = []

    async def handle(key: str) -> None:
        seen.append(key)

    for _ in range(100):
        queue.add("chat")
    queue.add("team")
    async with working(queue, handle):
        await settled(queue)

    assert seen == ["chat", "team"]


async def test_a_key_added_while_it_is_worked_on_is_worked_on_once_more() -> None:
    queue: WorkQueue[str] = WorkQueue()
    seen: list[str] = []

    async def handle(key: str) -> None:
        seen.append(key)
        if len(seen) == 1:
            queue.add(key)
            queue.add(key)

    queue.add("chat")
    async with working(queue, handle):
        await settled(queue)

    assert seen == ["chat", "chat"]


async def test_no_two_workers_work_on_the_same_key() -> None:
    queue: WorkQueue[str] = WorkQueue()
    at_work: list[str] = []
    most = {"chat": 0, "team": 0}

    async def handle(key: str) -> None:
        at_work.append(key)
        most[key] = max(most[key], at_work.count(key))
        await asyncio.sleep(0.001)
        at_work.remove(key)

    async with working(queue, handle, workers=8):
        for _ in range(50):
            queue.add("chat")
            queue.add("team")
            await asyncio.sleep(0.0005)
        await settled(queue)

    assert most == {"chat": 1, "team": 1}


async def test_a_failing_key_comes_back_and_the_others_do_not_wait_for_it() -> None:
    queue: WorkQueue[str] = WorkQueue(first_delay=0.01)
    seen: list[str] = []
    healed = asyncio.Event()

    async def handle(key: str) -> None:
        seen.append(key)
        if key == "broken" and seen.count(key) < 4:
            raise RuntimeError("not yet")
        if key == "broken":
            healed.set()

    queue.add("broken")
    queue.add("chat")
    async with working(queue, handle):
        await healed.wait()

    assert seen == ["broken", "chat", "broken", "broken", "broken"]


async def test_a_new_event_does_not_wait_for_the_delay_of_a_failure() -> None:
    queue: WorkQueue[str] = WorkQueue(first_delay=3600)
    seen: list[str] = []

    async def handle(key: str) -> None:
        seen.append(key)
        if len(seen) == 1:
            raise RuntimeError("no Secret")

    queue.add("chat")
    async with working(queue, handle):
        await settled(queue)
        queue.add("chat")
        await settled(queue)

    assert seen == ["chat", "chat"]


async def test_a_key_comes_back_when_its_handler_asked_for_it() -> None:
    queue: WorkQueue[str] = WorkQueue()
    seen: list[str] = []
    twice = asyncio.Event()

    async def handle(key: str) -> float | None:
        seen.append(key)
        if len(seen) == 2:
            twice.set()
            return None
        return 0.001

    queue.add("chat")
    async with working(queue, handle):
        await twice.wait()
        await settled(queue)

    assert seen == ["chat", "chat"]


async def test_a_queue_is_stalled_only_while_there_is_work_that_does_not_get_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    let_go = asyncio.Event()

    async def handle(key: str) -> None:
        await let_go.wait()

    await asyncio.sleep(0.01)
    assert queue.stalled_for() == 0
    added = time.monotonic()
    queue.add("chat")
    assert queue.stalled_for() <= time.monotonic() - added
    async with working(queue, handle):
        await asyncio.sleep(0.02)
        queue.add("team")
        assert queue.stalled_for() >= 0.02
        let_go.set()
        await settled(queue)

    assert queue.stalled_for() == 0


async def test_a_queue_tells_how_much_waits_and_since_when() -> None:
    queue: WorkQueue[str] = WorkQueue()
    let_go = asyncio.Event()

    async def handle(key: str) -> None:
        await let_go.wait()

    assert (queue.depth(), queue.oldest()) == (0, 0)
    queue.add("chat")
    queue.add("team")
    assert queue.depth() == 2
    async with working(queue, handle):
        await asyncio.sleep(0.02)
        assert queue.depth() == 1
        assert queue.oldest() >= 0.02
        let_go.set()
        await settled(queue)

    assert (queue.depth(), queue.oldest()) == (0, 0)


async def test_a_queue_is_stalled_by_one_key_that_is_never_done_though_others_are() -> None:
    queue: WorkQueue[str] = WorkQueue()

    async def handle(key: str) -> None:
        if key == "stuck":
            await asyncio.Event().wait()

    queue.add("stuck")
    async with working(queue, handle, workers=2):
        await asyncio.sleep(0.03)
        queue.add("chat")
        await asyncio.sleep(0.01)
        assert queue.stalled_for() >= 0.03


async def test_owners_take_turns_however_many_keys_one_has() -> None:
    queue: WorkQueue[str] = WorkQueue(lambda key: key[0])
    seen: list[str] = []

    async def handle(key: str) -> None:
        seen.append(key)
        if key == "b1":
            queue.add("b2")

    for key in ("a1", "a2", "a3", "a4", "b1", "c1", "c2"):
        queue.add(key)
    async with working(queue, handle):
        await settled(queue)

    assert seen == ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "a4"]


async def test_work_that_does_not_end_is_given_up_and_tried_again_later() -> None:
    queue: WorkQueue[str] = WorkQueue(first_delay=0.01, longest_work=0.05)
    seen: list[str] = []
    again = asyncio.Event()

    async def handle(key: str) -> None:
        seen.append(key)
        if seen.count("endless") == 2:
            again.set()
        elif key == "endless":
            await asyncio.Event().wait()

    queue.add("endless")
    queue.add("chat")
    async with working(queue, handle), asyncio.timeout(20):
        await again.wait()

    assert seen == ["endless", "chat", "endless"]
