"""Read, write and stream without a pause, check every body, and count what came; a JSON line a second.

The counts of `GOOD` are of what was as it should be; every other key says what was not. SIGTERM ends the load: then
every write that was acknowledged is looked for once more, and the last line has the count `kept`.
"""

import asyncio
import io
import itertools
import json
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp

GOOD = ("read", "write", "stream", "kept")
LONG, RUNS, RUN_LENGTH = "long", 64, 32_768
"""The session whose runs are streamed: so many, each of so many characters."""
PAUSE = 0.02
"""Seconds between two requests of a client, and between two pieces of a stream that is read slowly."""

Body = dict[str, Any]


class Wrong(Exception):
    """An answer that is not what was asked for."""


class Client:
    """One client. Without keep-alive it connects for every request, and so sees every change of the endpoints."""

    def __init__(self, url: str, database: str, *, keep_alive: bool = True) -> None:
        self._url = url
        self._query = {"db_id": database}
        self._keep_alive = keep_alive

    async def __aenter__(self) -> "Client":
        connector = aiohttp.TCPConnector(force_close=not self._keep_alive)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, status: int, body: Body | None = None, *, pause: float = 0) -> Any:
        """The JSON of an answer, None of an empty one; read a piece at a time with a pause after each."""
        data = None if body is None else io.BytesIO(json.dumps(body).encode())
        headers = {"Content-Type": "application/json"} if data else {}
        async with self._session.request(
            method, self._url + path, params=self._query, data=data, headers=headers
        ) as answer:
            pieces = []
            async for piece in answer.content.iter_chunked(65_536):
                pieces.append(piece)
                await asyncio.sleep(pause)
        text = b"".join(pieces)
        if answer.status != status:
            raise Wrong(str(answer.status))
        return json.loads(text) if text else None


class Load:
    """What was counted, and of each session what the last acknowledged write made of it; None of a deleted one."""

    def __init__(self, url: str, database: str) -> None:
        self._where = url, database
        self._numbers = itertools.count()
        self.counts: Counter[str] = Counter()
        self.written: dict[str, Body | None] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Four readers, three writers, two of streams, until told to stop; then look for what was written."""
        await self._write_long()
        clients = [
            *((self._read, keep_alive) for keep_alive in (True, True, True, False)),
            *((self._write, keep_alive) for keep_alive in (True, True, False)),
            *((self._stream, keep_alive) for keep_alive in (True, False)),
        ]
        await asyncio.gather(*(self._again_and_again(act, keep_alive, stop) for act, keep_alive in clients))
        waiting = iter(self.written.items())
        await asyncio.gather(*(self._look_for(waiting) for _ in range(4)))

    async def _write_long(self) -> None:
        runs = [{"run_id": f"run-{number}", "agent_id": "a", "content": "c" * RUN_LENGTH} for number in range(RUNS)]
        async with Client(*self._where) as client:
            await client.call("POST", "/sessions", 201, {"session_id": LONG, "agent_id": "a", "runs": runs})

    async def _again_and_again(
        self, act: Callable[[Client], Awaitable[None]], keep_alive: bool, stop: asyncio.Event
    ) -> None:
        kind = act.__name__.strip("_")
        while not stop.is_set():
            async with Client(*self._where, keep_alive=keep_alive) as client:
                while not stop.is_set():
                    try:
                        await act(client)
                    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, Wrong) as error:
                        self.counts[f"{kind}: {type(error).__name__} {error}"] += 1
                    else:
                        self.counts[kind] += 1
                    await asyncio.sleep(PAUSE)

    async def _read(self, client: Client) -> None:
        page = await client.call("GET", "/sessions", 200)
        if not page["data"] or not all(each["session_id"] for each in page["data"]):
            raise Wrong("a page without rows")
        detail = await client.call("GET", f"/sessions/{LONG}", 200)
        if detail["session_id"] != LONG:
            raise Wrong("another session")

    async def _stream(self, client: Client) -> None:
        runs = await client.call("GET", f"/sessions/{LONG}/runs", 200, pause=PAUSE)
        if [(each["run_id"], len(each["content"])) for each in runs] != [(f"run-{n}", RUN_LENGTH) for n in range(RUNS)]:
            raise Wrong("other runs")

    async def _write(self, client: Client) -> None:
        """Create a session, name it, give it a state, read it; delete every third."""
        number = next(self._numbers)
        name = f"s{number}"
        wanted: Body = {"session_id": name, "session_state": {"number": number}}
        await self._change(client, name, wanted, "POST", "/sessions", 201, wanted)
        named = wanted | {"session_name": f"named {number}"}
        rename = {"session_name": named["session_name"]}
        await self._change(client, name, named, "POST", f"/sessions/{name}/rename", 200, rename)
        patched = named | {"session_state": {"number": -number}}
        patch = {"session_state": patched["session_state"]}
        await self._change(client, name, patched, "PATCH", f"/sessions/{name}", 200, patch)
        await self._is_there(client, name, patched)
        if number % 3 == 0:
            await self._change(client, name, None, "DELETE", f"/sessions/{name}", 204, None)
            await self._is_there(client, name, None)

    async def _change(
        self, client: Client, name: str, wanted: Body | None, method: str, path: str, status: int, body: Body | None
    ) -> None:
        self.written.pop(name, None)  # nobody knows what becomes of a write that fails
        answer = await client.call(method, path, status, body)
        if wanted is not None:
            _compare(answer, wanted)
        self.written[name] = wanted

    async def _is_there(self, client: Client, name: str, wanted: Body | None) -> None:
        answer = await client.call("GET", f"/sessions/{name}", 404 if wanted is None else 200)
        if wanted is not None:
            _compare(answer, wanted)

    async def _look_for(self, waiting: Iterator[tuple[str, Body | None]]) -> None:
        async with Client(*self._where) as client:
            for name, wanted in waiting:
                try:
                    await self._is_there(client, name, wanted)
                except (aiohttp.ClientError, TimeoutError, OSError, ValueError, Wrong) as error:
                    self.counts[f"lost: {type(error).__name__} {error}"] += 1
                else:
                    self.counts["kept"] += 1


def _compare(answer: Body, wanted: Body) -> None:
    found = {name: answer.get(name) for name in wanted}
    if found != wanted:
        raise Wrong("another content")


async def main(url: str, database: str) -> None:
    """Until SIGTERM."""
    stop, load = asyncio.Event(), Load(url, database)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    running = asyncio.create_task(load.run(stop))
    while not running.done():
        await asyncio.wait([running], timeout=1)
        print(json.dumps(load.counts | {"done": int(running.done())}), flush=True)
    await running


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
