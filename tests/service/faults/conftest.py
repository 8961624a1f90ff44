"""A service under load on a server of its own, and what it holds before and after a fault."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.service.agno import Agno
from tests.service.faults.load import STILL, Load
from tests.service.postgres import Server, embedded
from tests.service.process import Serving, serving
from tests.service.waiting import until

TELLING = Path(__file__).with_name("telling.py")
SCHEMA = Path(__file__).parents[2] / "contract/data/dataset_v3.sql"

# requests end after so long, also where the server takes no request to cancel; the rest is this machine's
DEADLINE = 8.0
PATIENCE = DEADLINE + 2


@dataclass(frozen=True)
class Footprint:
    """What a service holds while nobody asks: connections in the database, tasks, and other descriptors."""

    connections: int
    tasks: int
    descriptors: int

    def __str__(self) -> str:
        return f"{self.connections} connections, {self.tasks} tasks, {self.descriptors} other descriptors"


@dataclass
class Subject:
    """A service whose database gets hurt."""

    agno: Agno
    service: Serving
    map_file: Path
    others: dict[str, object]
    load: Load
    replica: Agno | None = None

    async def footprint(self) -> Footprint:
        """What it holds once it is quiet: the same twice in a row."""
        found = None
        for _ in range(40):
            await asyncio.sleep(0.5)
            former, found = found, await self._footprint()
            if found == former:
                return found
        raise AssertionError(f"it does not come to rest: {found}")

    async def _footprint(self) -> Footprint:
        file = self.map_file.with_name("tasks")
        file.unlink(missing_ok=True)
        self.service.process.send_signal(signal.SIGUSR1)
        await until(file.exists)
        connections = len(self.agno.backends()) + (len(self.replica.backends()) if self.replica else 0)
        descriptors = psutil.Process(self.service.process.pid).num_fds()
        return Footprint(connections, int(file.read_text()), descriptors - connections)

    def write_map(self, **words: object) -> None:
        """Replace the DSN map as an editor would; the words are those of the entry."""
        new = self.map_file.with_suffix(".new")
        new.write_text(json.dumps({"main": {"dsn": self.agno.dsn} | words, **self.others}))
        new.rename(self.map_file)

    @asynccontextmanager
    async def under_load(self) -> AsyncIterator[Load]:
        """Warm up, and note what it holds; have it under load meanwhile; then compare, and look for every write."""
        await self.load.learn()
        async with self.load.running():
            await asyncio.sleep(1.5)
        before = await self.footprint()
        async with self.load.running():
            yield self.load
        after = await self.footprint()
        print(f"\n  answers: {self.load}\n  before: {before}\n  after:  {after}")
        assert self.load.wrong == []
        assert self.load.lost(self.agno.run) == []
        assert after.tasks <= before.tasks
        assert after.connections <= 10 * (1 + len(self.others) + (self.replica is not None))
        # an idle HTTP connection more or less says nothing
        assert after.descriptors <= before.descriptors + 1

    async def normal_again(self, returned: float) -> None:
        """Wait until two seconds have passed without a failure; tells how long after this moment the last one was."""
        await until(lambda: time.monotonic() - max([returned, *self.load.failures]) > 2, seconds=30)
        late = self.load.failing_after(returned)
        print(f"\n  normal answers {late:.2f} s after the database was back")
        # The pauses of the retries are 2.4 s at the most. The rest is what a busy machine takes.
        assert late < 10


@pytest.fixture
def durable_server():
    """A server whose acknowledged writes outlive a crash."""
    with embedded(durable=True) as server:
        yield server


@asynccontextmanager
async def subject_of(
    server: Server, directory: Path, others: dict[str, object] | None = None, **words: object
) -> AsyncIterator[Subject]:
    """A service on agno's tables in a server: the words are those of its map entry, `others` more entries."""
    agno = Agno(server, "agno")
    server.run("CREATE DATABASE agno TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
    agno.run(SCHEMA.read_text())
    agno.run("TRUNCATE ai.agno_sessions CASCADE")
    agno.run(STILL)
    subject = Subject(agno, None, directory / "map.json", others or {}, None)
    subject.write_map(**words)
    command = (sys.executable, TELLING, directory / "tasks")
    variables = {"AGNO_SESSION_DSN_MAP_FILE": str(subject.map_file), "AGNO_REQUEST_TIMEOUT_SECONDS": f"{DEADLINE:g}"}
    async with serving(command=command, **variables) as service:
        subject.service, subject.load = service, Load(service.url, PATIENCE)
        async with aiohttp.ClientSession(service.url) as client:
            while (await client.get("/healthz/startup")).status != 200:
                pass
        yield subject


@pytest.fixture
async def subject(durable_server, tmp_path):
    async with subject_of(durable_server, tmp_path) as found:
        yield found
