"""Memory while the sessions with the longest histories are listed (agno#10328)."""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from . import processes, servers
from .measuring import Bench
from .plan import Plan
from .servers import Server
from .wrk import Request

# the sessions of 200 runs are the oldest
PAGE = "/sessions?limit=20&page=1&sort_by=created_at&sort_order=asc"
CONNECTIONS = (1, 32)


@dataclass(frozen=True)
class Heavy:
    """Bytes before and at the peak, for one fresh process."""

    server: str
    connections: int
    before: int
    peak: int
    requests: int
    seconds: float


def measure_heavy(bench: Bench, plan: Plan, logs: Path) -> list[Heavy]:
    """A fresh process for each server and concurrency lists 20 sessions of 200 runs for a while."""
    dsn = bench.postgres.dsn(bench.database)

    def fresh(name: str) -> AbstractContextManager[Server]:
        return servers.service(dsn, logs) if name == "service" else servers.agentos(name, dsn, logs)

    found = []
    for connections in CONNECTIONS:
        for name in ("service", "sync", "async"):
            with fresh(name) as server, bench.wrk.script([Request("GET", PAGE)]) as script:
                assert server.pid
                server.get("/health")
                time.sleep(0.5)
                before = processes.memory(server.pid)
                processes.forget_peak(server.pid)
                load = bench.wrk.run(server.url, script, connections, plan.heavy_window)
                peak = processes.peak_memory(server.pid)
            found.append(Heavy(server.name, connections, before, peak, load.requests, load.seconds))
            print(
                f"heavy list c={connections:<3} {server.name:<16} {before / 2**20:.0f} MB, "
                f"{(peak - before) / 2**20:+.0f} MB, {load.requests} answers",
                flush=True,
            )
    return found
