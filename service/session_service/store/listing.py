"""The statement behind a page of sessions: rows, names of those that have none, and the count, in one round trip."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from session_service.database.connection import Row
from session_service.database.database import Database

from . import limits
from .columns import number
from .known_rows import UNKNOWN, WRITTEN, Rows, known_rows, provable, select_known
from .layout import Layout
from .names_sql import name_columns, name_source
from .owned import Owned, Statement
from .records import ListedSession, NameSource, SessionPage, Shown
from .totals import UNKNOWN as UNCOUNTED
from .totals import Total, Totals, select_total

_COMPONENT_COLUMNS = {"agent": "agent_id", "team": "team_id", "workflow": "workflow_id"}
_TEXT_COLUMNS = ("session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id", "created_at")
_JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")
_BIGINT_MAX = 2**63 - 1
_COMMON_LIMIT = 100


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """What `GET /sessions` asks for. None means: no such filter. `page` counts from 1."""

    session_type: str | None = None
    component_id: str | None = None
    session_name: str | None = None
    limit: int = 20
    page: int = 1
    sort_by: str = "created_at"
    descending: bool = True


async def read_page(
    database: Database,
    owned: Owned,
    totals: Totals,
    rows: Rows,
    query: SessionQuery,
    show: Callable[[ListedSession], Shown],
    changed: Callable[[], None],
) -> SessionPage[Shown] | None:
    """One page of the sessions that match, and the number of all that do. No run beyond the first ones is read.

    None where the page is too long to be read at once (`long_page`).

    `show` is pure: what it made of a row is remembered, and given again while the row is the same. `changed` is called
    if the definition of the tables is no longer that of the layout; the page is correct all the same.
    """
    if query.limit > _COMMON_LIMIT:
        return None
    layout = owned.layout
    found, parameters, rows_of_page, order, of_page = page_rows(owned, query)
    age, asked_at = database.age, time.monotonic()
    definition = None if age is None else layout.definition
    proving = definition is not None and provable(layout)
    total_key, page_key = (found, tuple(parameters)), (show, definition, rows_of_page, tuple(of_page))
    total, known = totals.known(total_key, age), rows.known(page_key, age)
    counting, longest = f"SELECT count(*) FROM {found}", limits.MOST_BYTES // query.limit
    counted = select_total(counting, provable=definition is not None)
    sql = _statement(owned, counted, order, rows_of_page, longest, proving=proving)

    async def read() -> list[Row]:
        of_total = [*definition.names, total.snapshot, total.number, definition.text] if definition else []
        bound = [*parameters, *of_total, *of_page, *(known.parameters if proving else [])]
        return owned.read(await database.read(sql, bound))

    answer = await read()
    number, snapshot = answer[0][:2]
    if database.age == age:
        totals.remember(total_key, Total(snapshot, number, age))
    elif total is not UNCOUNTED or known is not UNKNOWN:  # it may have run on another server than they are of
        total, known = UNCOUNTED, UNKNOWN
        answer = await read()
        number, snapshot = answer[0][:2]
    if definition is not None and snapshot is None:
        changed()
    page = [row[2:-1] for row in answer if row[2] is not None]
    if any(row[-1] for row in answer):
        return None
    shown = [known.shown[row[0]] if row[1] else show(_listed(row[3:])) for row in page]
    if proving and database.age == age:
        rows.remember(page_key, known_rows(known, page, shown, snapshot, age, asked_at))
    return SessionPage(number, shown)


def page_rows(owned: Owned, query: SessionQuery) -> tuple[str, list[Any], str, str, list[Any]]:
    """All rows `s` that match with their parameters, then those of the page with their order and their parameters."""
    found, parameters = owned.sessions(*_conditions(query))
    order, (cut, numbers) = _order(query, owned.layout), _cut(query)
    rows, of_page = f"{found} ORDER BY {order} {cut}", [*parameters, *numbers]
    if query.page > 1 or not owned.columns.own:  # only the ids are sorted and skipped, not whole rows
        id = "s.session_id" if owned.columns.own else "s.key"
        rows, of_page = owned.sessions((f"{id} IN (SELECT {id} FROM {rows})", of_page))
    return found, parameters, rows, order, of_page


def _statement(owned: Owned, total: str, order: str, rows: str, longest: int, *, proving: bool) -> str:
    """Total and snapshot, key, known and certain (`known_rows`), the columns of `_listed`, and whether it is too long.

    The columns are empty where the row is known, and where it is longer than so many bytes.
    """
    proof, columns, known = "s.session_id, false, false", "", ""
    if proving:
        certain = "f.place IS NULL OR n.from_first IS TRUE" if owned.layout.runs_table else "true"
        proof, columns = f"k.key, k.known, {certain}", f", {WRITTEN}"
        known = select_known(owned)
    unknown = "k.known IS NOT TRUE" if proving else "true"
    names = name_source(owned, parsed=False, where=unknown, first=proving)
    texts = [name for name in _COLUMNS if name not in _ALWAYS]
    octets = " + ".join(f"COALESCE(octet_length(c.{name}), 0)" for name in texts)
    shown = [
        f"c.{name}" if name in _ALWAYS else f"CASE WHEN o.octets <= {longest} THEN c.{name} END" for name in _COLUMNS
    ]
    # the page is cut first, in s: expressions in the select list of a LIMIT/OFFSET run for skipped rows too
    stored = " + ".join(f"COALESCE(pg_column_size(s.{name}), 0)" for name in ("session_data", "metadata", "summary"))
    return f"""
    SELECT t.total, t.snapshot, {proof}, {", ".join(shown)}, {unknown} AND GREATEST(b.stored, o.octets) > {longest}
    FROM ({total}) t
    LEFT JOIN (SELECT {owned.columns.names()}, s.session_type AS named_as{columns} FROM {rows}) s ON true
    {known}
    LEFT JOIN LATERAL ({names}) n ON true
    CROSS JOIN LATERAL (SELECT {stored} AS stored OFFSET 0) b
    LEFT JOIN LATERAL (
        SELECT {", ".join(f"{sql} AS {name}" for name, sql in _COLUMNS.items())}
        WHERE {unknown} AND b.stored <= {longest} OFFSET 0
    ) c ON true
    CROSS JOIN LATERAL (SELECT 0::bigint + {octets} AS octets OFFSET 0) o
    ORDER BY {order}"""


def _cut(query: SessionQuery) -> tuple[str, list[int]]:
    """LIMIT and OFFSET. Common limits are written out: a plan for any number expects a tenth of the table."""
    offset = [min((query.page - 1) * query.limit, _BIGINT_MAX)] if query.page > 1 else []
    skip = " OFFSET %s" if offset else ""
    if query.limit <= _COMMON_LIMIT:
        return f"LIMIT {query.limit}{skip}", offset
    return f"LIMIT %s{skip}", [min(query.limit, _BIGINT_MAX), *offset]


def _member(column: str, key: str) -> str:
    return f"(s.{column}->'{key}')::text"


_IDS = ("session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id")
# the columns of `_listed`, in order
_COLUMNS = {
    **{name: f"s.{name}" for name in _IDS},
    "name": _member("session_data", "session_name"),
    "state": _member("session_data", "session_state"),
    "metrics": _member("session_data", "session_metrics"),
    "summary": "s.summary::text",
    "metadata": "s.metadata::text",
    "sdk": _member("agent_data", "sdk"),
    "framework": _member("agent_data", "framework"),
    "created_at": number("s.created_at"),
    "updated_at": number("s.updated_at"),
    **dict(zip(("found", "content", "input", "workflow_name"), name_columns("n"), strict=True)),
}
# what has a length that is known
_ALWAYS = frozenset({"session_id", "created_at", "updated_at", "found"})


def _conditions(query: SessionQuery) -> list[Statement]:
    conditions: list[Statement] = []
    if query.session_type is not None:
        conditions.append(("s.session_type = %s", [query.session_type]))
    if query.component_id is not None:
        columns = [_COMPONENT_COLUMNS[query.session_type]] if query.session_type else _COMPONENT_COLUMNS.values()
        equal = " OR ".join(f"s.{column} = %s" for column in columns)
        conditions.append((f"({equal})", [query.component_id] * len(columns)))
    if query.session_name is not None:
        # not escaped on purpose: % and _ are wildcards for AgentOS, and so is a closing backslash
        pattern = f"%{query.session_name}%"
        conditions.append(("COALESCE(s.session_data->>'session_name', '') ILIKE %s", [pattern]))
    return conditions


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
    # the order in which rows are stored would tell what others store beside them
    return f"s.{column if sortable else 'created_at'} {direction}, s.session_id {direction}"


def _listed(row: tuple[Any, ...]) -> ListedSession:
    name = None if row[6] == b"null" else row[6]
    source = NameSource(bool(row[15]), *row[16:19]) if name is None else None
    return ListedSession._make((*row[:6], name, *row[7:15], source))
