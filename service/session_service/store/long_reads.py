"""The statements of answers that are too long to be read at once, and what their rows are.

Each says what `reading` and `listing` say for short ones, by members and in pieces (`pieces`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from session_service.database.connection import Row

from . import limits
from .documents import Document, ListOf, Long, Parts
from .listing import SessionQuery, page_rows
from .names_sql import name_columns, name_source
from .owned import Owned
from .pieces import COLUMNS, LongRead, in_pieces
from .reading import by_id, conversed_runs, shown_messages
from .records import ListedSession, Message, NameSource, SessionRecord, StoredSession
from .runs_sql import runs_of_session, unpacked

_SDK = ("sdk", "framework", "agent_data.sdk", "agent_data.framework")

# the content of what the user asked last, and in which messages: of a run, and of the first step of a workflow
_ASKED = {
    "messages.1.content": ("messages",),
    "step_executor_runs.0.messages.0.content": ("step_executor_runs", "0", "messages"),
}

_IDS = ("agent_id", "team_id", "workflow_id", "user_id")


def _members(texts: dict[str, str]) -> str:
    """A subquery of path and text, of SQL by path."""
    rows = ", ".join(f"('{path}', {sql})" for path, sql in texts.items())
    return f"SELECT * FROM (VALUES {rows}) v(path, text)"


def _members_of(kind: str, value: str, parts: Parts, *, beginnings: bool = False) -> str:
    """A subquery of path and text, of the parts of a JSON value in their order."""
    selects = []
    for are_paths, group in groupby(parts, lambda part: isinstance(part, str)):
        if are_paths:
            selects.append(_members({str(path): _member(kind, value, str(path), beginnings) for path in group}))
        else:
            selects += [_listed(kind, value, part) for part in group if isinstance(part, ListOf)]
    return " UNION ALL ".join(selects)


def _text(item: str) -> str:
    """A run or a message as text, unless it is so large that this would be for nothing."""
    return f"CASE WHEN pg_column_size({item}) <= {8 * limits.LONG_ITEM} THEN {item}::text END"


def _short(text: str) -> str:
    return f"CASE WHEN octet_length({text}) <= {limits.LONG_ITEM} THEN {text} END"


def _member(kind: str, value: str, path: str, beginnings: bool) -> str:
    """The member of a path as text; of one that ends in `_`, null where that is in an object with members."""
    if path in _ASKED:
        return _asked(kind, value, _ASKED[path])
    steps = path.split(".")
    if steps[-1] == "_":
        return f"CASE WHEN {_has_members(kind, _at(value, steps[:-1]))} THEN 'null' END"
    member = _at(value, steps)
    if not beginnings:
        return f"{member}::text"
    # a text is cut before it is printed, which takes longer than all else
    cut = f"to_json(left({member} #>> '{{}}', {limits.PIECE}))::text"
    return f"CASE {kind}_typeof({member}) WHEN 'string' THEN {cut} ELSE {member}::text END"


def _at(value: str, steps: Sequence[str]) -> str:
    return f"({value} #> '{{{','.join(steps)}}}')" if steps else value


def _asked(kind: str, value: str, messages: Sequence[str]) -> str:
    """What the user asked last, where the input of the run does not say it: the content of a message, or nothing."""
    found, said = _at(value, messages), f"{kind}_typeof({_at(value, ('input', 'input_content'))})"
    return f"""(SELECT COALESCE(m.item->'content', '""'::{kind})::text
        FROM {kind}_array_elements(CASE {kind}_typeof({found}) WHEN 'array' THEN {found} END)
            WITH ORDINALITY m(item, place)
        WHERE m.item->>'role' = 'user' AND COALESCE({said}, 'null') = 'null' ORDER BY m.place DESC LIMIT 1)"""


def _has_members(kind: str, value: str) -> str:
    empty = f"{value} = '{{}}'" if kind == "jsonb" else f"left({value}::text, 1000) ~ '^\\s*[{{]\\s*[}}]'"
    return f"{kind}_typeof({value}) = 'object' AND NOT {empty}"


def _listed(kind: str, value: str, part: ListOf) -> str:
    """The items of a list. One of more items than are looked into comes as it is."""
    found = _at(value, part.path.split("."))
    short = f"{kind}_typeof({found}) = 'array' AND {kind}_array_length({found}) <= {limits.MOST_LISTED}"
    items = f"{kind}_array_elements(CASE WHEN {short} THEN {found} END) WITH ORDINALITY e(item, place)"
    path = f"'{part.path}.' || (e.place - 1)"
    whole = f"SELECT '{part.path}', CASE WHEN {short} THEN NULL ELSE {found}::text END"
    if not part.members:
        return f"SELECT {path}, e.item::text FROM {items} UNION ALL {whole}"
    members = ", ".join(f"'{member}'" for member in part.members)
    return f"""SELECT {path} || '.' || m.name, CASE WHEN m.name <> '_' THEN (e.item->m.name)::text
            WHEN {_has_members(kind, "e.item")} THEN 'null' END
        FROM {items}, unnest(ARRAY[{members}]) m(name) UNION ALL {whole}"""


def _name_members() -> dict[str, str]:
    """What the name of an unnamed session is made of, of the subquery `n`."""
    return dict(zip(("content", "input", "workflow_name"), name_columns("n")[1:], strict=True))


def _unpacked_data(owned: Owned) -> str:
    data = "s.session_data" if owned.layout.json_type == "json" else unpacked("s.session_data")
    return f"SELECT {data} AS session_data OFFSET 0"


def _ids(*names: str) -> dict[str, str]:
    return {name: f"to_json(s.{name})::text" for name in names}


LongPage = tuple[int, ListedSession | None]


def long_page(owned: Owned, query: SessionQuery) -> LongRead[LongPage]:
    """The total, and a session each; one row of the total alone where the page has none."""
    found, parameters, rows, order, of_page = page_rows(owned, query)
    data, agent = "d.session_data", "s.agent_data"
    # in the order in which they are shown; what is looked into goes first
    members = {
        "metrics.total_tokens": f"({data}->'session_metrics'->'total_tokens')::text",
        "sdk": f"({agent}->'sdk')::text",
        "framework": f"({agent}->'framework')::text",
        **_name_members(),
        **_ids("session_id", "session_type"),
        "name": f"({data}->'session_name')::text",
        "state": f"({data}->'session_state')::text",
        **_ids(*_IDS),
        "summary": "s.summary::text",
        "metrics": f"({data}->'session_metrics')::text",
        "metadata": "s.metadata::text",
    }
    return LongRead(
        f"""SELECT t.total, s.created_at, s.updated_at, n.found, {COLUMNS}
        FROM (SELECT count(*) AS total FROM {found}) t
        LEFT JOIN (
            SELECT s.*, s.session_type AS named_as FROM (SELECT s.* FROM {rows}) s ORDER BY {order} OFFSET 0
        ) s ON true
        LEFT JOIN LATERAL ({name_source(owned, parsed=False)}) n ON true
        CROSS JOIN LATERAL ({_unpacked_data(owned)}) d
        LEFT JOIN LATERAL ({in_pieces(_members(members), "s.session_id IS NOT NULL")}) p ON true""",
        [*parameters, *of_page],
        _listed_session,
        _looks_into(owned),
    )


def _listed_session(row: Row, document: Document) -> LongPage:
    session_id = _string(document, "session_id")
    if session_id is None:
        return row[0], None
    text = document.text
    name = _value(text("name"))
    source = None
    if name is None:
        source = NameSource(bool(row[3]), text("content"), text("input"), text("workflow_name"))
    return row[0], ListedSession(
        session_id=session_id,
        session_type=_string(document, "session_type") or "",
        agent_id=_string(document, "agent_id"),
        team_id=_string(document, "team_id"),
        workflow_id=_string(document, "workflow_id"),
        user_id=_string(document, "user_id"),
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


def long_session(owned: Owned, session_id: str, shown_as: str, message: Parts) -> LongRead[StoredSession | Message]:
    """A session as it is shown as this type, and then the messages of its chat history; long ones by these parts."""
    found, parameters = owned.sessions(by_id(session_id))
    kind = owned.layout.runs_column or "jsonb"
    return LongRead(
        f"""WITH s AS (SELECT s.*, %s AS named_as FROM {found})
        SELECT NULL::bigint AS run, NULL::text AS run_id, NULL::text AS run_created_at, NULL::bigint AS place,
            NULL::text AS message, n.found, {COLUMNS}
        FROM s LEFT JOIN LATERAL ({name_source(owned, parsed=True)}) n ON true
        CROSS JOIN LATERAL ({_unpacked_data(owned)}) d
        CROSS JOIN LATERAL ({in_pieces(_members(_session_members(owned, shown_as)))}) p
        UNION ALL
        SELECT r.place, r.run_id, r.created_at, one.place, one.short, NULL, {COLUMNS}
        FROM s CROSS JOIN LATERAL ({_conversed_runs(owned)}) r
        CROSS JOIN LATERAL (
            SELECT x.message, x.place, {_short("x.text")} AS short
            FROM (SELECT e.message, e.place - 1 AS place, {_text("e.message")} AS text
                FROM {shown_messages(owned.layout, "r.run")} WITH ORDINALITY e(message, place) OFFSET 0) x OFFSET 0
        ) one
        LEFT JOIN LATERAL ({in_pieces(_members_of(kind, "one.message", message), "one.short IS NULL")}) p ON true""",
        [shown_as, *parameters],
        _shown_session,
        _looks_into(owned, message),
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
        **_ids("created_at", "updated_at"),
        **_name_members(),
        "session_data.session_metrics.total_tokens": f"({data}->'session_metrics'->'total_tokens')::text",
        "agent_data.sdk": "(s.agent_data->'sdk')::text",
        "agent_data.framework": "(s.agent_data->'framework')::text",
        "session_data._": f"CASE WHEN {_has_members(owned.layout.json_type, data)} THEN 'null' END",
        **_ids("session_id", "session_type", *_IDS),
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
        return Message(row[0], _value(row[1]), _value(row[2]), row[3], text)
    text = document.text
    record = SessionRecord(
        session_id=_string(document, "session_id") or "",
        session_type=_string(document, "session_type") or "",
        agent_id=_string(document, "agent_id"),
        team_id=_string(document, "team_id"),
        workflow_id=_string(document, "workflow_id"),
        user_id=_string(document, "user_id"),
        session_data=text("session_data"),
        agent_data=_value(text("agent_data")),
        team_data=_value(text("team_data")),
        workflow_data=_value(text("workflow_data")),
        metadata=_value(text("metadata")),
        summary=text("summary"),
        created_at=json.loads(text("created_at") or b"0"),
        updated_at=json.loads(text("updated_at") or b"null"),
    )
    source = NameSource(bool(row[5]), text("content"), text("input"), text("workflow_name"))
    return StoredSession(record, source, [])


@dataclass(frozen=True, slots=True)
class WantedRuns:
    """Which runs are read, and what of those that are long: the parts for the first of these members that a run names.

    None is a member that every run names. With a `run_id` only the first run of that id; with `beginnings` so much of
    each value as fits a piece; `sdk` says that metadata are looked into.
    """

    forms: tuple[tuple[str | None, Parts], ...]
    run_id: str | None = None
    beginnings: bool = False
    sdk: bool = False


def long_runs(owned: Owned, session_id: str, wanted: WantedRuns) -> LongRead[bytes]:
    """The runs of a session in stored order."""
    found, parameters = owned.sessions(by_id(session_id))
    kind = owned.layout.runs_column or "jsonb"
    runs = runs_of_session(owned)
    if wanted.run_id is not None:
        runs, parameters = (
            f"SELECT o.run FROM ({runs}) o WHERE o.run->>'run_id' = %s LIMIT 1",
            [*parameters, wanted.run_id],
        )
    run = "o.run" if kind == "json" else unpacked("o.run")
    members, unnamed = [], "true"
    for member, parts in wanted.forms:
        named = "true" if member is None else f"(q.run->>'{member}') IS NOT NULL"
        read = _members_of(kind, "q.run", parts, beginnings=wanted.beginnings)
        members.append(f"SELECT * FROM ({read}) m WHERE {unnamed} AND {named}")
        unnamed += f" AND NOT ({named})"
    return LongRead(
        f"""SELECT t.short, {COLUMNS}
        FROM (SELECT s.* FROM {found}) s
        CROSS JOIN LATERAL (SELECT {run} AS run FROM ({runs}) o OFFSET 0) q
        CROSS JOIN LATERAL (
            SELECT {_short("x.text")} AS short FROM (SELECT {_text("q.run")} AS text OFFSET 0) x OFFSET 0
        ) t
        LEFT JOIN LATERAL ({in_pieces(" UNION ALL ".join(members), "t.short IS NULL", beginnings=wanted.beginnings)}) p
            ON true""",
        parameters,
        _shown_run,
        _looks_into(owned, *(parts for _, parts in wanted.forms), sdk=wanted.sdk),
        wanted.beginnings,
    )


def _shown_run(row: Row, document: Document) -> bytes:
    if row[0] is not None:
        short: bytes = row[0]
        return short
    for content in _ASKED:
        if document.text(content) is not None:
            document.put(content.removesuffix("content") + "role", b'"user"')
    return document.text() or b"{}"


def _looks_into(owned: Owned, *parts: Parts, sdk: bool = False) -> Callable[[Long, Document], bool]:
    """Which long values are looked into: those that are not shown as they are stored."""
    lists = {part.path for each in parts for part in each if isinstance(part, ListOf)}
    whole = {
        "session_id",
        "session_type",
        "workflow_name",
        "sdk",
        "framework",
        "agent_data.sdk",
        "agent_data.framework",
        "agent_id",
    }

    def looks_into(long: Long, document: Document) -> bool:
        match long.path:
            case "input" | "input.input_content":
                return long.kind[0] != '"'
            case "name" | "session_data.session_name":  # a `json` has any escapes
                return owned.layout.json_type == "json"
            case "metadata":
                return sdk or any(document.text(path) is not None for path in _SDK)
        return long.path in whole or long.path in lists

    return looks_into


def _string(document: Document, path: str) -> str | None:
    text = document.text(path)
    found: str | None = None if text is None else json.loads(text)
    return found


def _value(text: bytes | None) -> bytes | None:
    return None if text == b"null" else text
