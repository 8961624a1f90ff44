"""A read-only replica of a database, and how far it is known to have replayed the primary's log."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Literal

from .errors import DatabaseError

if TYPE_CHECKING:
    from decimal import Decimal

    from .database import Database

# a replica with a greater lag is not used
LONGEST_LAG_SECONDS = 5.0

# Positions in the write-ahead log, as numbers; every role may ask for them. Where the next record goes may be past the
# header of a new page (24 bytes), to which a replica never comes; no commit is that short.
_POSITION = """
SELECT pg_is_in_recovery(), pg_postmaster_start_time()::varchar,
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn
         ELSE pg_current_wal_insert_lsn() - '0/0'::pg_lsn - 24 END"""

ReplicaState = Literal["untried", "serving", "lagging", "refused", "unreachable"]


class Replica:
    """Compares positions in the log instead of clocks: has the replica replayed what the primary had written at a time?

    So it is also right while nobody writes, while replay is paused or delayed, and while the replica is cut off from
    its primary.
    """

    def __init__(self, primary: Database, database: Database) -> None:
        self.database = database
        self._primary = primary
        self._positions: deque[tuple[float, Decimal]] = deque(maxlen=60)
        self._complete_until = -math.inf
        self._positioned_at = -math.inf

    async def observe(self) -> None:
        """Read the positions of both. Raises `DatabaseError` if the replica does not return one."""
        began = time.monotonic()
        try:
            [(_, primary, position)] = await self._primary.read(_POSITION)
        except DatabaseError:
            primary = None
        else:
            self._positions.append((began, position))
            self._positioned_at = began
        [(recovering, server, replayed)] = await self.database.read(_POSITION)
        if recovering or server == primary:
            reached = [at for at, position in self._positions if position <= replayed]
            self._complete_until = max(reached, default=-math.inf)
        else:  # another server that accepts writes: its position says nothing about the primary's
            self._complete_until = -math.inf

    @property
    def keeps_up(self) -> bool:
        """Whether it lags by no more than `LONGEST_LAG_SECONDS`.

        While the primary is unreachable nobody writes there, so a replica that kept up until then still does.
        """
        fresh = time.monotonic() - self._positioned_at <= LONGEST_LAG_SECONDS or self._primary.state == "unreachable"
        return fresh and self._positioned_at - self._complete_until <= LONGEST_LAG_SECONDS

    @property
    def usable(self) -> bool:
        """Whether it keeps up and has replayed everything that was written through this service."""
        return self.keeps_up and self._complete_until > self._primary.written_at

    @property
    def state(self) -> ReplicaState:
        """The state as one word; `reason` of its database says more."""
        if self.database.state == "serving" and not self.keeps_up:
            return "lagging"
        return self.database.state
