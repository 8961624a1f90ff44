"""Counts matching sessions, and reuses a count while it is provably still right."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from .definition import DEFINITION, SERVER

# the number of filters whose counts are remembered
MOST = 512

# What a statement sees is decided by its snapshot: while it is the same on the same server, no transaction that it did
# not see has ended, and a count is exact. On a standby it does not list all that is in progress, so nothing is proved.
_SNAPSHOT = f"""CASE WHEN NOT pg_is_in_recovery()
    THEN (txid_current_snapshot()::text || ' ' || {SERVER})::varchar END"""

Key = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Total:
    """A count, its snapshot, and the age of the pool at that time."""

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
        """The latest count of this filter, or a count that matches no snapshot."""
        found = self._known.get(key, UNKNOWN)
        return found if found.age == age else UNKNOWN

    def remember(self, key: Key, total: Total) -> None:
        """Replace the latest count of this filter."""
        if total.snapshot is None or total.age is None:
            return
        self._known[key] = total
        self._known.move_to_end(key)
        if len(self._known) > MOST:
            self._known.popitem(last=False)


def select_total(counting: str, *, provable: bool) -> str:
    """A subquery of one row (total, snapshot): `counting` runs only where the known snapshot is not that of now.

    The snapshot is NULL where it proves nothing: on a standby, where nothing is `provable`, and where the definition of
    the tables is another. It is not asked for at the snapshot at which it was the same.

    Its parameters are those of `counting`; where it is provable, then those of `DEFINITION`, the known snapshot and
    number, and the known definition.
    """
    if not provable:
        return f"SELECT ({counting}) AS total, NULL::varchar AS snapshot"
    # OFFSET 0 has each of the two made once, not for each row of a page
    return f"""SELECT CASE WHEN p.snapshot = p.known THEN p.number ELSE ({counting}) END AS total,
            CASE WHEN p.snapshot = p.known OR {DEFINITION} = p.definition THEN p.snapshot END AS snapshot
        FROM (
            SELECT {_SNAPSHOT} AS snapshot,
                %s::varchar AS known, %s::bigint AS number, %s::varchar AS definition OFFSET 0
        ) p OFFSET 0"""
