"""Which of agno's layouts a database holds, read from the catalog.

| `runs` column of the sessions table | runs table | layout |
| --- | --- | --- |
| no | yes or no | v3 |
| yes | no | v2 |
| yes | yes | half-migrated, or migrated with the column kept as backup |

The row of `agno_schema_versions` does not tell: AgentOS 3 creates its runs table beside an old sessions table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from session_service.database.database import Database
from session_service.database.errors import Forbidden

from .tables import Tables, catalog_name

JsonType = Literal["json", "jsonb"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the catalog says of the two tables. `json_type` is the type of the JSON columns, `json` in 2.0 to 2.2.

    `keyed` says that they are tables, no views, in which a `session_id` and a `run_id` are unique, as agno makes them.
    """

    schema: bool
    sessions_table: bool
    runs_table: bool
    runs_column: JsonType | None
    json_type: JsonType
    server_version: int
    keyed: bool

    @property
    def name(self) -> Literal["empty", "v3", "v2", "half-migrated"]:
        """The layout in one word, as `session-service check` shows it."""
        if not self.sessions_table:
            return "empty"
        if self.runs_column is None:
            return "v3"
        return "half-migrated" if self.runs_table else "v2"

    @property
    def settled(self) -> bool:
        """Whether it may be remembered. An agent process may create an absent table at any time, and no error tells."""
        return self.sessions_table and self.runs_table


def _unique(column: str) -> str:
    return f"""EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass(%s) AND indisunique AND indisvalid
               AND indpred IS NULL AND indnkeyatts = 1 AND pg_get_indexdef(indexrelid, 1, true) = '{column}')"""


_DETECT = f"""
SELECT has_table_privilege(to_regclass(%s), 'SELECT') AND
           COALESCE(has_table_privilege(to_regclass(%s), 'SELECT'), true),
       to_regnamespace(%s) IS NOT NULL,
       to_regclass(%s) IS NOT NULL,
       to_regclass(%s) IS NOT NULL,
       (SELECT format_type(atttypid, NULL)::varchar FROM pg_attribute
        WHERE attrelid = to_regclass(%s) AND attname = 'runs' AND NOT attisdropped),
       (SELECT format_type(atttypid, NULL)::varchar FROM pg_attribute
        WHERE attrelid = to_regclass(%s) AND attname = 'session_data' AND NOT attisdropped),
       current_setting('server_version_num')::int,
       {_unique("session_id")} AND (to_regclass(%s) IS NULL OR {_unique("run_id")})
"""


async def detect(database: Database, tables: Tables) -> Layout:
    """Ask the catalog for the layout of these tables. Raises `Refused` where we may not read them."""
    sessions, runs, schema_name = map(catalog_name, (tables.sessions, tables.runs, tables.schema))
    parameters = [sessions, runs, schema_name, sessions, runs, sessions, sessions, sessions, runs, runs]
    try:
        [row] = await database.read(_DETECT, parameters)
    except Forbidden:  # no USAGE on the schema
        row = (False, *(None,) * 7)
    readable, schema, sessions_table, runs_table, runs_column, json_type, server_version, keyed = row
    if readable is False:
        raise database.refused("InsufficientPrivilege", "the database user may not read agno's sessions")
    return Layout(schema, sessions_table, runs_table, runs_column, json_type or "jsonb", server_version, keyed)
