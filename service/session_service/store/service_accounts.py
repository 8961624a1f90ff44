"""The service accounts of an AgentOS, from the table with the hashes of their tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .session_store import SessionStore
from .tables import quoted

USE_IS_NOTED_EVERY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """One account; `expires_at` is in seconds since 1970, None for never."""

    id: str
    name: str
    scopes: frozenset[str]
    expires_at: int | None
    revoked: bool

    def valid(self, now: float) -> bool:
        """Whether its token is neither revoked nor expired."""
        return not self.revoked and (self.expires_at is None or self.expires_at > now)


class ServiceAccounts:
    """The accounts in a table of the database and schema of a store."""

    def __init__(self, store: SessionStore, table: str) -> None:
        self._database = store.database
        self._table = f"{store.tables.schema}.{quoted(table)}"

    async def find(self, token_hash: str) -> ServiceAccount | None:
        """The account of a token, valid or not, by the SHA-256 of the token in hexadecimal."""
        columns = "id::varchar, name::varchar, scopes::text, expires_at::bigint, revoked_at IS NOT NULL"
        sql = f"SELECT {columns} FROM {self._table} WHERE token_hash = %s"
        rows = await self._database.read(sql, [token_hash])
        if not rows:
            return None
        id, name, scopes, expires_at, revoked = rows[0]
        return ServiceAccount(id, name, _scopes(scopes), expires_at, revoked)

    async def note_use(self, account_id: str, now: int) -> None:
        """Record when its token was last used: at most once a minute in total, and not if another statement just does.

        It runs as a read, because it concerns no session: it may be repeated, and replicas need not catch up with it.
        """
        which = f"SELECT id FROM {self._table} WHERE id = %s AND (last_used_at IS NULL OR last_used_at <= %s)"
        sql = f"UPDATE {self._table} SET last_used_at = %s WHERE id IN ({which} FOR UPDATE SKIP LOCKED)"
        await self._database.read(sql, [now, account_id, now - USE_IS_NOTED_EVERY_SECONDS])


def _scopes(text: bytes | None) -> frozenset[str]:
    try:
        scopes = json.loads(text or b"[]")
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(scope for scope in scopes if isinstance(scope, str)) if isinstance(scopes, list) else frozenset()
