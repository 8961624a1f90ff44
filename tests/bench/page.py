"""The page of figures, made of a run's JSON. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from .chart import bars, lines
from .results import Figures, Key, figures, from_json, ratio
from .routes import ROUTES

SERVICE = "session-service"
AGENTOS = ("AgentOS sync", "AgentOS async")
PGBENCH = "pgbench"
CONNECTIONS = 16

# Least ratios of rates at 16 connections: to the better AgentOS, and to pgbench with the same statements. The Go
# service that this project replaces, by AgentOS of its own run on a machine of this size, is the third.
TARGETS: dict[str, tuple[float | None, float | None, float | None]] = {
    "list": (50, 0.5, 32 / 25),
    "list_user": (None, 0.5, 39 / 26),
    "list_pages": (None, None, None),
    "detail": (5, 0.4, 574 / 154),
    "runs": (4.5, 0.5, 482 / 190),
    "create": (10, 0.25, 3902 / 311),
    "rename": (6, 0.25, 526 / 143),
    "delete": (15, 0.25, 5618 / 190),
    "mixed": (None, None, None),
}

_HEAD = """# Benchmarks of the service

Written by `make bench` and `make bench-growth`. What is measured, and where the time goes: [reading](reading.md).
"""


def markdown(found: dict[str, Any]) -> str:
    """The whole page; sections of what was not measured are left out."""
    parts = [_HEAD]
    if "machine" in found:
        parts.append(_machine(found))
    if "windows" in found:
        medians = figures(from_json(found["windows"]))
        parts += [_ratios(medians), "![Requests a second](service-rates.svg)\n"]
        parts += [_rates(medians, connections) for connections in sorted({key[2] for key in medians})]
    if "heavy" in found:
        parts += [_heavy(found["heavy"]), "![Memory](service-memory.svg)\n"]
    if "starts" in found:
        rows = [[name, f"{seconds:.2f} s"] for name, seconds in found["starts"].items()]
        parts.append("## Start to first answer\n\n" + _table(["server", "median"], rows))
    if "growth" in found:
        parts += [_growth(found["growth"]), "![Growth](service-growth.svg)\n"]
    if "wrk" in found:
        parts.append(_wrk(found["wrk"]))
    return "\n".join(parts)


def charts(found: dict[str, Any]) -> dict[str, str]:
    """The charts of the page by file name."""
    made = {}
    if "windows" in found:
        medians = figures(from_json(found["windows"]))
        names = sorted({key[0] for key in medians}, key=_order)
        groups = [
            (
                route.title,
                [
                    (n, medians[n, route.name, CONNECTIONS].rate)
                    for n in names
                    if (n, route.name, CONNECTIONS) in medians
                ],
            )
            for route in ROUTES
        ]
        made["service-rates.svg"] = bars(f"Requests a second, {CONNECTIONS} connections", groups, log=True)
    if "heavy" in found:
        groups = []
        for connections in sorted({each["connections"] for each in found["heavy"]}):
            rows = [each for each in found["heavy"] if each["connections"] == connections]
            groups.append(
                (f"{connections} at a time", [(r["server"], max(0.1, (r["peak"] - r["before"]) / 2**20)) for r in rows])
            )
        made["service-memory.svg"] = bars(
            "Growth of the process in MiB, listing 20 sessions of 200 runs", groups, log=True
        )
    if "growth" in found:
        series: dict[str, list[tuple[float, float]]] = {}
        for row in found["growth"]:
            if row["indexes"]:
                series.setdefault(row["case"], []).append((row["sessions"], row["p50"] * 1000))
        made["service-growth.svg"] = lines("Median in ms by number of sessions, with the proposed indexes", series)
    return made


def _order(name: str) -> tuple[int, str]:
    return ([SERVICE, *AGENTOS, PGBENCH].index(name) if name in (SERVICE, *AGENTOS, PGBENCH) else 9, name)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _machine(found: dict[str, Any]) -> str:
    machine, data = found["machine"], found.get("dataset")
    text = (
        f"{machine['date']}, {machine['processor']}, {machine['memory']}, {machine['system']}, "
        f"Python {machine['python']}, PostgreSQL {machine['postgres']}; "
        "client, servers and database on the same machine.\n"
    )
    if data:
        text += (
            f"{data['sessions']:,} sessions, {data['runs']:,} runs, {data['bytes'] / 2**20:,.0f} MiB of JSON, "
            "half of the sessions without a name.\n"
        )
    return text


def _ratios(medians: dict[Key, Figures]) -> str:
    rows = []
    for route in ROUTES:
        least, alone, go = TARGETS[route.name]
        agentos = ratio(medians, route.name, CONNECTIONS, SERVICE, AGENTOS)
        rows.append(
            [
                route.title,
                _against(agentos, least),
                _against(agentos, go),
                _against(ratio(medians, route.name, CONNECTIONS, SERVICE, [PGBENCH]), alone),
                _tail(medians, route.name),
            ]
        )
    head = ["route", "by AgentOS (goal)", "by AgentOS (Go service)", "by pgbench (goal)", "p99, and p50 of AgentOS"]
    return f"## Ratios of rates, {CONNECTIONS} connections\n\nThe better adapter of AgentOS counts.\n\n" + _table(
        head, rows
    )


def _against(value: float | None, goal: float | None) -> str:
    if value is None:
        return "-"
    if goal is None:
        return f"{value:.2f}"
    return f"{'' if value >= goal else '**missed:** '}{value:.2f} ({goal:.3g})"


def _tail(medians: dict[Key, Figures], route: str) -> str:
    ours = medians.get((SERVICE, route, CONNECTIONS))
    theirs = [medians[name, route, CONNECTIONS].p50 for name in AGENTOS if (name, route, CONNECTIONS) in medians]
    if ours is None or not theirs:
        return "-"
    mark = "" if ours.p99 <= min(theirs) else "**missed:** "
    return f"{mark}{ours.p99 * 1000:.1f} ms, {min(theirs) * 1000:.1f} ms"


def _rates(medians: dict[Key, Figures], connections: int) -> str:
    rows = []
    for route in ROUTES:
        for name in sorted({key[0] for key in medians}, key=_order):
            each = medians.get((name, route.name, connections))
            if each is None:
                continue
            rows.append(
                [
                    *(route.title, name, f"{each.rate:,.0f}", f"{each.p50 * 1000:.2f}", f"{each.p99 * 1000:.2f}"),
                    "-" if each.server_cpu is None else f"{each.server_cpu:.3f}",
                    f"{each.database_cpu:.3f}",
                    "-" if each.peak_memory is None else f"{each.peak_memory / 2**20:.0f}",
                    str(each.errors),
                ]
            )
    head = ["route", "server", "requests/s", "p50 ms", "p99 ms", "server CPU s/1,000", "database CPU s/1,000"]
    plural = "connection" if connections == 1 else "connections"
    return f"## {connections} {plural}\n\n" + _table([*head, "peak MiB", "errors"], rows)


def _heavy(rows: Sequence[dict[str, Any]]) -> str:
    shown = [
        [
            *(row["server"], str(row["connections"]), f"{row['before'] / 2**20:.0f}", f"{row['peak'] / 2**20:.0f}"),
            *(f"{(row['peak'] - row['before']) / 2**20:.0f}", str(row["requests"])),
        ]
        for row in rows
    ]
    head = ["server", "at a time", "before MiB", "peak MiB", "growth MiB", "answers"]
    text = "A fresh process each lists the 20 sessions of 200 runs ([agno#10328](https://github.com/agno-agi/agno/issues/10328)).\n\n"
    return "## Memory\n\n" + text + _table(head, shown)


def _growth(rows: Sequence[dict[str, Any]]) -> str:
    sizes = sorted({row["sessions"] for row in rows})
    cells = {(row["case"], row["indexes"], row["sessions"]): row for row in rows}
    shown = []
    for case in dict.fromkeys(row["case"] for row in rows):
        for indexes in (False, True):
            found = [cells.get((case, indexes, size)) for size in sizes]
            if any(found):
                values = [
                    "-" if each is None else f"{each['p50'] * 1000:.2f} / {each['database_cpu']:.2f}" for each in found
                ]
                shown.append([case, "yes" if indexes else "no", *values])
    head = ["p50 ms / database CPU s per 1,000", "proposed indexes", *(f"{size:,}" for size in sizes)]
    text = "One connection; five small runs a session, 20 sessions a user, 500 an agent.\n\n"
    return "## Growth\n\n" + text + _table(head, shown)


def _wrk(rows: Sequence[dict[str, Any]]) -> str:
    shown = [
        [
            f"{row['size']:,} bytes",
            f"{row['requests'] / row['seconds']:,.0f}",
            f"{row['cpu'] / row['requests'] * 1000:.3f}",
        ]
        for row in rows
    ]
    return "## The load generator alone\n\nwrk against a server that does nothing.\n\n" + _table(
        ["answer", "requests/s", "its CPU s/1,000"], shown
    )
