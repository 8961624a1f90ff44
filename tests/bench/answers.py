"""Memory while long answers are given, ten at a time: an answer costs a bounded piece of itself."""

import asyncio
import contextlib
import json
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from . import processes, servers
from .loading import create_tables
from .postgres import Postgres

AT_A_TIME = 10
GOAL = 200 * 2**20

_DATABASE = "long"
# how long a client that does not read holds its connection, if it is let
_HELD_SECONDS = 12.0

# Twenty sessions of 4 MiB, one of 32 MiB, one of 10,000 runs of 4 kB, one of a run of 190 MB. What repeats is
# compressed where it is stored, and is as long as it is in every answer.
_DATA = """
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, session_data, metadata, created_at)
    SELECT 'page-' || s, 'agent', 'x', jsonb_build_object('session_name', 'page ' || s, 'session_state',
        jsonb_build_object('text', repeat('0123456789abcdef', 262144))), '{}', 100 + s
    FROM generate_series(1, 20) s;
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, session_data, created_at)
    VALUES ('history', 'agent', 'x', '{"session_name": "history"}', 2), ('huge', 'agent', 'x', '{}', 1);
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, session_data, created_at)
    VALUES ('large', 'agent', 'x', jsonb_build_object('session_name', 'large', 'session_state',
        jsonb_build_object('text', repeat('0123456789abcdef', 2097152))), 3);
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, run_index, run_data, created_at)
    SELECT 'r' || r, 'history', 'agent', 'x', r, jsonb_build_object('run_id', 'r' || r, 'agent_id', 'x', 'messages',
        jsonb_build_array(jsonb_build_object('role', 'user', 'id', 'q' || r, 'content', repeat('a question ', 100)),
            jsonb_build_object('role', 'assistant', 'id', 'a' || r, 'content', repeat('an answer ', 300)))), 2
    FROM generate_series(1, 10000) r;
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, run_index, run_data, created_at)
    SELECT 'huge', 'huge', 'agent', 'x', 0, jsonb_build_object('run_id', 'huge', 'agent_id', 'x', 'content',
        repeat('0123456789', 19000000), 'input', jsonb_build_object('input_content', 'a question')), 1"""


@dataclass(frozen=True)
class Case:
    """What ten clients ask for at a time. `reads`: whether they read what they are answered."""

    name: str
    method: str
    path: str
    reads: bool = True
    body: Callable[[int], str] | None = None


_NEW = json.dumps({"session_id": "new-%d", "session_state": {"text": "0123456789abcdef" * 262_144}})

CASES = (
    Case("a page of 80 MiB, to clients that do not read", "GET", "/sessions?limit=20", reads=False),
    Case("a page of 80 MiB", "GET", "/sessions?limit=20"),
    Case("the detail of 10,000 runs", "GET", "/sessions/history"),
    Case("PATCH of 10,000 runs", "PATCH", "/sessions/history", body=lambda _: '{"metadata": {"a": 1}}'),
    Case("rename of a session of 32 MiB", "POST", "/sessions/large/rename", body=lambda _: '{"session_name": "new"}'),
    Case("creating sessions of 4 MiB", "POST", "/sessions", body=lambda number: _NEW % number),
    Case("the runs of a session of 10,000", "GET", "/sessions/history/runs"),
    Case("the preview of a run of 190 MB", "GET", "/sessions/huge/run-previews"),
    Case("a run of 190 MB", "GET", "/sessions/huge/runs/huge"),
)


@dataclass(frozen=True)
class Answers:
    """Bytes before and at the peak, for one fresh process; how many answers there were by status, and their bytes."""

    case: str
    before: int
    peak: int
    statuses: dict[str, int]
    size: int
    seconds: float


def measure_answers(postgres: Postgres) -> list[Answers]:
    """Every case, each with a process of its own."""
    create_tables(postgres, _DATABASE)
    postgres.run(_DATA, database=_DATABASE)
    postgres.run("VACUUM ANALYZE", database=_DATABASE)
    logs = Path(tempfile.mkdtemp(prefix="agno-bench-logs-"))
    found = []
    for case in CASES:
        with servers.service(postgres.dsn(_DATABASE), logs, AGNO_TRUSTED_PROXIES="127.0.0.1") as server:
            assert server.pid
            before = processes.memory(server.pid)
            processes.forget_peak(server.pid)
            began = time.monotonic()
            statuses, size = asyncio.run(_asked(server.url, case))
            answers = Answers(
                case.name, before, processes.peak_memory(server.pid), statuses, size, time.monotonic() - began
            )
        found.append(answers)
        print(
            f"{case.name:<48} {before / 2**20:.0f} MiB, at most {answers.peak / 2**20:.0f} MiB; "
            f"{answers.seconds:.1f} s, {statuses}, {size / 2**20:.1f} MiB",
            flush=True,
        )
    return found


async def _asked(url: str, case: Case) -> tuple[dict[str, int], int]:
    if not case.reads:
        with contextlib.ExitStack() as stack:
            for number in range(AT_A_TIME):
                stack.enter_context(_unread(url, case, number))
            await asyncio.sleep(_HELD_SECONDS)
        return {}, 0
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(url, timeout=timeout) as client:
        answers = await asyncio.gather(*(_read(client, case, number) for number in range(AT_A_TIME)))
    statuses = Counter(status for status, _ in answers)
    return {str(status): number for status, number in statuses.items()}, sum(size for _, size in answers)


async def _read(client: aiohttp.ClientSession, case: Case, number: int) -> tuple[int | str, int]:
    size = 0
    body = case.body and case.body(number)
    headers = {"X-Forwarded-For": f"10.0.0.{number}"} | ({"Content-Type": "application/json"} if body else {})
    try:
        async with client.request(case.method, case.path, data=body, headers=headers) as answer:
            async for piece in answer.content.iter_any():
                size += len(piece)
            return answer.status, size
    except aiohttp.ClientError:
        return "broken off", size


@contextlib.contextmanager
def _unread(url: str, case: Case, number: int) -> Iterator[None]:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        head = f"{case.method} {case.path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 10.0.0.{number}\r\n\r\n"
        client.sendall(head.encode())
        yield
