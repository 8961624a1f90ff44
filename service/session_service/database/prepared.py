"""Prepares statements by SQL: aiopg has no protocol for it, and planning costs more than reading a page."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from functools import lru_cache

# More than the routes need; queries with rare filters or page sizes displace the least used ones.
MOST = 100

# The server does not know the name (26000: a pooler gave us another server, or somebody said DEALLOCATE ALL), knows
# it already (42P05), or the result has other columns since a migration (0A000).
STALE = frozenset({"26000", "42P05", "0A000"})

_PLACE = re.compile(r"%s|%%")


class PreparedStatements:
    """The prepared statements of one connection. A statement is prepared when it comes for the second time."""

    def __init__(self) -> None:
        self._prepared: OrderedDict[str, bool] = OrderedDict()

    def text(self, sql: str) -> str:
        """The SQL to send for this statement, with the same parameters: itself, or one that prepares or executes it."""
        prepared = self._prepared.get(sql)
        self._prepared[sql] = prepared is not None
        self._prepared.move_to_end(sql)
        if prepared is None:
            return self._evicting() + sql if len(self._prepared) > MOST else sql
        execute, prepare = _texts(sql)
        return execute if prepared else prepare + execute

    def _evicting(self) -> str:
        sql, prepared = self._prepared.popitem(last=False)
        return f"DEALLOCATE {_name(sql)}; " if prepared else ""

    def forget(self, sql: str) -> None:
        """Forget a statement that the server does not have, or has in another form."""
        self._prepared.pop(sql, None)


def _name(sql: str) -> str:
    # named by content: on a server that a pooler shares, the name always means this statement
    return f"agno_{hashlib.blake2s(sql.encode(), digest_size=8).hexdigest()}"


@lru_cache(maxsize=4 * MOST)
def _texts(sql: str) -> tuple[str, str]:
    number = 0

    def place(found: re.Match[str]) -> str:
        nonlocal number
        if found[0] == "%%":
            return "%%"
        number += 1
        return f"${number}"

    statement = _PLACE.sub(place, sql)
    arguments = ", ".join(["%s"] * number)
    execute = f"EXECUTE {_name(sql)}" + (f"({arguments})" if number else "")
    return execute, f"PREPARE {_name(sql)} AS {statement}; "
