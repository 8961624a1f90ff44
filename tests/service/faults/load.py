"""Clients that ask without a pause, check every answer, and remember what they were promised."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp

READERS, WRITERS = 6, 2

# sessions that nobody changes; what is read of them is known byte for byte
STILL = """
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, user_id, session_data, created_at)
    SELECT 'still-' || s, 'agent', 'x', 'still', CASE WHEN s % 2 = 0 THEN '{"session_name": "named"}'::jsonb END, s
    FROM generate_series(1, 30) s;
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, run_index, run_data, created_at)
    SELECT id, 'still-' || s, 'agent', 'x', r, jsonb_build_object('run_id', id, 'agent_id', 'x', 'content', 'an answer',
        'messages', jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'a question'))), s
    FROM generate_series(1, 30) s, generate_series(0, 2) r, concat('still-', s, '-', r) id"""

PATHS = (
    "/sessions?user_id=still&limit=20",
    "/sessions?user_id=still&limit=10&page=3&sort_by=session_id&sort_order=asc",
    "/sessions/still-3",
    "/sessions/still-4",
    "/sessions/still-5/runs",
    "/sessions/still-6/run-previews",
    "/sessions/still-7/runs/still-7-1",
)


@dataclass
class Load:
    """What happened. `patience` is how long an answer may take, in seconds; times are monotonic seconds.

    What it writes begins with its `name`.
    """

    url: str
    patience: float
    name: str = "new"
    known: dict[str, bytes] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    failures: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    sent: int = 0
    created: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)

    async def learn(self) -> None:
        """Read what is to be read later while all is well."""
        async with aiohttp.ClientSession(self.url) as client:
            for path in PATHS:
                async with client.get(path) as answer:
                    assert answer.status == 200, (path, await answer.text())
                    self.known[path] = await answer.read()

    @asynccontextmanager
    async def running(self, readers: int = READERS, writers: int = WRITERS) -> AsyncIterator[None]:
        """Have the clients ask meanwhile."""
        leaving = asyncio.Event()
        async with aiohttp.ClientSession(self.url) as client:
            work = [self._read(client, leaving, number) for number in range(readers)]
            work += [self._write(client, leaving, number) for number in range(writers)]
            clients = [asyncio.create_task(each) for each in work]
            try:
                yield
            finally:
                leaving.set()
                await asyncio.gather(*clients)

    async def _read(self, client: aiohttp.ClientSession, leaving: asyncio.Event, number: int) -> None:
        while not leaving.is_set():
            for path in PATHS[number % len(PATHS) :] + PATHS[: number % len(PATHS)]:
                status, body = await self._ask(client, "GET", path)
                if status == 200 and body != self.known[path]:
                    self.wrong.append(f"{path} was answered differently than before")

    async def _write(self, client: aiohttp.ClientSession, leaving: asyncio.Event, writer: int) -> None:
        while not leaving.is_set():
            self.sent += 1
            id = f"{self.name}-{writer}-{self.sent}"
            status, _ = await self._ask(client, "POST", "/sessions?type=agent", {"session_id": id, "user_id": "writer"})
            if status != 201:
                continue
            self.created.add(id)
            status, _ = await self._ask(client, "GET", f"/sessions/{id}")
            if status == 404:
                self.wrong.append(f"{id} was created, and is not found")
            name = f"named {id}."
            status, _ = await self._ask(client, "POST", f"/sessions/{id}/rename", {"session_name": name})
            if status == 200:
                self.renamed[id] = name
                await self._find(client, id, name)

    async def _find(self, client: aiohttp.ClientSession, id: str, name: str) -> None:
        status, body = await self._ask(client, "GET", f"/sessions/{id}")
        if status == 404 or (status == 200 and json.loads(body)["session_name"] != name):
            self.wrong.append(f"{id} was renamed, and does not have its name")
        status, body = await self._ask(client, "GET", f"/sessions?user_id=writer&session_name={quote(name)}")
        if status == 200 and [row["session_id"] for row in json.loads(body)["data"]] != [id]:
            self.wrong.append(f"{id} was renamed, and is not listed by its name")

    async def _ask(self, client: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        began = time.monotonic()
        try:
            async with client.request(method, path, json=body) as answer:
                status, content, headers = answer.status, await answer.read(), answer.headers
        except aiohttp.ClientError as error:
            self.wrong.append(f"{method} {path}: {error!r}")
            return 0, b""
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        self.answers[status] += 1
        if took > self.patience:
            self.wrong.append(f"{method} {path} took {took:.1f} s")
        if status in {503, 504}:
            self.failures.append(time.monotonic())
            if status == 503 and not headers.get("Retry-After", "").isdigit():
                self.wrong.append(f"{method} {path}: 503 without Retry-After")
            await asyncio.sleep(0.02)
        elif status not in {200, 201}:
            self.wrong.append(f"{method} {path}: {status} {content[:200]!r}")
        return status, content

    def failing_after(self, moment: float) -> float:
        """For how many seconds after this moment anything still failed."""
        return max([0.0, *(failure - moment for failure in self.failures)])

    def lost(self, run: Any) -> list[str]:
        """The promised writes that a database does not have; `run` runs a statement there."""
        names = "SELECT session_id, session_data->>'session_name' FROM ai.agno_sessions WHERE user_id = 'writer'"
        there = dict(run(names))
        missing = [id for id in self.created if id not in there]
        return missing + [id for id, name in self.renamed.items() if there.get(id) != name]

    def __str__(self) -> str:
        counts = ", ".join(f"{count} x {status}" for status, count in sorted(self.answers.items()))
        return f"{counts}; {len(self.created)} created, {len(self.renamed)} renamed; slowest {self.slowest:.2f} s"
