"""The deliberate differences: the table that states them, and what the service does by them where AgentOS does another.

Each rule turns what AgentOS does on a request into what the service has to do, all of it, by what AgentOS does on a
request, or on rows, without the difference. Nothing here looks at the service.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .examples import Example, pages
from .exchange import Request
from .postgres import Rows
from .servers import ROOT, Configuration, Server, Servers
from .sidebyside import Outcome, observe
from .standins import LIST, ODD, PRINTS_NULLS, StandIn, stand_ins
from .tally import route

TABLE = ROOT / "docs/reference/differences.md"
NAMES = re.findall(r"^\| `([a-z0-9-]+)` \|", TABLE.read_text(), re.MULTILINE)

# What we answer instead, each with the name of its row; a case with the name of an example takes its request from it.
CASES: list[Example] = json.loads((Path(__file__).parent / "data/differences.json").read_text())
OF_EXAMPLES = {case["name"]: case for case in CASES}


@dataclass
class Expectation:
    """What the service has to do on a request; `differences` are the rows of the table by which AgentOS does not."""

    dataset: str
    request: Request
    agentos: Server
    outcome: Outcome
    differences: set[str] = field(default_factory=set)
    standing: list[StandIn] = field(default_factory=list)

    @property
    def route(self) -> str:
        """The route asked for."""
        return route(self.request)

    @property
    def pristine(self) -> Rows:
        """The rows before the request."""
        return self.agentos.database.pristine

    @property
    def session(self) -> dict[str, Any] | None:
        """The row of the session that the request is about."""
        rows = self.pristine.get(self.request.table, ())
        return next((row for row in rows if row["session_id"] == self.request.session_id), None)

    @property
    def shown_as(self) -> str | None:
        """The type in whose form the session is asked for."""
        return self.request.query.get("type", self.session and self.session["session_type"])

    @property
    def body(self) -> dict[str, Any]:
        """The body of the request, where it is an object."""
        return self.request.json if isinstance(self.request.json, dict) else {}

    def stand_ins(self, *, failed: bool) -> list[StandIn]:
        """What has to stand in the rows for AgentOS to do what the service does."""
        sessions = self.pristine.get(self.request.table, [])
        return stand_ins(self.dataset, sessions, self.route, self.request.session_id, failed=failed)

    def ask(self, **changes: Any) -> Outcome:
        """What AgentOS does on the request with these changes, as the service would put it."""
        outcome = observe(self.agentos, replace(self.request, **changes), [each.statement for each in self.standing])
        for each in self.standing:
            shown = each.answer_without(outcome.body, self.pristine, nulls=self.route in PRINTS_NULLS)
            outcome = replace(outcome, body=shown, rows=each.rows_without(outcome.rows, self.pristine))
        return outcome


def refused(it: Expectation) -> None:
    """Refused for want of a token or a scope, a page is told of methods and headers in answers to preflights only."""
    told = {"access-control-allow-methods", "access-control-allow-headers"}
    if it.outcome.status in (401, 403) and it.outcome.headers.keys() & told:
        it.differences.add("refusal-headers")
        headers = {name: value for name, value in it.outcome.headers.items() if name not in told}
        it.outcome = replace(it.outcome, headers=headers)


def bad_summary(it: Expectation) -> None:
    """A summary on which AgentOS fails is refused, and nothing is stored."""
    summary = it.body.get("summary")
    if it.request.method != "PATCH" or it.outcome.status != 500 or not isinstance(summary, dict):
        return
    if message := refusal(summary):
        it.differences.add("bad-summary")
        detail = [{"type": "value_error", "loc": ["body", "summary"], "msg": message, "input": None}]
        other = it.ask(json={"summary": 1})  # AgentOS refuses this
        it.outcome = Outcome(422, other.headers, {"detail": detail}, it.pristine)


def refusal(summary: dict[str, Any]) -> str | None:
    """What is wrong with a summary."""
    if summary.keys() - {"summary", "topics", "updated_at"}:
        return "allowed keys are summary, topics and updated_at"
    if "summary" not in summary:
        return "the key summary is required"
    try:
        if date := summary.get("updated_at"):
            datetime.fromisoformat(date)
    except (TypeError, ValueError):
        return "updated_at must be an ISO 8601 date"
    return None


def served_though_odd(it: Expectation) -> None:
    """AgentOS is asked about values that it can serve."""
    it.standing = it.stand_ins(failed=it.outcome.status == 500)
    if it.standing and it.outcome.status in (200, 500):
        it.differences |= {each.difference for each in it.standing}
        it.outcome = it.ask()


def patched_alone(it: Expectation) -> None:
    """A patch does what it does in the session's own form, and changes what the body names and `updated_at` alone."""
    if it.request.method != "PATCH" or it.outcome.status not in (200, 500) or it.session is None:
        return
    kind, asked_as = it.session["session_type"], it.shown_as
    if asked_as != kind:
        it.differences.add("patch-rewrites")
        it.standing = it.stand_ins(failed=True)
        path, *_ = it.request.path.partition("?")
        query = {name: value for name, value in it.request.query.items() if name != "type"}
        unseen = {"summary"} if asked_as == "workflow" else set()
        body = {key: value for key, value in it.body.items() if key not in unseen}
        it.outcome = it.ask(path=f"{path}?{urlencode(query)}", json=body, body=None)
    if it.outcome.status == 200:
        named = {key for key, value in it.body.items() if value is not None}
        columns = {"updated_at"}
        columns |= {"session_data"} if named & {"session_name", "session_state"} else set()
        columns |= {"metadata"} & named
        columns |= {"summary"} & named if "workflow" not in (kind, asked_as) else set()
        rows = it.outcome.rows[it.request.table]
        [now] = [row for row in rows if row["session_id"] == it.request.session_id]
        patched = it.session | {column: now[column] for column in columns}
        if patched != now:
            it.differences.add("patch-rewrites")
        others = [row for row in rows if row is not now]
        it.outcome = replace(it.outcome, rows=it.outcome.rows | {it.request.table: [*others, patched]})


