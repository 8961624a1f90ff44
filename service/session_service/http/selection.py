"""Which database a request means: `db_id` and `table`, as AgentOS chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from session_service.http.errors import ApiError
from session_service.store.session_store import SessionStore

# a database object is also found by the names of its other tables, and still serves its sessions
_OTHER_TABLES = frozenset({"agno_memories", "agno_learnings", "agno_metrics", "agno_eval_runs", "agno_knowledge"})


@dataclass(frozen=True, slots=True)
class Stores:
    """All stores by database id, each id's in order; `default` answers where no id is given.

    With `require_id` a request must name one where there are several, as AgentOS has it.
    """

    by_id: Mapping[str, Sequence[SessionStore]]
    default: str
    require_id: bool

    async def select(self, db_id: str | None, table: str | None) -> SessionStore:
        """The store that a request means; an empty text counts as absent. Raises ApiError 400 or 404."""
        if table and not db_id:
            raise ApiError(400, "The db_id query parameter is required when passing a table")
        if not db_id:
            if self.require_id and len(self.by_id) > 1:
                raise ApiError(400, "The db_id query parameter is required when using multiple databases")
            return self.by_id[self.default][0]
        if db_id not in self.by_id:
            raise ApiError(404, f"No database found with id '{db_id}'")
        if not table:
            return self.by_id[db_id][0]
        for store in self.by_id[db_id]:
            if (table == store.table or table in _OTHER_TABLES) and await store.has_table(table):
                return store
        raise ApiError(404, f"No database with id '{db_id}' has table '{table}'")
