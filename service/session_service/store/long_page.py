"""Reads a page that is too long to be read at once, session by session."""

from __future__ import annotations

from session_service.database.connection import Row

from .columns import number
from .documents import Document
from .listing import SessionQuery, page_rows
from .long_members import (
    OTHER_IDS,
    identity,
    ids,
    looks_into,
    members_sql,
    name_members,
    present,
    string_at,
    unpacked_data,
)
from .names_sql import name_source
from .owned import Owned
from .pieces import COLUMNS, LongRead, in_pieces
from .records import ListedSession, NameSource

LongPage = tuple[int, ListedSession | None]


def long_page(owned: Owned, query: SessionQuery) -> LongRead[LongPage]:
    """The total, and a session each; one row of the total alone where the page has none."""
    found, parameters, rows, order, of_page = page_rows(owned, query)
    names, data, agent = owned.columns.names(), "d.session_data", "s.agent_data"
    # in the order in which they are shown; what is looked into goes first
    members = {
        "metrics.total_tokens": f"({data}->'session_metrics'->'total_tokens')::text",
        "sdk": f"({agent}->'sdk')::text",
        "framework": f"({agent}->'framework')::text",
        **name_members(),
        **ids("session_id", "session_type"),
        "name": f"({data}->'session_name')::text",
        "state": f"({data}->'session_state')::text",
        **ids(*OTHER_IDS),
        "summary": "s.summary::text",
        "metrics": f"({data}->'session_metrics')::text",
        "metadata": "s.metadata::text",
    }
    return LongRead(
        f"""SELECT t.total, {number("s.created_at")}, {number("s.updated_at")}, n.found, {COLUMNS}
        FROM (SELECT count(*) AS total FROM {found}) t
        LEFT JOIN (
            SELECT {names}, s.session_type AS named_as FROM (SELECT {names} FROM {rows}) s ORDER BY {order} OFFSET 0
        ) s ON true
        LEFT JOIN LATERAL ({name_source(owned, parsed=False)}) n ON true
        CROSS JOIN LATERAL ({unpacked_data(owned)}) d
        LEFT JOIN LATERAL ({in_pieces(owned.layout, members_sql(members), "s.session_id IS NOT NULL")}) p ON true""",
        [*parameters, *of_page],
        _listed_session,
        looks_into(owned),
    )


def _listed_session(row: Row, document: Document) -> LongPage:
    if string_at(document, "session_id") is None:
        return row[0], None
    text = document.text
    name = present(text("name"))
    source = None
    if name is None:
        source = NameSource(bool(row[3]), text("content"), text("input"), text("workflow_name"))
    return row[0], ListedSession(
        *identity(document),
        name=name,
        state=text("state"),
        metrics=text("metrics"),
        summary=text("summary"),
        metadata=text("metadata"),
        sdk=text("sdk"),
        framework=text("framework"),
        created_at=row[1],
        updated_at=row[2],
        name_source=source,
    )
