"""What a page costs as the table grows, with and without the indexes that `session-service indexes` proposes."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.contract.servers import SERVICE, environment

from . import processes, servers
from .dataset import FIRST_USER, START
from .loading import create_tables, load_small
from .measuring import Bench, HttpContender
from .pgbench import Pgbench
from .plan import Plan
from .postgres import Postgres
from .results import Window
from .wrk import Request, Wrk

if TYPE_CHECKING:
    from .record import Record

# what `Session 7` and its neighbours belong to, whatever the size of the table
CASES = {
    "first page": "/sessions?limit=20&page=1",
    "page 500": "/sessions?limit=20&page=500",
    "first page of a user": f"/sessions?user_id={FIRST_USER + 7}&limit=20",
    "first page of an agent": "/sessions?type=agent&component_id=agent-1&limit=20",
}
WRITING = "first page, while another client commits"
CURSOR = "next page by keyset (SQL alone)"

# no API has a cursor: it is measured to know what one would give
_KEYSET = """\\set at {start} + 7 * random({number} / 2, {number} - 1)
SELECT session_id, session_data->'session_name', created_at FROM ai.agno_sessions
WHERE (created_at, session_id) < (:at, '9') ORDER BY created_at DESC, session_id DESC LIMIT 20;
"""

_COMMIT = """UPDATE ai.agno_sessions SET updated_at = updated_at + 1
WHERE session_id = (SELECT min(session_id) FROM ai.agno_sessions)"""


def measure_growth(postgres: Postgres, wrk: Wrk, plan: Plan, record: "Record") -> None:
    """Every case on every size, first as agno leaves the table, then with the proposed indexes."""
    found: list[dict[str, Any]] = []
    logs = Path(tempfile.mkdtemp(prefix="agno-bench-logs-"))
    for size in plan.growth:
        database = f"grown_{size}"
        began = time.monotonic()
        create_tables(postgres, database)
        load_small(postgres, database, size)
        postgres.run("VACUUM ANALYZE", database=database)
        print(f"Loaded {size:,} sessions in {time.monotonic() - began:.0f} s", flush=True)
        for indexes in (False, True):
            if indexes:
                _apply_indexes(postgres, database)
            bench = Bench(postgres, database, wrk, size, 0)
            for row in _cases(bench, plan, logs):
                found.append({"sessions": size, "indexes": indexes, **row})
                print(
                    f"{size:>9,} {'indexes' if indexes else 'as agno':<8} {row['case']:<42} "
                    f"{row['rate']:>8.0f}/s  p50 {row['p50'] * 1000:.2f} ms",
                    flush=True,
                )
        postgres.run(f"DROP DATABASE {database} WITH (FORCE)")
    record.growth(found)


def _cases(bench: Bench, plan: Plan, logs: Path) -> Iterator[dict[str, Any]]:
    with servers.service(bench.postgres.dsn(bench.database), logs) as server:
        contender = HttpContender(server, 0)
        for case, path in CASES.items():
            contender.under(bench, case, [Request("GET", path)], 1, 1)
            yield _row(contender.under(bench, case, [Request("GET", path)], 1, plan.window))
        with _commits(bench):
            path = CASES["first page"]
            yield _row(contender.under(bench, WRITING, [Request("GET", path)], 1, plan.window))
    script = _KEYSET.format(start=START, number=bench.sessions)
    before = processes.cpu_seconds(bench.postgres.pid)
    load = Pgbench(bench.postgres, bench.database).run(script, 1, plan.window)
    cpu = processes.cpu_seconds(bench.postgres.pid) - before
    yield {
        "case": CURSOR,
        "rate": load.requests / load.seconds,
        "p50": load.p50,
        "p99": load.p99,
        "database_cpu": cpu / load.requests * 1000,
    }


def _row(window: Window) -> dict[str, Any]:
    if window.failed or window.broken or not window.requests:
        raise RuntimeError(f"{window.route}: {window.failed + window.broken} errors, {window.requests} answers")
    return {
        "case": window.route,
        "rate": window.rate,
        "p50": window.p50,
        "p99": window.p99,
        "database_cpu": window.database_cpu / window.requests * 1000,
    }


def _apply_indexes(postgres: Postgres, database: str) -> None:
    variables = {"AGNO_PG_DSN": postgres.dsn(database)}
    subprocess.run([SERVICE, "indexes", "--apply"], check=True, stdout=subprocess.DEVNULL, env=environment(variables))
    postgres.run("VACUUM ANALYZE ai.agno_sessions", database=database)


@contextmanager
def _commits(bench: Bench) -> Iterator[None]:
    """Another client that commits about a hundred times a second."""
    done = threading.Event()

    def commit() -> None:
        with bench.postgres.connection(bench.database) as connection, connection.cursor() as cursor:
            while not done.wait(0.01):
                cursor.execute(_COMMIT)

    thread = threading.Thread(target=commit)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
