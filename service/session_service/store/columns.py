"""The columns of agno's tables as a database has them, and the SQL that gives each the type that agno's own has.

agno 2.0 made `json` of what is `jsonb` today, the Go service made its ids TEXT, and views and tables that were made by
hand have whatever their makers chose. No statement reads a column but through `Columns`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .masks import masked
from .text import UNCHECKED, valid_utf8

JsonType = Literal["json", "jsonb"]
Kind = Literal["text", "json", "number"]

SESSION_COLUMNS: Mapping[str, Kind] = {
    **dict.fromkeys(("session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id"), "text"),
    **dict.fromkeys(("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary"), "json"),
    **dict.fromkeys(("created_at", "updated_at"), "number"),
}
RUN_COLUMNS: Mapping[str, Kind] = {
    **dict.fromkeys(("run_id", "session_id"), "text"),
    "run_data": "json",
    **dict.fromkeys(("run_index", "created_at"), "number"),
}
"""What is read of a run's row."""
COPIES: Mapping[str, Kind] = {
    **dict.fromkeys(("run_type", "agent_id", "team_id", "workflow_id", "user_id", "parent_run_id", "status"), "text"),
    "updated_at": "number",
}
"""What is written only: copies of members of `run_data`."""

_OWN = {"text": {"varchar"}, "json": {"jsonb"}, "number": {"int8"}}
_STRING, _ENUM = "S", "E"  # pg_type.typcategory
_WHOLE = {"int2", "int4"}
_FRACTIONS = {"numeric", "float4", "float8"}
_MOMENTS = {"timestamp", "timestamptz", "date"}
# two ids of such a type are equal when their texts are, and what may stand in for the text in a search by index
_KEYS = {"varchar", "text", "uuid", "bpchar", "name"}
_JSON_STRING = r'"([^"\\\x01-\x1f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
_JSON_WORD = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null"
_JSON_BRACKETS = r"\[([0\x01](,[0\x01])*)?\]|\{(\x01:[0\x01](,\x01:[0\x01])*)?\}"
# what any fraction within it can be rounded from; NaN and the infinite are beyond it
_MOST = 2**53
_WORDS = {"text": "text", "json": "JSON", "number": "a number or a time"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type by the catalog's name, under domains, with its category, and as it was declared."""

    name: str
    kind: Kind
    type: str
    category: str
    declared: str

    @property
    def own(self) -> bool:
        """Whether it is as agno makes it today."""
        return self.type in _OWN[self.kind]

    @property
    def readable(self) -> bool:
        """Whether its type holds what agno keeps in it."""
        match self.kind:
            case "text":
                return self.category in (_STRING, _ENUM) or self.type == "uuid"
            case "json":
                return self.category == _STRING or self.type in ("json", "jsonb")
        return self.own or self.type in _WHOLE | _FRACTIONS | _MOMENTS


def columns_of() -> str:
    """A subquery of the columns of a relation, whose name is its parameter, as `columns` reads them."""
    return """(
    WITH RECURSIVE base AS (
        SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS declared, t.typname, t.typcategory, t.typbasetype
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT b.attname, b.declared, t.typname, t.typcategory, t.typbasetype
        FROM base b JOIN pg_type t ON t.oid = b.typbasetype)
    SELECT json_object_agg(attname, json_build_array(typname, typcategory, declared))::text
    FROM base WHERE typbasetype = 0)"""


def problem(kinds: Mapping[str, Kind], found: Mapping[str, Column]) -> tuple[str, str] | None:
    """The first column that can't be read, and why, None if all can."""
    for name, kind in kinds.items():
        column = found.get(name)
        if column is None:
            return name, "is missing"
        if not column.readable:
            return name, f"is of type {column.declared}, which does not hold {_WORDS[kind]}"
    return None


def columns(kinds: Mapping[str, Kind], answer: bytes | None) -> dict[str, Column]:
    """What `columns_of` found of these columns, in their order."""
    found = json.loads(answer or b"{}")
    return {name: Column(name, kind, *found[name]) for name, kind in kinds.items() if name in found}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one table, read as agno's types; JSON is read as the type that `json_types` has for its column.

    `copies` are columns that are written only.
    """

    columns: Mapping[str, Column]
    json_types: Mapping[str, JsonType]
    server_version: int
    encoding: str
    copies: Mapping[str, Column] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """Whether they need no SQL around them: all are as agno makes them."""
        return all(map(self._is_own, self.columns.values()))

    def _is_own(self, column: Column) -> bool:
        if self.encoding == UNCHECKED and column.kind != "number":
            return False
        return column.own and self.json_types.get(column.name) != "json"

    def of(self, name: str, row: str = "s") -> str:
        """A column of the table's row as agno's type."""
        column, stored = self.columns[name], f"{row}.{name}"
        if self._is_own(column):
            return stored
        match column.kind:
            case "number":
                return _number(column, stored)
            case "text":
                text = _text(column, stored)
                return f"{valid_utf8(text)}::varchar" if self.encoding == UNCHECKED else text
        target = self.json_types[name]
        if self.encoding == UNCHECKED:
            stored = valid_utf8(f"{stored}::text")
        if column.category == _STRING:
            # no pattern matches under a collation that has several texts equal
            stored = f'({stored} COLLATE "C")'
            return masked(f"CASE WHEN {is_json(stored, self.server_version)} THEN {stored}::json END", self.encoding)
        return masked(f"{stored}::json", self.encoding) if column.type == "json" else f"{stored}::{target}"

    def selected(self, row: str = "s") -> str:
        """All columns as agno's types, and `key`, the id as it is: what an index is on."""
        return ", ".join([*(f"{self.of(name, row)} AS {name}" for name in self.columns), f"{row}.session_id AS key"])

    def names(self, row: str = "s") -> str:
        """All columns of rows that have agno's types already. No `*`: a column that is none of agno's has any name."""
        return ", ".join(f"{row}.{name}" for name in (*self.columns, *(() if self.own else ("key",))))

    def written(self, name: str, value: str) -> str:
        """A value of agno's type as the column takes it."""
        column = self.columns.get(name) or self.copies.get(name)
        if column is None or column.own:
            return value
        match column.type:
            case "uuid":
                return f"({value})::uuid"
            case "timestamptz":
                return f"to_timestamp({value})"
            case "timestamp" | "date":
                return f"(to_timestamp({value}) AT TIME ZONE 'UTC')::{column.type}"
            case "json" | "jsonb":
                return f"({value})::{column.type}"
        return f"({value})::{column.declared}" if column.category == _ENUM else value

    def key(self, other: Columns) -> bool:
        """Whether ids of both tables can be compared as they are, by an index."""
        one, two = self.columns["session_id"].type, other.columns["session_id"].type
        return one == two and one in _KEYS

    @property
    def sought(self) -> str | None:
        """The type of the id where an index finds it by nothing but a value of that type."""
        kind = self.columns["session_id"].type
        seen_through = {"varchar", "text"} if self.encoding != UNCHECKED else set()
        return kind if kind in _KEYS - seen_through else None


def _text(column: Column, stored: str) -> str:
    # a name sorts by code point whatever the database does
    return f'({stored}::varchar COLLATE "default")' if column.type == "name" else f"{stored}::varchar"


def is_json(text: str, server_version: int) -> str:
    """Whether a text is JSON, as a condition. PostgreSQL tells from 16 on; before it a cast would only fail.

    There each string becomes a character that no JSON has, and every other scalar 0. Then what is in brackets, from
    the inside, is one more scalar, until nothing changes.
    """
    if server_version >= 160000:
        return f"{text} IS JSON"
    strings = f"regexp_replace({text}, '{_JSON_STRING}', chr(1), 'g')"
    scalars = f"regexp_replace({strings}, '{_JSON_WORD}', '0', 'g')"
    return f"""(strpos({text}, chr(1)) = 0 AND (WITH RECURSIVE step AS (
        SELECT regexp_replace({scalars}, '[ \\t\\n\\r]+', '', 'g') AS rest
        UNION SELECT regexp_replace(rest, '{_JSON_BRACKETS}', '0', 'g') FROM step
    ) SELECT bool_or(rest IN ('0', chr(1))) FROM step))"""


def number(own: str) -> str:
    """A number of agno's type as it is sent: an error where the column was given a type that is none."""
    return f"{own}::bigint"


def _number(column: Column, stored: str) -> str:
    if column.type in _WHOLE:
        return f"{stored}::bigint"
    if column.type in _MOMENTS:
        return f"CASE WHEN isfinite({stored}) THEN floor(extract(epoch FROM {stored}))::bigint END"
    return f"CASE WHEN {stored} BETWEEN -{_MOST} AND {_MOST} THEN floor({stored})::bigint END"
