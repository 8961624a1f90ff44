"""One run of the operator over many stores: from a cold start until all is applied, rotations, and at rest."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from session_operator.kinds import DEPLOYMENTS, STORES
from tests.operator.apiserver import OPERATOR, ApiServer
from tests.operator.process import Process

from .operator_cluster import BenchCluster

IDLE_SECONDS = 60
ROTATIONS = 200
ROTATIONS_A_SECOND = 5
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


@dataclass(frozen=True)
class Figures:
    """What was measured; seconds and MiB."""

    stores: int
    applied: float
    reported: float
    calls_to_apply: float
    rotation_p50: float
    rotation_p99: float
    rotation_longest: float
    calls_a_rotation: float
    memory: float
    processor: float
    idle_writes: int
    idle_calls: int


class _View:
    """What the watches have told so far."""

    def __init__(self) -> None:
        self.deployments: dict[tuple[str, str], Any] = {}
        self.patched: dict[tuple[str, str], float] = {}
        self.ready: set[tuple[str, str]] = set()
        self.reported: set[tuple[str, str]] = set()
        self.incomplete: asyncio.Queue[Any] = asyncio.Queue()

    def deployment(self, body: Any, now: float) -> None:
        key = body["metadata"]["namespace"], body["metadata"]["name"]
        before = self.deployments.get(key)
        self.deployments[key] = body
        if before is None or before["metadata"]["generation"] != body["metadata"]["generation"]:
            self.patched[key] = now
            self.incomplete.put_nowait(body)

    def store(self, body: Any, _: float) -> None:
        key = body["metadata"]["namespace"], body["metadata"]["name"]
        status = body.get("status", {})
        ready = {each["type"]: each["status"] for each in status.get("conditions", ())}.get("Ready")
        if status:
            self.reported.add(key)
        (self.ready.add if ready == "True" else self.ready.discard)(key)


async def measure(server: ApiServer, stores: int, directory: Path) -> Figures:
    """Fill the API server, start the operator on it, and measure."""
    async with BenchCluster.connect(server, stores) as cluster:
        await cluster.fill()
        view = _View()
        async with asyncio.TaskGroup() as watches:
            tasks = [
                watches.create_task(cluster.watch(DEPLOYMENTS, view.deployment)),
                watches.create_task(cluster.watch(STORES, view.store)),
            ]
            begun = time.monotonic()
            process = Process(server, OPERATOR, directory / "operator.log")
            try:
                figures = await _measure(server, cluster, view, process, begun)
            finally:
                process.kill()
            for task in tasks:
                task.cancel()
    return figures


async def _measure(server: ApiServer, cluster: BenchCluster, view: _View, process: Process, begun: float) -> Figures:
    stores = len(cluster.stores)
    await _until(lambda: len(view.deployments) == stores)
    applied = time.monotonic() - begun
    await _until(lambda: len(view.reported) == stores)
    reported = time.monotonic() - begun
    calls_to_apply = len(server.audit(None)) / stores

    completing = asyncio.create_task(_complete(cluster, view))
    await _until(lambda: len(view.ready) == stores)
    await _quiet(server)

    before = len(server.audit(None))
    waits = await _rotate(cluster, view)
    await _until(lambda: len(view.ready) == stores)
    await _quiet(server)
    calls_a_rotation = (len(server.audit(None)) - before) / len(waits)

    before = len(server.audit(None))
    await asyncio.sleep(IDLE_SECONDS)
    idle = server.audit(None)[before:]
    completing.cancel()
    cuts = statistics.quantiles(waits, n=100)
    return Figures(
        stores=stores,
        applied=applied,
        reported=reported,
        calls_to_apply=calls_to_apply,
        rotation_p50=cuts[49],
        rotation_p99=cuts[98],
        rotation_longest=max(waits),
        calls_a_rotation=calls_a_rotation,
        memory=_peak_memory(process.pid),
        processor=_processor(process.pid),
        idle_writes=sum(event["verb"] in WRITES for event in idle),
        idle_calls=len(idle),
    )


async def _until(holds: Any, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "the operator did not get there"
        await asyncio.sleep(0.01)


async def _quiet(server: ApiServer) -> None:
    """Wait until the operator has asked for nothing for some seconds."""
    size, seen = -1, server.audit_size()
    while size != seen:
        size = seen
        await asyncio.sleep(3)
        seen = server.audit_size()


async def _complete(cluster: BenchCluster, view: _View) -> None:
    async def work() -> None:
        while True:
            await cluster.complete(await view.incomplete.get())

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(work())


async def _rotate(cluster: BenchCluster, view: _View) -> list[float]:
    """Change a Secret each of many stores at a steady rate; gives the seconds until each Deployment followed."""
    changed: dict[tuple[str, str], float] = {}
    for number, key in enumerate(random.Random(7).sample(cluster.stores, min(ROTATIONS, len(cluster.stores)))):
        changed[key] = time.monotonic()
        await cluster.write_dsn(*key, "main", f"rotated-{number}")
        await asyncio.sleep(max(0, changed[key] + 1 / ROTATIONS_A_SECOND - time.monotonic()))
    await _until(lambda: all(view.patched[key] > since for key, since in changed.items()), 60)
    return [view.patched[key] - since for key, since in changed.items()]


def _peak_memory(pid: int) -> float:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
