"""A session that is too long to be read at once, and then its conversation, message by message."""

from __future__ import annotations

import json

from session_service.database.connection import Row

from . import limits
from .documents import Document, Parts
from .long_members import (
    OTHER_IDS,
    has_members,
    identity,
    ids,
    item_text,
    looks_into,
    members_sql,
    name_members,
    parts_sql,
    present,
    short_text,
    unpacked_data,
)
from .names_sql import name_source
from .owned import Owned
from .pieces import COLUMNS, LongRead, in_pieces
from .reading import conversed_runs, shown_messages
from .records import Message, NameSource, SessionRecord, StoredSession


def long_session(owned: Owned, session_id: str, shown_as: str, message: Parts) -> LongRead[StoredSession | Message]:
    """A session as it is shown as this type, and then the messages of its chat history; long ones by these parts."""
    found, parameters = owned.session(session_id)
    kind = owned.layout.run_type
    pieces = in_pieces(owned.layout, parts_sql(kind, "one.message", message), "one.short IS NULL")
    return LongRead(
        f"""WITH s AS (SELECT {owned.columns.names()}, %s AS named_as FROM {found})
        SELECT NULL::bigint AS run, NULL::text AS run_id, NULL::text AS run_created_at, NULL::bigint AS place,
            NULL::text AS message, n.found, {COLUMNS}
        FROM s LEFT JOIN LATERAL ({name_source(owned, parsed=True)}) n ON true
        CROSS JOIN LATERAL ({unpacked_data(owned)}) d
        CROSS JOIN LATERAL ({in_pieces(owned.layout, members_sql(_session_members(owned, shown_as)))}) p
        UNION ALL
        SELECT r.place, r.run_id, r.created_at, one.place, one.short, NULL, {COLUMNS}
        FROM s CROSS JOIN LATERAL ({_conversed_runs(owned)}) r
        CROSS JOIN LATERAL (
            SELECT x.message, x.place, {short_text("x.text")} AS short
            FROM (SELECT e.message, e.place - 1 AS place, {item_text("e.message")} AS text
                FROM {shown_messages(owned.layout, "r.run")} WITH ORDINALITY e(message, place) OFFSET 0) x OFFSET 0
        ) one
        LEFT JOIN LATERAL ({pieces}) p ON true""",
        [shown_as, *parameters],
        _shown_session,
        looks_into(owned, message),
    )


def _conversed_runs(owned: Owned) -> str:
    """The runs of a chat history with their places. Nobody's id or time is as long as what is left out here."""
    members = ", ".join(f"(q.run->'{name}')::text AS {name}" for name in ("run_id", "created_at"))
    short = ", ".join(
        f"CASE WHEN octet_length(x.{name}) <= {limits.LONG_MEMBER} THEN x.{name} END AS {name}"
        for name in ("run_id", "created_at")
    )
    return f"""SELECT x.run, x.place, {short}
        FROM (SELECT q.run, row_number() OVER () - 1 AS place, {members} FROM ({conversed_runs(owned)}) q OFFSET 0) x"""


def _session_members(owned: Owned, shown_as: str) -> dict[str, str]:
    """What is shown of a session as this type, in that order but for what is looked into."""
    data = "d.session_data"
    members = {
        **ids("created_at", "updated_at"),
        **name_members(),
        "session_data.session_metrics.total_tokens": f"({data}->'session_metrics'->'total_tokens')::text",
        "agent_data.sdk": "(s.agent_data->'sdk')::text",
        "agent_data.framework": "(s.agent_data->'framework')::text",
        "session_data._": f"CASE WHEN {has_members(owned.layout.json_type, data)} THEN 'null' END",
        **ids("session_id", "session_type", *OTHER_IDS),
        "session_data.session_name": f"({data}->'session_name')::text",
    }
    if shown_as == "workflow":
        shown = {"session_data": f"{data}::text", "session_data.session_state": f"({data}->'session_state')::text"}
        return members | shown | {"workflow_data": "s.workflow_data::text", "metadata": "s.metadata::text"}
    summary = {f"summary.{name}": f"(s.summary->'{name}')::text" for name in ("summary", "topics", "updated_at")}
    state = {"session_data.session_state": f"({data}->'session_state')::text"}
    metrics = {"session_data.session_metrics": f"({data}->'session_metrics')::text"}
    metadata = {"metadata": "s.metadata::text"}
    if shown_as == "team":
        return members | summary | state | metrics | {"team_data": "s.team_data::text"} | metadata
    return members | summary | state | {"agent_data": "s.agent_data::text"} | metrics | metadata


def _shown_session(row: Row, document: Document) -> StoredSession | Message:
    if row[0] is not None:
        text = row[4] if row[4] is not None else document.text() or b"{}"
        return Message(row[0], present(row[1]), present(row[2]), row[3], text)
    text = document.text
    record = SessionRecord(
        *identity(document),
        session_data=text("session_data"),
        agent_data=present(text("agent_data")),
        team_data=present(text("team_data")),
        workflow_data=present(text("workflow_data")),
        metadata=present(text("metadata")),
        summary=text("summary"),
        created_at=json.loads(text("created_at") or b"null"),
        updated_at=json.loads(text("updated_at") or b"null"),
    )
    source = NameSource(bool(row[5]), text("content"), text("input"), text("workflow_name"))
    return StoredSession(record, source, [])
