"""Selects the database of a request by `db_id` and `table`, as AgentOS does."""

from __future__ import annotations

from session_service.http.caller import Caller
from session_service.http.errors import ApiError
from session_service.store.session_store import SessionStore
from session_service.store.store_map import StoreMap

# AgentOS finds a database by the names of its other tables too, and still serves its sessions
_OTHER_TABLES = frozenset({"agno_memories", "agno_learnings", "agno_metrics", "agno_eval_runs", "agno_knowledge"})


class Stores:
    """The stores that a caller may reach. A request has no other way to a store.

    Without a claim that names databases these are all stores, with the default of the map; otherwise the existing ones
    that the claim names, the first of them the default. With `require_id` a request must name one if there are
    several, as in AgentOS.
    """

    def __init__(self, caller: Caller, stores: StoreMap, *, require_id: bool) -> None:
        self._by_id, self._default = stores.by_id, stores.default
        if caller.databases is not None:
            self._by_id = {id: stores.by_id[id] for id in caller.databases if id in stores.by_id}
            self._default = next(iter(self._by_id), "")
        self._require_id = require_id

    def chosen(self, db_id: str | None, table: str | None) -> str:
        """The id of the database of a request; an empty `db_id` counts as absent. Raises ApiError 400, 403 or 404."""
        if table and not db_id:
            raise ApiError(400, "The db_id query parameter is required when passing a table")
        if not db_id:
            if self._require_id and len(self._by_id) > 1:
                raise ApiError(400, "The db_id query parameter is required when using multiple databases")
            if not self._by_id:
                raise ApiError(403, "Authenticated request is missing a database")
            return self._default
        if db_id not in self._by_id:
            raise ApiError(404, f"No database found with id '{db_id}'")
        return db_id

    async def of(self, db_id: str, table: str | None) -> SessionStore:
        """The store with this table, or the first store of a selected database. Raises ApiError 404."""
        if not table:
            return self._by_id[db_id][0]
        for store in self._by_id[db_id]:
            if (table == store.table or table in _OTHER_TABLES) and await store.has_table(table):
                return store
        raise ApiError(404, f"No database with id '{db_id}' has table '{table}'")