def sorted_by_id_too(it: Expectation) -> None:
    """Rows with equal sort keys are ordered by id; where `sort_by` is unknown, by `created_at` before."""
    if it.route != LIST or it.outcome.status != 200 or not pages(it.outcome.body):
        return
    query, meta = it.request.query, it.outcome.body["meta"]
    column = query.get("sort_by", "created_at")
    if column not in it.pristine[it.request.table][0]:
        column = "created_at"
    path, *_ = it.request.path.partition("?")
    path += "?" + urlencode(query | {"sort_by": column, "limit": 10000, "page": 1})
    it.standing = it.stand_ins(failed=True)
    rows, keys = it.ask(path=path).body["data"], it.agentos.sort_keys(replace(it.request, path=path))
    groups = [list(equal) for _, equal in groupby(rows, lambda row: keys[row["session_id"]])]
    descending = query.get("sort_order", "desc") == "desc"
    ordered = [row for equal in groups for row in sorted(equal, key=itemgetter("session_id"), reverse=descending)]
    begin = (meta["page"] - 1) * meta["limit"]
    page = ordered[begin : begin + meta["limit"]]
    if page != it.outcome.body["data"]:
        it.differences.add("ties")
        it.outcome = replace(it.outcome, body=it.outcome.body | {"data": page})


def unread_body(it: Expectation) -> None:
    """A body that was refused unread ends the connection."""
    sent = it.request.json is not None or it.request.body
    early = re.compile("Not Found|Method Not Allowed|Insufficient permissions")
    detail = str(it.outcome.body.get("detail")) if isinstance(it.outcome.body, dict) else ""
    if sent and (it.outcome.status == 401 or early.match(detail)):
        it.differences.add("unread-body")
        it.outcome = replace(it.outcome, headers=it.outcome.headers | {"connection": "close"})


RULES: tuple[Callable[[Expectation], None], ...] = (
    refused,
    bad_summary,
    served_though_odd,
    patched_alone,
    sorted_by_id_too,
    unread_body,
)
RULED = {each.difference for each in ODD} | {
    *(
        "refusal-headers",
        "unread-body",
        "bad-summary",
        "rename-without-data",
        "never-updated",
        "patch-rewrites",
        "ties",
    ),
}


def expectation(dataset: str, request: Request, agentos: Server) -> Expectation:
    """What the service has to do, by what AgentOS does and the rules."""
    it = Expectation(dataset, request, agentos, observe(agentos, request))
    for rule in RULES:
        rule(it)
    return it


class Expectations:
    """What the service has to do on each request; AgentOS is asked once."""

    def __init__(self, agentos: Servers) -> None:
        self._agentos = agentos
        self._known: dict[str, Expectation] = {}

    def of(self, configuration: Configuration, request: Request) -> Expectation:
        """On a request to the server of this configuration."""
        key = f"{configuration} {request}"
        if key not in self._known:
            self._known[key] = expectation(configuration[0], request, self._agentos[configuration])
        return self._known[key]
