"""The operator as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import aiohttp

from .apiserver import ROOT, ApiServer, free_ports

PROGRAM = ROOT / ".venv/bin/session-operator"


class Process:
    def __init__(self, server: ApiServer, user: str, log: Path, *arguments: str, through: str = "") -> None:
        (self.port,) = free_ports(1)
        self._log = log
        environment = os.environ | {"KUBECONFIG": str(server.kubeconfig(user, through=through))}
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                [PROGRAM, "run", "--listen", f"127.0.0.1:{self.port}", *arguments],
                env=environment,
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self) -> int:
        return self._popen.wait(timeout=50)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    async def healthy(self) -> bool:
        """Whether /healthz says so, once the process listens."""
        async with asyncio.timeout(50):
            while True:
                try:
                    async with aiohttp.request("GET", f"http://127.0.0.1:{self.port}/healthz") as answer:
                        return answer.status == 200
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()
