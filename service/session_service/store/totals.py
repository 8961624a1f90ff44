"""How many sessions match, counted once and remembered for as long as that is provably still right."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

# filters that are remembered at once
MOST = 512

# What a statement sees is decided by its snapshot: while it is the same on the same server, no transaction that it did
# not see has ended, and a count is exact. On a standby it does not list all that is in progress, so nothing is proved.
_SNAPSHOT = """CASE WHEN NOT pg_is_in_recovery()
    THEN (txid_current_snapshot()::text || ' ' || extract(epoch FROM pg_postmaster_start_time())::text)::varchar END"""

Key = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Total:
    """A count with the snapshot in which it was taken, and the age of the pool then."""

    snapshot: str | None
    number: int
    age: int | None


UNKNOWN = Total(None, 0, None)


class Totals:
    """The latest counts of a store by filter.

    `age` is `Database.age`. A server that crashed may give a snapshot out again, but only to connections that were
    opened since: a count is used, and remembered, only while none was opened.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Key, Total] = OrderedDict()

    def known(self, key: Key, age: int | None) -> Total:
        """The latest count of this filter, or one that matches no snapshot."""
        found = self._known.get(key, UNKNOWN)
        return found if found.age == age else UNKNOWN

    def remember(self, key: Key, total: Total) -> None:
        """Take the place of the latest count."""
        if total.snapshot is None or total.age is None:
            return
        self._known[key] = total
        self._known.move_to_end(key)
        if len(self._known) > MOST:
            self._known.popitem(last=False)


def select_total(counting: str) -> str:
    """A subquery of one row (total, snapshot): `counting` runs only where the known snapshot is not that of now.

    Its first parameters are the known snapshot and number, then those of `counting`.
    """
    return f"""SELECT CASE WHEN p.snapshot = %s THEN %s::bigint ELSE ({counting}) END AS total, p.snapshot
        FROM (SELECT {_SNAPSHOT} AS snapshot OFFSET 0) p"""
