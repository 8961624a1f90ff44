"""Write the Grafana dashboards of both programs: `python scripts/dashboards.py`, into manifests/monitoring/dashboards/.

A dashboard is a dictionary as Grafana's own JSON has it. Panels stand in rows of 24 columns, from left to right.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[1] / "manifests/monitoring/dashboards"
DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA_VERSION = 39
"""Grafana 10.4 and later; newer ones migrate it when they load it."""

Json = dict[str, Any]


Target = tuple[str, str]
"""A PromQL expression, and the legend of what it finds."""


def stat(title: str, about: str, unit: str, *target: Target) -> Json:
    """A number of now, over a small curve of before."""
    panel = _panel("stat", title, about, unit, target, width=4, height=4)
    panel["fieldConfig"]["defaults"]["noValue"] = "0"
    return panel | {"options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "colorMode": "value"}}


def graph(title: str, about: str, unit: str, *targets: Target, width: int = 8) -> Json:
    """Curves over time."""
    options = {"tooltip": {"mode": "multi", "sort": "desc"}, "legend": {"displayMode": "list"}}
    return _panel("timeseries", title, about, unit, targets, width, height=8) | {"options": options}


def _panel(kind: str, title: str, about: str, unit: str, targets: tuple[Target, ...], width: int, height: int) -> Json:
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": DATA_SOURCE,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": DATA_SOURCE, "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(targets)
        ],
    }


def row(title: str, *panels: Json) -> list[Json]:
    """A heading, and the panels below it."""
    return [{"type": "row", "title": title, "collapsed": False, "gridPos": {"w": 24, "h": 1}, "panels": []}, *panels]


def placed(panels: list[Json]) -> list[Json]:
    """The panels, each with its id and its place."""
    x = y = height = 0
    for number, each in enumerate(panels, start=1):
        place = each["gridPos"]
        if x + place["w"] > 24:
            x, y, height = 0, y + height, 0
        each["id"] = number
        place |= {"x": x, "y": y}
        x, height = x + place["w"], max(height, place["h"])
    return panels


def variable(name: str, label: str, query: str) -> Json:
    """A choice of label values, of which all are chosen at first."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATA_SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "sort": 1,
    }


def dashboard(uid: str, title: str, about: str, variables: list[Json], *rows: list[Json]) -> Json:
    """A dashboard of rows; the data source is the first choice on it."""
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "current": {}}
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["agno-session-store"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source, *variables]},
        "annotations": {"list": []},
        "panels": placed([each for panels in rows for each in panels]),
    }


def rate(metric: str, labels: str, *by: str) -> Target:
    """How often a second a counter counts, by labels; the legend names them."""
    return _by("sum", f"rate({metric}{{{labels}}}[$__rate_interval])", by), _legend(by)


def total(metric: str, labels: str, *by: str) -> Target:
    """The sum of a gauge, by labels; the legend names them."""
    return _by("sum", f"{metric}{{{labels}}}", by), _legend(by)


def longest(metric: str, labels: str, *by: str) -> Target:
    """The largest of a gauge, by labels; the legend names them."""
    return _by("max", f"{metric}{{{labels}}}", by), _legend(by)


def quantiles(metric: str, labels: str, *by: str) -> list[Target]:
    """The median of a histogram, and what one in a hundred exceeds, by labels."""
    buckets = _by("sum", f"rate({metric}_bucket{{{labels}}}[$__rate_interval])", (*by, "le"))
    return [
        (f"histogram_quantile({share}, {buckets})", f"{_legend(by)} {name}".strip())
        for share, name in ((0.5, "p50"), (0.99, "p99"))
    ]


def _by(how: str, expression: str, by: tuple[str, ...]) -> str:
    return f"{how} by ({', '.join(by)}) ({expression})" if by else f"{how}({expression})"


def _legend(by: tuple[str, ...]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in by)


