"""The statement behind a page of sessions: rows, names of those that have none, and the count, in one round trip."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from session_service.database.connection import Row
from session_service.database.database import Database

from .known_names import UNKNOWN as UNNAMED
from .known_names import Names, known_names, select_first
from .layout import Layout
from .names_sql import name_columns, name_source
from .records import ListedSession, NameSource, SessionPage
from .tables import Tables
from .text import storable
from .totals import UNKNOWN, Total, Totals, select_total

_COMPONENT_COLUMNS = {"agent": "agent_id", "team": "team_id", "workflow": "workflow_id"}
_TEXT_COLUMNS = ("session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id", "created_at")
_JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")
_BIGINT_MAX = 2**63 - 1
_COMMON_LIMIT = 100
_STORED = "s.ctid"
_FOUND = 17
"""The place of `found` among the columns of the statement; content and input follow."""


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
    database: Database, layout: Layout, tables: Tables, totals: Totals, names: Names, query: SessionQuery
) -> SessionPage:
    """One page of the sessions that match, and the number of all that do. No run beyond the first ones is read."""
    where, parameters = _where(query)
    cut, numbers = _cut(query)
    order = _order(query, layout)
    cut = f"{where} ORDER BY {order} {cut}"
    age, asked_at = database.age, time.monotonic()
    proving = layout.name == "v3" and layout.runs_keyed and query.limit <= _COMMON_LIMIT and age is not None
    key, page_key = (where, tuple(parameters)), (cut, (*parameters, *numbers))
    known, named = totals.known(key, age), names.known(page_key, age)
    page = _page(tables, cut, deep=query.page > 1)
    sql = _statement(layout, tables, f"SELECT count(*) FROM {tables.sessions} s {where}", page, order, proving=proving)

    async def read() -> list[Row]:
        bound = [*parameters, *parameters, *numbers, *(named.parameters if proving else [])]
        return await database.read(sql, [known.snapshot, known.number, *bound])

    rows = await read()
    if database.age == age:
        totals.remember(key, Total(rows[0][1], rows[0][0], age))
    elif known is not UNKNOWN or named is not UNNAMED:  # it may have run on another server than they are of
        known, named = UNKNOWN, UNNAMED
        rows = await read()
    total, snapshot = rows[0][:2]
    rows = [row for row in rows if row[2] is not None]
    if proving:
        rows = [named.filled(row, _FOUND) for row in rows]
        if database.age == age:
            names.remember(page_key, known_names(rows, _FOUND, snapshot, age, asked_at))
    return SessionPage(total, [_listed(row[2:]) for row in rows])


def _statement(layout: Layout, tables: Tables, counting: str, page: str, order: str, *, proving: bool) -> str:
    """Total, snapshot, and the columns of `_listed`; with `proving` then those that `known_names` asks for."""
    proof = ", f.key, f.known, n.from_first" if proving else ""
    first = f"LEFT JOIN LATERAL ({select_first(tables)}) f ON true" if proving else ""
    # the page is cut first, in s: expressions in the select list of a LIMIT/OFFSET run for skipped rows too
    return f"""
    SELECT t.total, t.snapshot, s.session_id, s.session_type, s.agent_id, s.team_id, s.workflow_id, s.user_id,
        {_member("session_data", "session_name")}, {_member("session_data", "session_state")},
        {_member("session_data", "session_metrics")}, s.summary::text, s.metadata::text,
        {_member("agent_data", "sdk")}, {_member("agent_data", "framework")},
        s.created_at, s.updated_at, {", ".join(name_columns("n"))}{proof}
    FROM ({select_total(counting)}) t
    LEFT JOIN ({page}) s ON true
    {first}
    LEFT JOIN LATERAL ({name_source(layout, tables, parsed=False, first="f" if proving else None)}) n ON true
    ORDER BY {order.replace(_STORED, "s.stored_at")}"""


def _page(tables: Tables, cut: str, *, deep: bool) -> str:
    """The rows of a page, in any order. Of a page far in only the ids are sorted and skipped, not whole rows."""
    if deep:
        cut = f"WHERE s.session_id IN (SELECT s.session_id FROM {tables.sessions} s {cut})"
    stored_at = f", {_STORED} AS stored_at" if _STORED in cut else ""  # a view in place of the table has none
    return f"SELECT s.*, s.session_type AS named_as{stored_at} FROM {tables.sessions} s {cut}"


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
