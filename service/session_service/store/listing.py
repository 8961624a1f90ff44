"""The statement behind a page of sessions: rows, names of those that have none, and the count, in one round trip."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from session_service.database.connection import Row
from session_service.database.database import Database

from .known_rows import UNKNOWN, WRITTEN, Rows, known_rows, provable, select_known
from .layout import Layout
from .names_sql import name_columns, name_source
from .records import ListedSession, NameSource, SessionPage, Shown
from .tables import Tables
from .text import storable
from .totals import UNKNOWN as UNCOUNTED
from .totals import Total, Totals, select_total

_COMPONENT_COLUMNS = {"agent": "agent_id", "team": "team_id", "workflow": "workflow_id"}
_TEXT_COLUMNS = ("session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id", "created_at")
_JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")
_BIGINT_MAX = 2**63 - 1
_COMMON_LIMIT = 100
_STORED = "s.ctid"


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """What `GET /sessions` asks for. None means: no such filter. `page` counts from 1."""

    session_type: str | None = None
    component_id: str | None = None
    user_id: str | None = None
    session_name: str | None = None
    limit: int = 20
    page: int = 1
    sort_by: str = "created_at"
    descending: bool = True

    @property
    def matches_nothing(self) -> bool:
        """Whether a filter is no text that a row can hold."""
        return not storable(self.component_id, self.user_id, self.session_name)


async def read_page(
    database: Database,
    layout: Layout,
    tables: Tables,
    totals: Totals,
    rows: Rows,
    query: SessionQuery,
    show: Callable[[ListedSession], Shown],
) -> SessionPage[Shown]:
    """One page of the sessions that match, and the number of all that do. No run beyond the first ones is read.

    `show` is pure: what it made of a row is remembered, and given again while the row is the same.
    """
    where, parameters = _where(query)
    cut, numbers = _cut(query)
    order = _order(query, layout)
    cut = f"{where} ORDER BY {order} {cut}"
    age, asked_at = database.age, time.monotonic()
    proving = age is not None and query.limit <= _COMMON_LIMIT and provable(layout)
    total_key, page_key = (where, tuple(parameters)), (show, layout.name, cut, (*parameters, *numbers))
    total, known = totals.known(total_key, age), rows.known(page_key, age)
    counting = f"SELECT count(*) FROM {tables.sessions} s {where}"
    sql = _statement(layout, tables, counting, order, cut, deep=query.page > 1, proving=proving)

    async def read() -> list[Row]:
        bound = [*parameters, *parameters, *numbers, *(known.parameters if proving else [])]
        return await database.read(sql, [total.snapshot, total.number, *bound])

    found = await read()
    number, snapshot = found[0][:2]
    if database.age == age:
        totals.remember(total_key, Total(snapshot, number, age))
    elif total is not UNCOUNTED or known is not UNKNOWN:  # it may have run on another server than they are of
        total, known = UNCOUNTED, UNKNOWN
        found = await read()
        number = found[0][0]
    page = [row[2:] for row in found if row[2] is not None]
    shown = [known.shown[row[0]] if row[1] else show(_listed(row[3:])) for row in page]
    if proving and database.age == age:
        rows.remember(page_key, known_rows(known, page, shown, snapshot, age, asked_at))
    return SessionPage(number, shown)


def _statement(
    layout: Layout, tables: Tables, counting: str, order: str, cut: str, *, deep: bool, proving: bool
) -> str:
    """Total and snapshot, key, known and certain (`known_rows`), and the columns of `_listed`, empty where known."""
    proof, columns, known = "s.session_id, false, false", "", ""
    if proving:
        certain = "f.run_id IS NULL OR n.from_first IS TRUE" if layout.runs_table else "true"
        proof, columns = f"k.key, k.known, {certain}", f", {WRITTEN}"
        known = select_known(layout, tables)
    if order == _STORED:
        columns += ", s.ctid AS stored_at"
    if deep:  # only the ids are sorted and skipped, not whole rows
        cut = f"WHERE s.session_id IN (SELECT s.session_id FROM {tables.sessions} s {cut})"
    unknown = "k.known IS NOT TRUE" if proving else "true"
    names = name_source(layout, tables, parsed=False, where=unknown, first=proving)
    # the page is cut first, in s: expressions in the select list of a LIMIT/OFFSET run for skipped rows too
    return f"""
    SELECT t.total, t.snapshot, {proof}, c.*
    FROM ({select_total(counting)}) t
    LEFT JOIN (SELECT s.*, s.session_type AS named_as{columns} FROM {tables.sessions} s {cut}) s ON true
    {known}
    LEFT JOIN LATERAL ({names}) n ON true
    LEFT JOIN LATERAL (
        SELECT s.session_id, s.session_type, s.agent_id, s.team_id, s.workflow_id, s.user_id,
            {_member("session_data", "session_name")}, {_member("session_data", "session_state")},
            {_member("session_data", "session_metrics")}, s.summary::text, s.metadata::text,
            {_member("agent_data", "sdk")}, {_member("agent_data", "framework")},
            s.created_at, s.updated_at, {", ".join(name_columns("n"))}
        WHERE {unknown} OFFSET 0
    ) c ON true
    ORDER BY {order.replace(_STORED, "s.stored_at")}"""


def _cut(query: SessionQuery) -> tuple[str, list[int]]:
    """LIMIT and OFFSET. Common limits are written out: a plan for any number expects a tenth of the table."""
    offset = [min((query.page - 1) * query.limit, _BIGINT_MAX)] if query.page > 1 else []
    skip = " OFFSET %s" if offset else ""
    if query.limit <= _COMMON_LIMIT:
        return f"LIMIT {query.limit}{skip}", offset
    return f"LIMIT %s{skip}", [min(query.limit, _BIGINT_MAX), *offset]


def _member(column: str, key: str) -> str:
    return f"(s.{column}->'{key}')::text"


def _where(query: SessionQuery) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, list[Any]]] = []
    if query.session_type is not None:
        conditions.append(("s.session_type = %s", [query.session_type]))
    if query.component_id is not None:
        columns = [_COMPONENT_COLUMNS[query.session_type]] if query.session_type else _COMPONENT_COLUMNS.values()
        equal = " OR ".join(f"s.{column} = %s" for column in columns)
        conditions.append((f"({equal})", [query.component_id] * len(columns)))
    if query.user_id is not None:
        conditions.append(("s.user_id = %s", [query.user_id]))
    if query.session_name is not None:
        # not escaped on purpose: % and _ are wildcards for AgentOS, and so is a closing backslash
        pattern = f"%{query.session_name}%"
        conditions.append(("COALESCE(s.session_data->>'session_name', '') ILIKE %s", [pattern]))
    if not conditions:
        return "", []
    return (
        "WHERE " + " AND ".join(text for text, _ in conditions),
        [value for _, values in conditions for value in values],
    )


def _order(query: SessionQuery, layout: Layout) -> str:
    direction = "DESC" if query.descending else "ASC"
    column = query.sort_by
    if column == "updated_at":
        return f"COALESCE(s.updated_at, s.created_at) {direction}, s.session_id {direction}"
    sortable = column in _TEXT_COLUMNS
    if column in _JSON_COLUMNS:
        sortable = layout.json_type == "jsonb"  # json has no order
    if column == "runs":
        sortable = layout.runs_column == "jsonb"
    return f"s.{column} {direction}, s.session_id {direction}" if sortable else _STORED


def _listed(row: tuple[Any, ...]) -> ListedSession:
    name = None if row[6] == b"null" else row[6]
    source = NameSource(bool(row[15]), *row[16:19]) if name is None else None
    return ListedSession._make((*row[:6], name, *row[7:15], source))
