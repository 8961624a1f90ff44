"""Which of agno's layouts a database holds, read from the catalog.

| `runs` column of the sessions table | runs table | layout |
| --- | --- | --- |
| no | yes or no | v3 |
| yes | no | v2 |
| yes | yes | half-migrated, or migrated with the column kept as backup |

The row of `agno_schema_versions` does not tell: AgentOS 3 creates its runs table beside an old sessions table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from session_service.database.database import Database
from session_service.database.errors import Forbidden

from .columns import COPIES, RUN_COLUMNS, SESSION_COLUMNS, Column, Columns, JsonType, Kind, columns, columns_of, problem
from .definition import DEFINITION_IF_PLAIN, Definition, names
from .tables import Tables, catalog_name


@dataclass(frozen=True, slots=True)
class Layout:
    """What the catalog says of the two tables; one that is not there has no columns.

    `json_type` is the type that the JSON of sessions is read as, `run_type` that of runs, wherever they are: `jsonb`,
    and `json` where a column is none. `encoding` is that of the database, by the server's name for it. `unique_ids`
    says that a `session_id` is unique in a table, no view. `definition` is that of both tables if pages of them may be
    remembered while it stays the same, else None.
    """

    schema: bool
    sessions: Columns
    runs: Columns
    runs_column: JsonType | None
    json_type: JsonType
    run_type: JsonType
    server_version: int
    encoding: str
    unique_ids: bool
    definition: Definition | None

    @property
    def sessions_table(self) -> bool:
        """Whether there is one."""
        return bool(self.sessions.columns)

    @property
    def runs_table(self) -> bool:
        """Whether there is one."""
        return bool(self.runs.columns)

    @property
    def name(self) -> Literal["empty", "v3", "v2", "half-migrated"]:
        """The layout in one word, as `session-service check` shows it."""
        if not self.sessions_table:
            return "empty"
        if self.runs_column is None:
            return "v3"
        return "half-migrated" if self.runs_table else "v2"

    @property
    def masked(self) -> bool:
        """Whether JSON may come with masks (`masks`): of `json`, and of JSON in a text in the column of runs."""
        return "json" in (self.json_type, self.run_type) or self.runs_column is not None

    @property
    def settled(self) -> bool:
        """Whether it may be remembered. An agent process may create an absent table at any time, and no error tells."""
        return self.sessions_table and self.runs_table


_UNIQUE_IDS = """EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass(%s) AND indisunique AND indisvalid
               AND indpred IS NULL AND indnkeyatts = 1 AND pg_get_indexdef(indexrelid, 1, true) = 'session_id')"""

_DETECT = f"""
SELECT has_table_privilege(to_regclass(%s), 'SELECT') AND
           COALESCE(has_table_privilege(to_regclass(%s), 'SELECT'), true),
       to_regnamespace(%s) IS NOT NULL,
       {columns_of()},
       {columns_of()},
       current_setting('server_version_num')::int,
       current_setting('server_encoding')::varchar,
       {_UNIQUE_IDS},
       {DEFINITION_IF_PLAIN}
"""


async def detect(database: Database, tables: Tables) -> Layout:
    """Ask the catalog for the layout of these tables. Raises `Refused` where we may not, or can't, read them."""
    sessions, runs = both = names(tables)
    parameters = [*both, catalog_name(tables.schema), *both, sessions, *(3 * both)]
    try:
        [(readable, schema, of_sessions, of_runs, version, encoding, unique, text)] = await database.read(
            _DETECT, parameters
        )
    except Forbidden:  # no USAGE on the schema
        readable = False
    if readable is False:
        raise database.refused("InsufficientPrivilege", "the database user may not read agno's sessions")
    of_v2: dict[str, Kind] = {"runs": "json"}
    found = columns({**SESSION_COLUMNS, **of_v2}, of_sessions)
    found_runs, copies = columns(RUN_COLUMNS, of_runs), columns(COPIES, of_runs)
    wanted = {**SESSION_COLUMNS, **(of_v2 if "runs" in found else {})}
    for table, kinds, there in ((sessions, wanted, found), (runs, RUN_COLUMNS, found_runs)):
        if there and (reason := problem(kinds, there)):
            name, why = reason
            raise database.unreadable(name, f"column {name} of {table} {why}")
    return _layout(
        found,
        found_runs,
        copies,
        schema=schema,
        server_version=version,
        encoding=encoding,
        unique_ids=unique,
        definition=None if text is None else Definition(text, both),
    )


def _layout(
    sessions: Mapping[str, Column],
    runs: Mapping[str, Column],
    copies: Mapping[str, Column],
    *,
    schema: bool,
    server_version: int,
    encoding: str,
    unique_ids: bool,
    definition: Definition | None,
) -> Layout:
    data = [column for name, column in sessions.items() if column.kind == "json" and name != "runs"]
    of_runs = [column for column in (sessions.get("runs"), runs.get("run_data")) if column is not None]
    json_type, run_type = _json_type(data), _json_type(of_runs)
    json_types: dict[str, JsonType] = {**{column.name: json_type for column in data}, "runs": run_type}
    return Layout(
        schema,
        Columns(sessions, json_types, server_version, encoding),
        Columns(runs, {"run_data": run_type}, server_version, encoding, copies),
        run_type if "runs" in sessions else None,
        json_type,
        run_type,
        server_version,
        encoding,
        unique_ids,
        definition,
    )


def _json_type(found: list[Column]) -> JsonType:
    return "jsonb" if all(column.own for column in found) else "json"
