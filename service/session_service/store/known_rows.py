"""Rows of the list, as they were shown, remembered for as long as what they are made of is provably the same.

What a row shows depends on the row of the session and, where that has no name, on its first run. To print the one and
to decompress the other costs more than all else of a page. A page is remembered with its horizon, the xmin of its
snapshot: every transaction below it had ended. When a statement finds a session where one of those remembered was, with
its first run where that one's was, and both rows were written below that horizon, they are the same rows: what is put
in the place of a row that was visible then is written by a transaction that had not ended. So is what was updated,
moved to another session, or inserted again.

That holds while a table is not rewritten and rows stay where they are, of plain tables (`definition`). Three things
could make the numbers of transactions lie:

* They come again after 2^32. So a row must be within 2^30 below the horizon, and a page counts for ten minutes: no
  server begins 2^30 transactions in that time, and 2^31 is the most that it lets any be ahead of the oldest.
* A server that crashed, or was restored, gives numbers out again, but only to connections opened since: `age`.
* Connections may lead to several servers, as after a failover. So the server must be the one remembered, told by its
  start, which is part of the definition. A standby tells no snapshot, and nothing of it is remembered.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from session_service.database.connection import Row

from .layout import Layout
from .owned import Owned
from .runs_sql import RUNS_ORDER

# rows that are remembered at once, and bytes that the database may have sent for one
MOST = 2_000
LONGEST = 4_000
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class KnownRows:
    """The rows of a page as they are shown, by the keys of `select_known`; those once more as one literal.

    `asked_at` is monotonic.
    """

    shown: dict[str, Any] = field(default_factory=dict)
    keys: str = "{}"
    horizon: int = 0
    age: int | None = None
    asked_at: float = 0.0

    @property
    def parameters(self) -> list[Any]:
        """Those of `select_known`."""
        return [self.keys, self.horizon]


UNKNOWN = KnownRows()


def known_rows(
    before: KnownRows,
    rows: Sequence[Row],
    shown: Sequence[Any],
    snapshot: str | None,
    age: int | None,
    asked_at: float,
) -> KnownRows:
    """What can be known of rows that begin with key, known, certain, and of which `before` was known.

    `age` and `asked_at` are of before the rows were read.
    """
    if snapshot is None:
        return UNKNOWN
    made, keys = before.shown, before.keys
    if len(rows) != len(made) or not all(row[1] for row in rows):
        made = {
            row[0]: text
            for row, text in zip(rows, shown, strict=True)
            if row[1] or (row[2] and sum(len(value) for value in row if isinstance(value, bytes | str)) <= LONGEST)
        }
        keys = _array(made)
    return KnownRows(made, keys, int(snapshot.split(":")[0]), age, asked_at)


def _array(items: Iterable[str]) -> str:
    return "{" + ",".join(f'"{item}"' for item in items) + "}"


class Rows:
    """The rows of a store's latest pages, by query."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Hashable, KnownRows] = OrderedDict()
        self._number = 0

    def known(self, key: Hashable, age: int | None) -> KnownRows:
        """The rows of this query's latest page; none where that proves nothing any more."""
        found = self._pages.get(key, UNKNOWN)
        return found if found.age == age and time.monotonic() - found.asked_at < SECONDS else UNKNOWN

    def remember(self, key: Hashable, page: KnownRows) -> None:
        """Take the place of what was known of this query's page."""
        self._number += len(page.shown) - len(self._pages.pop(key, UNKNOWN).shown)
        if page.shown:
            self._pages[key] = page
        while self._number > MOST:
            self._number -= len(self._pages.popitem(last=False)[1].shown)


def provable(layout: Layout) -> bool:
    """Whether rows can be known: not while runs are in a column and in a table, for a name may come from either."""
    return layout.definition is not None and not (layout.runs_table and layout.runs_column)


WRITTEN = "s.xmin AS written, s.ctid AS place"
"""What `select_known` asks of the row `s`, beside its columns."""


def select_known(owned: Owned) -> str:
    """Joins for the session `s` and the total `t`: `f`, its first run if it needs one for a name, and `k` (key, known).

    Its parameters are those of `KnownRows`.
    """
    first = "SELECT NULL::tid AS place, NULL::xid AS written WHERE false"
    if owned.layout.runs_table:
        first = f"""SELECT r.ctid AS place, r.xmin AS written FROM {owned.runs()}
            AND s.session_data->>'session_name' IS NULL
            ORDER BY {RUNS_ORDER} LIMIT 1"""
    return f"""
    CROSS JOIN (SELECT %s::varchar[] AS keys, %s::bigint AS horizon) p
    LEFT JOIN LATERAL ({first}) f ON true
    LEFT JOIN LATERAL (
        SELECT o.key, t.snapshot IS NOT NULL AND o.key = ANY(p.keys)
            AND {_below("s.written")} AND (f.place IS NULL OR {_below("f.written")}) AS known
        FROM (SELECT (s.place::text || COALESCE(f.place::text, ''))::varchar AS key OFFSET 0) o OFFSET 0
    ) k ON true"""


def _below(written: str) -> str:
    return f"((p.horizon - {written}::text::bigint) & 4294967295) BETWEEN 1 AND 1073741824"
