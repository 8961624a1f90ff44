"""Values of the datasets that AgentOS can't serve, and ones that it can: asked about these, it says what we answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .postgres import NULL, Rows
from .sidebyside import Statement

LIST = "GET /sessions"
READ = "GET /sessions/{session_id}"
RENAME = "POST /sessions/{session_id}/rename"
DETAILS = (READ, RENAME, "PATCH /sessions/{session_id}")
RUN = f"{READ}/runs/{{run_id}}"
RUNS = (f"{READ}/runs", f"{READ}/run-previews", RUN)
PRINTS_NULLS = (*DETAILS[1:], RUN)

Path = Sequence[str | int]
ABSENT = object()
STORED = object()  # an answer shows what is stored
LEFT_OUT = object()  # an answer shows nothing, or null


@dataclass(frozen=True)
class StandIn:
    """`value` stands at a `place`, a column and keys of its JSON, in the rows of a session when `routes` are asked.

    `shown` says, by the key under which it is `seen` in an answer, what the service shows there. It is put in place
    where AgentOS fails, or `always`.
    """

    difference: str
    session_id: str
    routes: tuple[str, ...]
    place: tuple[str | int, ...]
    value: Any
    shown: Mapping[str, Any] = field(default_factory=dict)
    seen: Any = ABSENT
    always: bool = False

    @property
    def table(self) -> str:
        """The table that it stands in."""
        return "ai.agno_runs" if self.place[0] == "run_data" else "ai.agno_sessions"

    @property
    def statement(self) -> Statement:
        """Puts it in place."""
        column, *keys = self.place
        if keys:
            new, values = f"jsonb_set({column}, %s, %s)", [list(map(str, keys)), json.dumps(self.value)]
        elif column in ("session_type", "created_at", "updated_at"):
            new, values = "%s", [self.value]
        else:
            new, values = "%s::jsonb", [json.dumps(self.value)]
        return f"UPDATE {self.table} SET {column} = {new} WHERE session_id = %s", [*values, self.session_id]

    def rows_without(self, rows: Rows, pristine: Rows) -> Rows:
        """The rows with what stood in its place before, where it still stands."""
        return rows | {self.table: [self._row_without(row, pristine) for row in rows[self.table]]}

    def _row_without(self, row: dict[str, Any], pristine: Rows) -> dict[str, Any]:
        if row["session_id"] != self.session_id or look(row, self.place) != self.value:
            return row
        return put(row, self.place, self._stored(pristine))

    def _stored(self, pristine: Rows) -> Any:
        [row] = [row for row in pristine[self.table] if row["session_id"] == self.session_id]
        return look(row, self.place)

    def answer_without(self, body: Any, pristine: Rows, *, nulls: bool) -> Any:
        """The body of an answer as the service gives it."""
        seen = self.value if self.seen is ABSENT else self.seen

        def shown(tree: Any) -> Any:
            if isinstance(tree, list):
                return [shown(item) for item in tree]
            if not isinstance(tree, dict):
                return tree
            found = {}
            for key, item in tree.items():
                new = self.shown[key] if key in self.shown and item == seen else shown(item)
                if key == self.place[0] and look(item, self.place[1:]) == self.value:  # a column as it is stored
                    new = put(item, self.place[1:], self._stored(pristine))
                if new is STORED:
                    new = self._stored(pristine)
                if new is LEFT_OUT:
                    new = None if nulls else ABSENT
                if new is not ABSENT:
                    found[key] = new
            return found

        return shown(body)


def look(tree: Any, path: Path) -> Any:
    """What is at a place of a tree."""
    for key in path:
        there = isinstance(tree, dict) and key in tree
        if not there and not (isinstance(tree, list) and isinstance(key, int) and key < len(tree)):
            return ABSENT
        tree = tree[key]
    return tree


def put(tree: Any, path: Path, value: Any) -> Any:
    """The tree with a value at a place that it has."""
    if not path:
        return value
    key, *rest = path
    copy = tree.copy()
    copy[key] = put(copy[key], rest, value)
    return copy


def odd(difference: str, name: str, routes: tuple[str, ...], place: str, value: Any, **words: Any) -> StandIn:
    """One in a session of the odd dataset; a place is written with dots."""
    keys = tuple(int(key) if key.isdigit() else key for key in place.split("."))
    return StandIn(difference, f"odd-{name}", routes, keys, value, **words)


def told(name: str) -> dict[str, str]:
    """A value that nothing else is like."""
    return {"stands for": name}


METRICS, STATE, CONTENT = "session_data.session_metrics", "session_data.session_state", "run_data.content"
LAST_SECOND = {"value": 253402300799, "seen": "9999-12-31T23:59:59Z"}
MESSAGES = [
    {"id": "1d071ba5-e2f2-5219-8071-bd5e34153652", "role": "user", "content": "q", "created_at": 1760000041},
    {"id": "24ca599d-e51f-5568-8684-644eb5379736", "role": "assistant", "content": "a", "created_at": 1760000042},
]
ODD = (
    odd("odd-field", "metricslist", (LIST, *DETAILS), METRICS, told("text"), shown={"metrics": STORED}),
    odd("odd-field", "tokenfloat", (LIST, *DETAILS), METRICS, told("12.5"), shown={"metrics": STORED}),
    odd("odd-field", "statestr", (LIST, *DETAILS), STATE, told("text"), shown={"session_state": LEFT_OUT}),
    odd("odd-field", "nametype", (LIST, *DETAILS), "session_data.session_name", "12345", shown={"session_name": ""}),
    odd("odd-field", "farfuture", (LIST, *DETAILS), "created_at", **LAST_SECOND, shown={"created_at": LEFT_OUT}),
    odd("odd-field", "farfuture", (LIST, *DETAILS), "updated_at", **LAST_SECOND, shown={"updated_at": LEFT_OUT}),
    odd(
        *("odd-user-message", "userlist", (LIST, *DETAILS), "run_data.messages.0.content", "several parts"),
        shown={"session_name": "", "content": STORED},
    ),
    odd("nameless-workflow", "wfnull", (LIST,), "workflow_data", {}),
    odd("odd-data", "dataarray", (LIST, *DETAILS), "session_data", {}),
    odd(
        "odd-content",
        "listcontent",
        RUNS,
        CONTENT,
        "a list",
        shown={"content": STORED, "content_preview": '["a", "b"]'},
    ),
    odd("odd-content", "intcontent", RUNS, CONTENT, "a number", shown={"content": STORED, "content_preview": "42"}),
    odd("odd-run", "intcontent", DETAILS, "run_data.messages.2.content", "a number", shown={"content": STORED}),
    odd("odd-run", "event", DETAILS, "run_data.events", []),
    odd("null-metrics", "nullmetrics", DETAILS, METRICS, {}),
    odd("odd-summary", "summary", DETAILS, "summary", {"summary": "s"}),
    odd("unknown-type", "type", (*DETAILS, *RUNS), "session_type", "agent"),
    odd(
        *("null-messages", "wfnullmsgs", RUNS, "run_data.step_executor_runs.0.messages", [told("null")]),
        shown={"messages": STORED},
    ),
    odd("stable-messages", "noid", DETAILS, "run_data.messages", MESSAGES, always=True),
)
IN_T_DICT = ("messages", 2, "content")


def stand_ins(
    dataset: str, sessions: list[dict[str, Any]], asked: str, session_id: str, *, failed: bool
) -> list[StandIn]:
    """Those for a request to a route (`asked`) about one of these sessions, or about all of them."""
    run = ("runs", 0) if dataset == "v2" else ("run_data",)
    known = [
        *(ODD if dataset == "odd" else ()),
        StandIn("odd-run", "t-dict", DETAILS, (*run, *IN_T_DICT), "an object", shown={"content": STORED}),
        *(
            StandIn("rename-without-data", row["session_id"], (RENAME,), ("session_data",), {}, always=True)
            for row in sessions
            if row.get("session_data") == NULL
        ),
        *(
            StandIn("never-updated", row["session_id"], DETAILS, ("updated_at",), row["created_at"], always=True)
            for row in sessions
            if row.get("updated_at") == NULL and "session_data" in row
        ),
    ]
    return [
        each
        for each in known
        if asked in each.routes and (asked == LIST or each.session_id == session_id) and (failed or each.always)
    ]
