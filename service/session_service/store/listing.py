"""The statement behind a page of sessions: rows, names of those that have none, and the count, in one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from session_service.database.database import Database

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
    database: Database, layout: Layout, tables: Tables, totals: Totals, query: SessionQuery
) -> SessionPage:
    """One page of the sessions that match, and the number of all that do. No run beyond the first ones is read."""
    where, parameters = _where(query)
    order = _order(query, layout)
    cut, numbers = _cut(query)
    key, age = (where, tuple(parameters)), database.age
    known = totals.known(key, age)
    # the page is cut first, in s: expressions in the select list of a LIMIT/OFFSET run for skipped rows too
    sql = f"""
    SELECT t.total, t.snapshot, s.session_id, s.session_type, s.agent_id, s.team_id, s.workflow_id, s.user_id,
        {_member("session_data", "session_name")}, {_member("session_data", "session_state")},
        {_member("session_data", "session_metrics")}, s.summary::text, s.metadata::text,
        {_member("agent_data", "sdk")}, {_member("agent_data", "framework")},
        s.created_at, s.updated_at, {", ".join(name_columns("n"))}
    FROM ({select_total(f"SELECT count(*) FROM {tables.sessions} s {where}")}) t
    LEFT JOIN ({_page(tables, f"{where} ORDER BY {order} {cut}", deep=query.page > 1)}) s ON true
    LEFT JOIN LATERAL ({name_source(layout, tables, parsed=False)}) n ON true
    ORDER BY {order.replace(_STORED, "s.stored_at")}"""
    rows = await database.read(sql, [known.snapshot, known.number, *parameters, *parameters, *numbers])
    if database.age == age:
        totals.remember(key, Total(rows[0][1], rows[0][0], age))
    elif known is not UNKNOWN:  # it may have run on another server than the count is of
        rows = await database.read(sql, [UNKNOWN.snapshot, UNKNOWN.number, *parameters, *parameters, *numbers])
    total = rows[0][0]
    return SessionPage(total, [_listed(row[2:]) for row in rows if row[2] is not None])


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