def service() -> Json:
    """Of the session service: requests, databases, pools, processes."""
    of = 'namespace=~"$namespace", job=~"$job"'
    of_database = f'{of}, database=~"$database"'
    serving = f'{of_database}, state="serving"'
    asked = f'{of}, route!~"/health.*"'  # probes are no requests of anybody
    requests, seconds = "agno_session_http_requests_total", "agno_session_http_request_duration_seconds"
    statements = "agno_session_database_query_duration_seconds"
    answered = f"sum(rate({requests}{{{asked}}}[$__rate_interval]))"
    failed = f'(sum(rate({requests}{{{asked}, code=~"5.."}}[$__rate_interval])) or vector(0))'
    _, list_p99 = quantiles(seconds, f'{of}, method="GET", route="/sessions"')
    away = f"count(max by (namespace, job, database) (agno_session_database_state{{{serving}}}) == 0)"
    return dashboard(
        "agno-session-service",
        "Agno sessions / Service",
        "What the session service is asked, how it answers, and how it finds its databases.",
        [
            variable("namespace", "Namespace", "label_values(agno_session_build_info, namespace)"),
            variable("job", "Store", 'label_values(agno_session_build_info{namespace=~"$namespace"}, job)'),
            variable("database", "Database", f"label_values(agno_session_database_state{{{of}}}, database)"),
        ],
        row(
            "At a glance",
            stat("Requests", "Requests a second.", "reqps", (answered, "")),
            stat("Errors", "Share answered by 5xx.", "percentunit", (f"{failed} / {answered}", "")),
            stat("List, p99", "One in a hundred lists takes longer.", "s", list_p99),
            stat("Databases away", "Databases that no pod has a good answer from.", "none", (away, "")),
            stat(
                "Waiting",
                "Requests that wait for a connection.",
                "none",
                total("agno_session_pool_waiting", of_database),
            ),
            stat("Pods", "Processes, by version.", "none", total("agno_session_build_info", of, "version")),
        ),
        row(
            "Requests",
            graph("Requests by route", "Requests a second.", "reqps", rate(requests, asked, "method", "route")),
            graph(
                "Answers by status",
                "503 names a database that is away or a pool that is used up, 504 a statement that took too long.",
                "reqps",
                rate(requests, asked, "code"),
            ),
            graph(
                "Duration by route",
                "The median, and what one in a hundred takes longer than.",
                "s",
                *quantiles(seconds, asked, "method", "route"),
            ),
            graph("In flight", "Requests now.", "none", total("agno_session_http_requests_in_flight", of, "pod")),
            graph(
                "Bytes sent",
                "Bodies of answers.",
                "Bps",
                rate("agno_session_http_response_bytes_total", asked, "method", "route"),
            ),
            graph(
                "Refused before any work",
                "Requests that are turned away.",
                "reqps",
                rate("agno_session_requests_refused_total", of, "reason"),
            ),
        ),
        row(
            "Databases",
            graph(
                "Pods that a database serves",
                "Below the number of pods, some do not reach it.",
                "none",
                total("agno_session_database_state", serving, "job", "database"),
            ),
            graph(
                "Duration of statements",
                "As the service sees it, so with the network.",
                "s",
                *quantiles(statements, of_database, "database"),
            ),
            graph(
                "Errors",
                "By reason; docs/reference/probes.md explains each.",
                "ops",
                rate("agno_session_database_errors_total", of_database, "database", "reason"),
            ),
            graph(
                "Read-only replicas",
                "Pods by the state that they find a replica in; the primary answers while it is not serving.",
                "none",
                total("agno_session_replica_state", of_database, "database", "state"),
            ),
            graph(
                "Layout",
                "Pods by the layout that they see; half-migrated ends when agno's migration does.",
                "none",
                total("agno_session_database_layout", of_database, "database", "layout"),
            ),
        ),
        row(
            "Pools",
            graph(
                "Connections",
                "By state, and how many there may be.",
                "none",
                total("agno_session_pool_connections", of_database, "database", "state"),
                total("agno_session_pool_max_connections", of_database, "database"),
            ),
            graph(
                "Waiting for a connection",
                "Above 0 for long, the pool is too small or statements take too long.",
                "none",
                total("agno_session_pool_waiting", of_database, "database"),
            ),
            graph(
                "Waited in vain",
                "Requests answered by 503, for no connection came free in time.",
                "reqps",
                rate("agno_session_pool_acquire_timeouts_total", of_database, "database"),
            ),
            graph(
                "Sent away at once",
                "Requests answered by 503, for too many were waiting.",
                "reqps",
                rate("agno_session_pool_refused_total", of_database, "database"),
            ),
        ),
        row(
            "Processes",
            graph(
                "Event loop lag",
                "How late a process comes to its work: every request of it waits so long.",
                "s",
                longest("agno_session_event_loop_lag_seconds", of, "pod"),
            ),
            graph("Memory", "Resident.", "bytes", longest("process_resident_memory_bytes", of, "pod")),
            graph(
                "CPU", "Cores; a process uses one at the most.", "none", rate("process_cpu_seconds_total", of, "pod")
            ),
            graph("Descriptors", "Open files and sockets.", "none", longest("process_open_fds", of, "pod")),
            graph(
                "Reloads of the DSN map",
                "A refused one leaves the map before in use.",
                "ops",
                rate("agno_session_dsn_map_reloads_total", of, "pod", "result"),
            ),
        ),
    )


