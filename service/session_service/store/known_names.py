"""Names that were made of a session's first run, remembered for as long as that run is provably the same.

To make a name the server decompresses a whole run, which costs more than all else of a page. What it makes depends on
the first run, on the type of the session, and on there being no stored name. A page is remembered with its horizon,
the xmin of its snapshot: every transaction below it had ended. When a statement finds that the first run of a session
is one of those remembered, by table and primary key, and that its row was written below that horizon, it is the same
row: whoever wrote it had ended, so it was visible then already, and of one run only one row is. A run that was
updated, moved, or inserted again was written by a later transaction, wherever it is stored and whatever was vacuumed.

Three things could make the numbers of transactions lie:

* They come again after 2^32. So a row must be within 2^30 below the horizon, and a page counts for ten minutes: no
  server begins 2^30 transactions in that time, and 2^31 is the most that it lets any be ahead of the oldest.
* A server that crashed, or was restored, gives numbers out again, but only to connections opened since: `age`.
* Connections may lead to several servers, as after a failover. So the server must be the one remembered, told by its
  start. A standby tells no snapshot, and nothing of it is remembered.

It is done only where `run_id` is unique, as agno makes and needs it. It rests on nobody giving the column `run_data`
another meaning in place, by renaming columns: what rewrites rows, or puts another table there, is seen.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from session_service.database.connection import Row

from .runs_sql import RUNS_ORDER
from .tables import Tables
from .totals import Key

# names that are remembered at once, and bytes that one may have
MOST = 2_000
LONGEST = 2_000
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of a page: content and input (`NameSource`) by the key of the first run. `asked_at` is monotonic."""

    made: dict[str, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    horizon: int = 0
    server: str = ""
    age: int | None = None
    asked_at: float = 0.0

    @property
    def parameters(self) -> list[Any]:
        """Those of `select_first`."""
        return [list(self.made), self.server, self.horizon]

    def filled(self, row: Row, at: int) -> Row:
        """A row with found, content and input, from column `at` on, also where the server left out what is known."""
        key, known = row[-3:-1]
        return (*row[:at], True, *self.made[key], *row[at + 3 :]) if known else row


UNKNOWN = KnownNames()


def known_names(rows: Sequence[Row], at: int, snapshot: str | None, age: int | None, asked_at: float) -> KnownNames:
    """What can be known of filled rows. `age` and `asked_at` are of before the statement was sent."""
    if snapshot is None:
        return UNKNOWN
    made = {}
    for row in rows:
        content, input = row[at + 1 : at + 3]
        key, known, from_first = row[-3:]
        if (known or from_first) and len(content or b"") + len(input or b"") <= LONGEST:
            made[key] = (content, input)
    numbers, server = snapshot.split(" ")
    return KnownNames(made, int(numbers.split(":")[0]), server, age, asked_at)


class Names:
    """The names of a store's latest pages, by query."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Key, KnownNames] = OrderedDict()
        self._number = 0

    def known(self, key: Key, age: int | None) -> KnownNames:
        """The names of this query's latest page; none where that proves nothing any more."""
        found = self._pages.get(key, UNKNOWN)
        return found if found.age == age and time.monotonic() - found.asked_at < SECONDS else UNKNOWN

    def remember(self, key: Key, page: KnownNames) -> None:
        """Take the place of what was known of this query's page."""
        self._number += len(page.made) - len(self._pages.pop(key, UNKNOWN).made)
        if page.made:
            self._pages[key] = page
        while self._number > MOST:
            self._number -= len(self._pages.popitem(last=False)[1].made)


def select_first(tables: Tables) -> str:
    """A subquery of the first run of the unnamed session `s` beside the total `t`: (key, run_id, known).

    Layout v3 only, and only where `run_id` is unique. Its parameters are those of `KnownNames`.
    """
    kind = "CASE s.named_as WHEN 'workflow' THEN 'w' WHEN 'team' THEN 't' ELSE 'a' END"
    same_server = "split_part(t.snapshot, ' ', 2) = %s"
    below = "((%s::bigint - r.xmin::text::bigint) & 4294967295) BETWEEN 1 AND 1073741824"
    return f"""
    SELECT r.key, r.run_id, r.key = ANY(%s::varchar[]) AND {same_server} AND {below} AS known FROM (
        SELECT ({kind} || r.tableoid || ' ' || r.run_id)::varchar AS key, r.run_id, r.xmin
        FROM {tables.runs} r WHERE r.session_id = s.session_id AND s.session_data->>'session_name' IS NULL
        ORDER BY {RUNS_ORDER} LIMIT 1
    ) r"""
