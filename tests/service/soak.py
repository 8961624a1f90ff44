"""Ten minutes of mixed load against the service, and what becomes of its memory: `make soak`.

Prints a line every half minute and a verdict. The exit code is 1 where a request failed, or where the memory at the end
is more than 5 % above that after the first minute, or after 3,000 requests where those take longer. Memory is the
resident set without pages that only files back.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter

import aiohttp
import psutil

from .agno import Agno, templates
from .postgres import embedded
from .process import serving

SESSIONS = 500
RUNS = 40
TOLERANCE = 0.05
CLIENTS = 8
# a machine that is busy with other things does not do enough in a minute to fill pools, caches and allocators
WARM = 3000

SEED = f"""
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, user_id, session_data, created_at)
    SELECT 's' || s, 'agent', 'x', 'u' || s % 20, jsonb_build_object('session_state', jsonb_build_object('n', s)), s
    FROM generate_series(1, {SESSIONS}) s;
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, run_index, run_data, created_at)
    SELECT 's' || s || '-' || r, 's' || s, 'agent', 'x', r, jsonb_build_object('run_id', 's' || s || '-' || r,
        'agent_id', 'x', 'content', repeat('some words ', 1000),
        'messages', jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'a question'))), s
    FROM generate_series(1, {SESSIONS}) s, generate_series(1, {RUNS}) r"""


class Client:
    """One client that asks, changes, deletes, and sometimes leaves in the middle of an answer."""

    def __init__(self, session: aiohttp.ClientSession, number: int, counts: Counter[str]) -> None:
        self._session, self._number, self._counts = session, number, counts
        self._random = random.Random(number)
        self._made = 0

    async def ask(self) -> None:
        """One request of the mix."""
        choice = self._random
        id = f"s{choice.randint(1, SESSIONS)}"
        match choice.randint(0, 19):
            case 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7:
                await self._send(
                    "GET", f"/sessions?limit=20&page={choice.randint(1, 20)}&user_id=u{choice.randint(0, 19)}"
                )
            case 8 | 9 | 10:
                await self._send("GET", f"/sessions/{id}")
            case 11:
                await self._send(
                    "GET", f"/sessions/{id}/runs", {"Accept-Encoding": choice.choice(["gzip", "zstd", ""])}
                )
            case 12:
                await self._send("GET", f"/sessions/{id}/run-previews")
            case 13:
                await self._leave(f"/sessions/{id}/runs")
            case 14:
                await self._send("PATCH", f"/sessions/{id}", body={"session_state": {"n": choice.random()}})
            case 15:
                await self._send("POST", f"/sessions/{id}/rename", body={"session_name": f"name {choice.random()}"})
            case 16 | 17:
                self._made += 1
                new = f"n{self._number}-{self._made}"
                await self._send("POST", "/sessions", body={"session_id": new, "session_state": {"text": "x" * 2000}})
                await self._send("DELETE", f"/sessions/{new}")
            case 18:
                await self._send("GET", f"/nowhere/{choice.random()}", expected=404)
            case _:
                await self._send("POST", "/sessions", body={"session_id": 1}, expected=422)

    async def _send(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: object = None, expected: int = 0
    ) -> None:
        async with self._session.request(method, path, json=body, headers=headers) as answer:
            await answer.read()
            good = answer.status == expected if expected else answer.status < 300
            self._counts["good" if good else f"failed: {answer.status}"] += 1

    async def _leave(self, path: str) -> None:
        answer = await self._session.get(path, headers={"Accept-Encoding": "identity"})
        await answer.content.read(100)
        answer.close()
        self._counts["left"] += 1


def memory(process: psutil.Process) -> int:
    """What it holds, in bytes."""
    found = process.memory_info()
    return int(found.rss - found.shared)


async def soak(seconds: float, rate: float) -> bool:
    """Whether it stays as small as it was after a tenth of the time, or as soon as it was warm."""
    counts: Counter[str] = Counter()
    with embedded() as server:
        templates(server)
        agno = Agno(server, server.new_database("v3"))
        agno.run(SEED)
        async with serving(AGNO_PG_DSN=agno.dsn) as service, aiohttp.ClientSession(service.url) as session:
            process = psutil.Process(service.process.pid)
            ends, began = time.monotonic() + seconds, time.monotonic()

            async def client(number: int) -> None:
                asking, due = Client(session, number, counts), time.monotonic()
                while time.monotonic() < ends:
                    await asking.ask()
                    due += CLIENTS / rate
                    await asyncio.sleep(max(0.0, due - time.monotonic()))

            clients = [asyncio.create_task(client(number)) for number in range(CLIENTS)]
            first = 0
            for turn in range(1, 21):
                await asyncio.sleep(max(0.0, began + seconds * turn / 20 - time.monotonic()))
                if not first and turn > 1 and sum(counts.values()) >= WARM:
                    first = memory(process)
                files = process.num_fds()
                passed, held = time.monotonic() - began, memory(process) / 2**20
                print(f"{passed:6.0f} s  {held:6.1f} MiB  {files} files  {dict(counts)}", flush=True)
            await asyncio.gather(*clients)
            last = memory(process)
    growth = last / first - 1 if first else float("nan")
    failed = {what: count for what, count in counts.items() if what.startswith("failed")}
    print(f"{counts['good']} requests, {failed or 'none'} failed")
    print(f"from {first / 2**20:.1f} to {last / 2**20:.1f} MiB: {growth:+.1%}, and {TOLERANCE:.0%} is allowed")
    return growth <= TOLERANCE and not failed


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="how long (600)")
    parser.add_argument("--rate", type=float, default=100, help="requests a second at the most (100)")
    options = parser.parse_args()
    return 0 if asyncio.run(soak(options.seconds, options.rate)) else 1


if __name__ == "__main__":
    sys.exit(main())
