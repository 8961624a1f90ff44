"""`make bench`: measure the service beside AgentOS and beside the database alone, and write docs/benchmarks."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from . import servers
from .bottleneck import wrk_alone
from .dataset import Generator
from .equality import check_equal
from .growth import measure_growth
from .heavy import measure_heavy
from .loading import create_tables, load_sessions
from .measuring import Bench, DatabaseAlone, HttpContender, measure
from .pgbench import Pgbench
from .plan import PLANS, Plan
from .postgres import Postgres, embedded, installed
from .record import Record
from .starting import measure_starts
from .statements import scripts
from .wrk import Wrk

_SEED = 20_260_101
_DATABASE = "realistic"


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("what", choices=("routes", "growth", "page"), help="page: regenerate the page from its JSON")
    parser.add_argument("--plan", choices=PLANS, default="full")
    parser.add_argument("--servers", type=Path, help="TOML of other servers: [[server]] name, url or command")
    parser.add_argument("--postgres", type=Path, help="bin directory of an installed PostgreSQL, instead of our own")
    parser.add_argument("--routes", nargs="*", default=[], help="these routes only; nothing is written then")
    parser.add_argument("--only", nargs="*", default=[], help="these servers only; nothing is written then")
    parser.add_argument("--out", type=Path, help="where to write; docs/benchmarks for a full run")
    options = parser.parse_args(arguments)
    partial = options.plan != "full" or options.routes or options.only
    out = options.out or (Path(tempfile.mkdtemp(prefix="agno-bench-page-")) if partial else Path("docs/benchmarks"))
    record = Record(out)
    began = time.monotonic()
    if options.what != "page":
        with installed(options.postgres) if options.postgres else embedded() as postgres:
            record.machine(postgres.version)
            if options.what == "routes":
                _routes(postgres, PLANS[options.plan], options, record)
            else:
                measure_growth(postgres, Wrk(), PLANS[options.plan], record)
    record.write()
    print(f"\nWritten to {out} after {(time.monotonic() - began) / 60:.1f} minutes")
    return 0


def _routes(postgres: Postgres, plan: Plan, options: argparse.Namespace, record: Record) -> None:
    total = plan.sessions + plan.whales
    print(f"Loading {total} sessions", flush=True)
    create_tables(postgres, _DATABASE)
    runs, size = load_sessions(postgres, _DATABASE, Generator(_SEED).sessions(plan.sessions, plan.whales))
    postgres.run("VACUUM ANALYZE", database=_DATABASE)
    print(f"Loaded {runs} runs, {size / 2**20:.0f} MiB of JSON", flush=True)
    record.dataset(total, runs, size)
    dsn, wrk = postgres.dsn(_DATABASE), Wrk()
    logs = Path(tempfile.mkdtemp(prefix="agno-bench-logs-"))
    record.bottleneck(wrk_alone(wrk, plan.window))

    def wanted(name: str) -> bool:
        return not options.only or any(word in name for word in options.only)

    bench = Bench(postgres, _DATABASE, wrk, total, plan.whales)
    with ExitStack() as stack:
        running = [
            stack.enter_context(server)
            for server in (
                servers.service(dsn, logs),
                *([servers.service(dsn, logs, "--workers", "2")] if wanted("session-service --workers 2") else []),
                *(servers.agentos(adapter, dsn, logs) for adapter in ("sync", "async") if wanted("AgentOS")),
            )
        ]
        if options.servers:
            running += stack.enter_context(servers.listed(options.servers, dsn, logs))
        print(f"{check_equal(running, total)} answers are equal", flush=True)
        contenders = [HttpContender(each, 1000 if "AgentOS" in each.name else 15_000) for each in running]
        alone = DatabaseAlone(Pgbench(postgres, _DATABASE), scripts(dsn, range(plan.whales, total)), 40_000)
        contestants = [each for each in (*contenders, alone) if wanted(each.name)]
        for window in measure(bench, contestants, plan, options.routes):
            record.window(window)
    if not options.routes and not options.only:
        record.starts(measure_starts(dsn, logs))
        record.heavy(measure_heavy(bench, plan, logs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
