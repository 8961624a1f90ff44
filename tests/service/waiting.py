"""Waits for a condition instead of a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], object], seconds: float = 50) -> None:
    """Return when the condition holds; fail if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.02)


async def until_true(asked: Callable[[], Awaitable[object]], seconds: float = 50) -> None:
    """Return when what is asked for is true; fail if it is not within `seconds`."""
    async with asyncio.timeout(seconds):
        while not await asked():  # noqa: ASYNC110 - what is asked for tells nobody
            await asyncio.sleep(0.02)
