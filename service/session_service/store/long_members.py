"""What is read of a long value by its members: the subqueries of `in_pieces`, and which are looked into."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import groupby

from . import limits
from .documents import Document, ListOf, Long, Parts
from .names_sql import name_columns
from .owned import Owned
from .runs_sql import unpacked

OTHER_IDS = ("agent_id", "team_id", "workflow_id", "user_id")
"""The ids of a session beside its own."""

_SDK = ("sdk", "framework", "agent_data.sdk", "agent_data.framework")

# the content of what the user asked last, and in which messages: of a run, and of the first step of a workflow
ASKED = {
    "messages.1.content": ("messages",),
    "step_executor_runs.0.messages.0.content": ("step_executor_runs", "0", "messages"),
}


def members_sql(texts: dict[str, str]) -> str:
    """A subquery of path and text, of SQL by path."""
    rows = ", ".join(f"('{path}', {sql})" for path, sql in texts.items())
    return f"SELECT * FROM (VALUES {rows}) v(path, text)"


def parts_sql(kind: str, value: str, parts: Parts, *, beginnings: bool = False) -> str:
    """A subquery of path and text, of the parts of a JSON value in their order."""
    selects = []
    for are_paths, group in groupby(parts, lambda part: isinstance(part, str)):
        if are_paths:
            selects.append(members_sql({str(path): _member(kind, value, str(path), beginnings) for path in group}))
        else:
            selects += [_listed(kind, value, part) for part in group if isinstance(part, ListOf)]
    return " UNION ALL ".join(selects)


def item_text(item: str) -> str:
    """A run or a message as text, unless it is so large that this would be for nothing."""
    return f"CASE WHEN pg_column_size({item}) <= {8 * limits.LONG_ITEM} THEN {item}::text END"


def short_text(text: str) -> str:
    """The text of a run or a message, NULL where it is too long to be read as it is."""
    return f"CASE WHEN octet_length({text}) <= {limits.LONG_ITEM} THEN {text} END"


def _member(kind: str, value: str, path: str, beginnings: bool) -> str:
    """The member of a path as text; of one that ends in `_`, null where that is in an object with members."""
    if path in ASKED:
        return _asked(kind, value, ASKED[path])
    steps = path.split(".")
    if steps[-1] == "_":
        return f"CASE WHEN {has_members(kind, _at(value, steps[:-1]))} THEN 'null' END"
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


def has_members(kind: str, value: str) -> str:
    """Whether a JSON value is an object that is not empty."""
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
            WHEN {has_members(kind, "e.item")} THEN 'null' END
        FROM {items}, unnest(ARRAY[{members}]) m(name) UNION ALL {whole}"""


def name_members() -> dict[str, str]:
    """What the name of an unnamed session is made of, of the subquery `n`."""
    return dict(zip(("content", "input", "workflow_name"), name_columns("n")[1:], strict=True))


def unpacked_data(owned: Owned) -> str:
    """A subquery of the session's data, decompressed once and not for each of its members."""
    data = "s.session_data" if owned.layout.json_type == "json" else unpacked("s.session_data")
    return f"SELECT {data} AS session_data OFFSET 0"


def identity(document: Document) -> tuple[str, str, str | None, str | None, str | None, str | None]:
    """The id of a session, its type, and the ids of `OTHER_IDS`, which a record begins with."""
    session_id, session_type = (string_at(document, name) or "" for name in ("session_id", "session_type"))
    agent_id, team_id, workflow_id, user_id = (string_at(document, name) for name in OTHER_IDS)
    return session_id, session_type, agent_id, team_id, workflow_id, user_id


def ids(*names: str) -> dict[str, str]:
    """These columns as JSON, by name."""
    return {name: f"to_json(s.{name})::text" for name in names}


def looks_into(owned: Owned, *parts: Parts, sdk: bool = False) -> Callable[[Long, Document], bool]:
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


def string_at(document: Document, path: str) -> str | None:
    """What the JSON string at a path says, None where there is none."""
    text = document.text(path)
    found: str | None = None if text is None else json.loads(text)
    return found


def present(text: bytes | None) -> bytes | None:
    """JSON null counts as none."""
    return None if text == b"null" else text
