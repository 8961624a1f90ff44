"""`python -m tests.bench.operator_report`: measure the operator at scale, print a table, and write the page."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
from pathlib import Path

from tests.operator.apiserver import ROOT
from tests.operator.conftest import prepared_server

from .operator_run import IDLE_SECONDS, ROTATIONS, ROTATIONS_A_SECOND, Figures, measure

PAGE = ROOT / "docs/benchmarks/operator.md"


def table(figures: Figures) -> str:
    rows = [
        ("from a cold start until every Deployment is applied", f"{figures.applied:.1f} s", "60 s"),
        ("until every store has a status as well", f"{figures.reported:.1f} s", ""),
        ("API calls a store until then", f"{figures.calls_to_apply:.1f}", ""),
        ("from a changed Secret to the patched Deployment, median", f"{figures.rotation_p50 * 1000:.0f} ms", ""),
        ("the same, 99th percentile", f"{figures.rotation_p99 * 1000:.0f} ms", "1,000 ms"),
        ("the same, longest", f"{figures.rotation_longest * 1000:.0f} ms", ""),
        ("API calls a rotation, until the store is ready again", f"{figures.calls_a_rotation:.1f}", ""),
        ("peak resident memory", f"{figures.memory:.0f} MiB", "120 MB (114 MiB)"),
        ("CPU time of the whole run", f"{figures.processor:.1f} s", ""),
        (f"writes in {IDLE_SECONDS} s at rest", f"{figures.idle_writes}", "0"),
        (f"API calls in {IDLE_SECONDS} s at rest", f"{figures.idle_calls}", ""),
    ]
    lines = ["| what | measured | aim: at most |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def page(figures: Figures) -> str:
    return f"""# The operator at scale

{figures.stores:,} SessionStores of two databases each, a Secret each, in ten namespaces, on a real kube-apiserver with
etcd. There are no nodes: a Deployment counts as complete as soon as its template changes. All of it, the load included,
shares one machine: {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}.

{table(figures)}

`make bench-operator` writes this page. A cold start is the start of the process, with all stores and Secrets there
and nothing made of them yet. {ROTATIONS} Secrets are then changed, {ROTATIONS_A_SECOND} a second. API calls are those
of the operator in the API server's audit log.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.operator_report", description=__doc__)
    parser.add_argument("--stores", type=int, default=1000, help="how many SessionStores (default: %(default)s)")
    parser.add_argument(
        "--page", type=Path, default=PAGE, help="the page to write (default: docs/benchmarks/operator.md)"
    )
    given = parser.parse_args()
    with prepared_server() as server, tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(measure(server, given.stores, Path(directory)))
    print(table(figures))
    given.page.parent.mkdir(exist_ok=True)
    given.page.write_text(page(figures))


if __name__ == "__main__":
    main()
