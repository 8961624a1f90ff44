"""`session-service` as it is installed, in a process of its own."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import IO

COMMAND = Path(sys.executable).parent / "session-service"


def environment(variables: dict[str, str]) -> dict[str, str]:
    """These variables and nothing of ours but what a program needs to run."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | variables


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    output: str
    errors: str


async def run(*arguments: str, **variables: str) -> Finished:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(variables),
    )
    output, errors = await process.communicate()
    return Finished(process.returncode, output.decode(), errors.decode())


@dataclass(frozen=True)
class Serving:
    """A service that takes requests."""

    process: asyncio.subprocess.Process
    url: str
    terminal: asyncio.StreamReader
    first_line: str

    async def admin_url(self) -> str:
        """The admin listener's URL, which is the last that it prints."""
        line = self.first_line
        while not (found := re.search(r"(http://\S+:\d+)/metrics", line)):
            line = (await self.terminal.readline()).decode()
        return found[1]

    @property
    def most_memory(self) -> int:
        """The most memory that it ever had resident, in bytes (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    async def end(self) -> int:
        """Wait until it has ended; gives its exit code."""
        return await self.process.wait()


@asynccontextmanager
async def serving(
    *arguments: str,
    command: tuple[str | Path, ...] = (COMMAND,),
    log: int | IO[bytes] = DEVNULL,
    **variables: str,
) -> AsyncIterator[Serving]:
    """Serve on a free port; what is still running afterwards is stopped as Ctrl-C does."""
    async with terminal() as (lines, inside):
        process = await asyncio.create_subprocess_exec(
            *(*command, "serve", *arguments),
            stdout=inside,
            stderr=log,
            env=environment({"AGNO_SERVICE_PORT": "0", "AGNO_ADMIN_PORT": "off"} | variables),
        )
        os.close(inside)
        try:
            line = (await lines.readline()).decode()
            yield Serving(process, re.search(r"http://[^\s/]+:\d+", line)[0], lines, line)
        finally:
            if process.returncode is None:
                process.send_signal(2)
            await process.wait()


@asynccontextmanager
async def terminal() -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """A terminal: what is shown on it, and the file descriptor to write to.

    A program tells its port there, or in its log: which tests keep, and set the level of.
    """
    screen, inside = os.openpty()
    lines = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines),
        open(screen, "rb", buffering=0),  # noqa: ASYNC230, SIM115
    )
    try:
        yield lines, inside
    finally:
        transport.close()
