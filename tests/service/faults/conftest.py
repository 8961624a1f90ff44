"""A service under load on a server of its own, and what it holds before and after a fault."""

import asyncio
import json
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.service.agno import Agno
from tests.service.faults.load import STILL, Load
from tests.service.postgres import Server, embedded
from tests.service.process import COMMAND, Serving, serving
from tests.service.waiting import until

TELLING = Path(__file__).with_name("telling.py")
SCHEMA = Path(__file__).parents[2] / "contract/data/dataset_v3.sql"

# requests end after so long, also where the server takes no request to cancel; the rest is this machine's
DEADLINE = 8.0
PATIENCE = DEADLINE + 2
# fewer connections than clients: under load all of them are open
POOL = 4
# how many answers tell how fast a service is
ANSWERS = 300
POOLED = re.compile(r'agno_session_pool_connections\{database="(\w+)",state="\w+"\} (\d+)')


@dataclass(frozen=True)
class Footprint:
    """What a service holds while nobody asks: connections that a server has of it, those in its pools, by database,
    tasks, and other descriptors."""

    connections: int
    pooled: Counter[str]
    tasks: int
    descriptors: int

    def __str__(self) -> str:
        pools = ", ".join(f"{count} of {id}" for id, count in self.pooled.items())
        return f"{self.connections} connections ({pools}), {self.tasks} tasks, {self.descriptors} other descriptors"


@dataclass
class Subject:
    """A service whose database gets hurt."""

    agno: Agno
    map_file: Path
    others: dict[str, object]
    variables: dict[str, str]
    service: Serving = field(init=False)
    admin: str = field(init=False)
    load: Load = field(init=False)
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
        pooled = await self._pooled()
        return Footprint(connections, pooled, int(file.read_text()), descriptors - connections)

    async def _pooled(self) -> Counter[str]:
        """The connections that it knows of, by database."""
        async with aiohttp.ClientSession(self.admin) as client, client.get("/metrics") as answer:
            pooled: Counter[str] = Counter()
            for id, count in POOLED.findall(await answer.text()):
                pooled[id] += int(count)
        return pooled

    def write_map(self, **words: object) -> None:
        """Replace the DSN map as an editor would; the words are those of the entry."""
        new = self.map_file.with_suffix(".new")
        main = {"dsn": self.agno.dsn, "pool": {"maxSize": POOL}}
        new.write_text(json.dumps({"main": main | words, **self.others}))
        new.rename(self.map_file)

    def serving(self, *command: str | Path, **variables: str) -> AbstractAsyncContextManager[Serving]:
        """A service of this map."""
        settings = {"AGNO_REQUEST_TIMEOUT_SECONDS": f"{DEADLINE:g}", **self.variables, **variables}
        return serving(command=command, AGNO_SESSION_DSN_MAP_FILE=str(self.map_file), **settings)

    @asynccontextmanager
    async def under_load(self) -> AsyncIterator[Load]:
        """Warm up, and note what it holds; have it under load meanwhile; then compare, and look for every write."""
        await self.load.learn()
        pools = POOL * (1 + (self.replica is not None))
        async with self.load.running():
            while (await self._pooled())["main"] < pools:  # noqa: ASYNC110 - it is told by a scrape
                await asyncio.sleep(0.1)
        before = await self.footprint()
        async with self.load.running():
            yield self.load
        after = await self.footprint()
        print(f"\n  answers: {self.load}\n  before: {before}\n  after:  {after}")
        assert self.load.wrong == []
        assert self.load.lost(self.agno.run) == []
        assert after.tasks <= before.tasks
        # none that the server has and the service knows nothing of
        assert before.connections == before.pooled.total()
        assert after.connections == after.pooled.total()
        assert after.pooled["main"] == before.pooled["main"] == pools
        # an idle HTTP connection more or less says nothing
        assert after.descriptors <= before.descriptors + 1
        assert await self._pace() > 1 / 2

    async def _pace(self) -> float:
        """How many answers it gives for each of a service that has just been started, under the same load at a time."""
        async with self.serving(COMMAND) as other:
            again, fresh = Load(self.service.url, self.load.patience, "again"), Load(other.url, PATIENCE, "fresh")
            for load in (again, fresh):
                await load.learn()
            async with again.running(2, 1), fresh.running(2, 1):
                await until(lambda: fresh.answers.total() >= ANSWERS)
                pace = again.answers.total() / fresh.answers.total()
        print(f"  after it, {pace:.2f} answers for each of a fresh service")
        assert again.known == fresh.known
        assert again.wrong == fresh.wrong == []
        assert {*again.answers, *fresh.answers} == {200, 201}
        return pace

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
    server: Server,
    directory: Path,
    others: dict[str, object] | None = None,
    variables: dict[str, str] | None = None,
    **words: object,
) -> AsyncIterator[Subject]:
    """A service on agno's tables in a server: the words are those of its map entry, `others` more entries."""
    agno = Agno(server, "agno")
    server.run("CREATE DATABASE agno TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
    agno.run(SCHEMA.read_text())
    agno.run("TRUNCATE ai.agno_sessions CASCADE")
    agno.run(STILL)
    subject = Subject(agno, directory / "map.json", others or {}, variables or {})
    subject.write_map(**words)
    async with subject.serving(sys.executable, TELLING, directory / "tasks", AGNO_ADMIN_PORT="0") as service:
        subject.service, subject.load = service, Load(service.url, PATIENCE)
        subject.admin = await service.admin_url()
        async with aiohttp.ClientSession(service.url) as client:
            while (await client.get("/healthz/startup")).status != 200:
                pass
        yield subject


@pytest.fixture
async def subject(durable_server, tmp_path):
    async with subject_of(durable_server, tmp_path) as found:
        yield found
