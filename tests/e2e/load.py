"""Ask a URL without a pause from several clients; print one JSON line a second: how often each kind of answer came."""

import asyncio
import json
import sys
from collections import Counter

import aiohttp


async def ask(url: str, counts: Counter[str], *, keep_alive: bool) -> None:
    """One client. Without keep-alive it connects for every request, and so sees every change of the endpoints."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=not keep_alive), timeout=aiohttp.ClientTimeout(total=30)
    ) as client:
        while True:
            try:
                async with client.get(url) as answer:
                    await answer.read()
                    counts[str(answer.status)] += 1
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                counts[type(error).__name__] += 1
            await asyncio.sleep(0.02)


async def main(url: str) -> None:
    """Four clients that keep their connection, two that don't."""
    counts: Counter[str] = Counter()
    async with asyncio.TaskGroup() as clients:
        for number in range(6):
            clients.create_task(ask(url, counts, keep_alive=number < 4))
        while True:
            await asyncio.sleep(1)
            print(json.dumps(counts), flush=True)


asyncio.run(main(sys.argv[1]))