def operator() -> Json:
    """Of the operator: stores, what it does for them, and its connection to the API server."""
    of = 'namespace=~"$namespace", job=~"$job"'

    def stores(condition: str, status: str) -> Target:
        return longest("session_operator_stores", f'{of}, condition="{condition}", status="{status}"')

    return dashboard(
        "agno-session-operator",
        "Agno sessions / Operator",
        "How the SessionStores of the cluster are, and what the operator does for them.",
        [
            variable("namespace", "Namespace", "label_values(session_operator_build_info, namespace)"),
            variable("job", "Operator", 'label_values(session_operator_build_info{namespace=~"$namespace"}, job)'),
        ],
        row(
            "At a glance",
            stat("Stores ready", "SessionStores whose condition Ready is True.", "none", stores("Ready", "True")),
            stat("Stores not ready", "kubectl get sst -A shows which.", "none", stores("Ready", "False")),
            stat("Stores degraded", "Somebody has to mend something.", "none", stores("Degraded", "True")),
            stat("Leaders", "One, always.", "none", total("session_operator_leader", of)),
            stat("Changes waiting", "0 but for moments.", "none", total("session_operator_queue_depth", of)),
            stat("Replicas", "Processes, by version.", "none", total("session_operator_build_info", of, "version")),
        ),
        row(
            "Stores and changes",
            graph(
                "Stores by condition",
                "As the leader sees it.",
                "none",
                longest("session_operator_stores", of, "condition", "status"),
            ),
            graph(
                "Reconciles",
                "Attempts a second, by what came of them.",
                "ops",
                rate("session_operator_reconciles_total", of, "result"),
            ),
            graph(
                "Duration of a reconcile",
                "The median, and what one in a hundred takes longer than.",
                "s",
                *quantiles("session_operator_reconcile_duration_seconds", of),
            ),
            graph("Queue", "Keys that wait.", "none", total("session_operator_queue_depth", of, "pod")),
            graph(
                "The longest wait",
                "How long the oldest key has waited.",
                "s",
                longest("session_operator_queue_oldest_seconds", of, "pod"),
            ),
            graph("Who leads", "1 for the leader.", "none", longest("session_operator_leader", of, "pod")),
        ),
        row(
            "API server",
            graph(
                "Requests by verb and status",
                "None but reads while nothing changes.",
                "reqps",
                rate("session_operator_api_requests_total", of, "verb", "code"),
                width=12,
            ),
            graph(
                "Silence of watches",
                "How long a watch has brought nothing; each is renewed within minutes.",
                "s",
                longest("session_operator_watch_age_seconds", of, "watch"),
                width=12,
            ),
        ),
    )


DASHBOARDS = {"session-service.json": service, "session-operator.json": operator}


def rendered(name: str) -> str:
    """The text of a dashboard's file."""
    return json.dumps(DASHBOARDS[name](), indent=2) + "\n"


if __name__ == "__main__":
    for name in DASHBOARDS:
        (DIRECTORY / name).write_text(rendered(name))
