"""Windows of load, one server after the other in every round, so that what the machine does hits all alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from . import processes
from .loading import add_bare, remove_created
from .pgbench import Pgbench
from .plan import Plan
from .postgres import Postgres
from .results import Window
from .routes import ROUTES, Route, deletes
from .servers import Server
from .wrk import Load, Request, Wrk

PGBENCH = "pgbench"


@dataclass(frozen=True)
class Bench:
    """The database under test and what loads it."""

    postgres: Postgres
    database: str
    wrk: Wrk
    sessions: int
    whales: int

    @property
    def ordinary(self) -> range:
        """The numbers of the sessions that are no whales."""
        return range(self.whales, self.sessions)


class Contender(Protocol):
    """Something that is measured."""

    name: str
    most_deletes: int
    """The most sessions that it can delete in a second."""

    def measure(self, bench: Bench, route: Route, connections: int, seconds: int) -> Window | None:
        """One window; None where it has nothing to measure on this route."""


@dataclass(frozen=True)
class HttpContender:
    """A server under wrk."""

    server: Server
    most_deletes: int

    @property
    def name(self) -> str:
        return self.server.name

    def measure(self, bench: Bench, route: Route, connections: int, seconds: int) -> Window:
        number = self.most_deletes * seconds
        requests = deletes(number) if route.deletes else route.requests(bench.ordinary)
        if route.deletes:
            add_bare(bench.postgres, bench.database, number)
        window = self.under(bench, route.name, requests, connections, seconds)
        if route.deletes and window.requests > number:
            raise RuntimeError(f"{self.name} deleted more than {number} sessions: raise most_deletes")
        return window

    def under(self, bench: Bench, name: str, requests: Sequence[Request], connections: int, seconds: int) -> Window:
        """A window of these requests."""
        pid = self.server.pid
        with bench.wrk.script(requests) as script:
            if pid:
                processes.forget_peak(pid)
            cpu = processes.cpu_seconds(pid) if pid else 0.0
            database = processes.cpu_seconds(bench.postgres.pid)
            load = bench.wrk.run(self.server.url, script, connections, seconds)
            return _window(
                *(self.name, name, connections, load),
                server_cpu=processes.cpu_seconds(pid) - cpu if pid else None,
                database_cpu=processes.cpu_seconds(bench.postgres.pid) - database,
                peak_memory=processes.peak_memory(pid) if pid else None,
            )


@dataclass(frozen=True)
class DatabaseAlone:
    """pgbench with the service's own statements."""

    pgbench: Pgbench
    scripts: dict[str, str]
    most_deletes: int
    name: str = PGBENCH

    def measure(self, bench: Bench, route: Route, connections: int, seconds: int) -> Window | None:
        if route.name not in self.scripts:
            return None
        number = self.most_deletes * seconds
        if route.deletes:
            add_bare(bench.postgres, bench.database, number)
        script = self.scripts[route.name].replace("{each}", str(number // connections))
        database = processes.cpu_seconds(bench.postgres.pid)
        load = self.pgbench.run(script, connections, seconds)
        database = processes.cpu_seconds(bench.postgres.pid) - database
        return _window(
            *(self.name, route.name, connections, load), server_cpu=None, database_cpu=database, peak_memory=None
        )


def _window(server: str, route: str, connections: int, load: Load, **costs: float | int | None) -> Window:
    return Window(
        server=server,
        route=route,
        connections=connections,
        requests=load.requests,
        seconds=load.seconds,
        p50=load.p50,
        p99=load.p99,
        failed=load.failed,
        broken=load.broken,
        load_cpu=load.cpu,
        **costs,
    )


def measure(bench: Bench, contenders: Sequence[Contender], plan: Plan, routes: Sequence[str]) -> Iterator[Window]:
    """Every window of a plan: routes, concurrencies, rounds, and in each round every contender in turn."""
    for route in ROUTES:
        if routes and route.name not in routes:
            continue
        for connections, rounds in plan.rounds.items():
            for round in range(rounds):
                turn = round % len(contenders)
                for contender in (*contenders[turn:], *contenders[:turn]):
                    slow = route.slow and "AgentOS" in contender.name
                    seconds = plan.slow_window if slow else plan.window
                    window = contender.measure(bench, route, connections, seconds)
                    if route.writes:
                        remove_created(bench.postgres, bench.database, bench.sessions)
                    if window is not None:
                        _show(window)
                        yield window


def _show(window: Window) -> None:
    cost = window.server_cpu / window.requests * 1000 if window.server_cpu and window.requests else 0.0
    database = window.database_cpu / window.requests * 1000 if window.requests else 0.0
    print(
        f"{window.route:<10} c={window.connections:<3} {window.server:<16} {window.rate:>9.1f}/s "
        f"p50 {window.p50 * 1000:>8.2f} ms  p99 {window.p99 * 1000:>8.2f} ms  CPU {cost:>6.3f} + {database:>6.3f} s/1k"
        f"  errors {window.failed + window.broken}",
        flush=True,
    )
