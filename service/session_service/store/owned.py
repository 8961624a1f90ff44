"""The sessions and runs of an owner as SQL: the one place from which statements have the names of both tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .layout import Layout
from .owner import Everybody, Owner
from .tables import Tables

Statement = tuple[str, list[Any]]
"""SQL, whole or in part, and the parameters that are bound in it, in order."""


class Owned:
    """What exists for an owner, on the layout that the database has.

    Whatever row `s` of a session a statement reads or changes comes from here, with the owner in its condition, and
    the runs `r` are those of such a row.
    """

    def __init__(self, layout: Layout, tables: Tables, owner: Owner) -> None:
        self.layout = layout
        self.owner = owner
        self._sessions, self._runs = tables.sessions, tables.runs

    @property
    def everybodys(self) -> bool:
        """Whether nothing is kept from the owner, not even what hangs on a session that is gone and so is nobody's."""
        return isinstance(self.owner, Everybody)

    def sessions(self, *conditions: Statement) -> Statement:
        """The table with its condition, as it follows `FROM` and `DELETE FROM`: the rows `s` that meet all of these."""
        where, parameters = self._where(conditions)
        return f"{self._sessions} s{where}", parameters

    def update(self, sets: Statement, *conditions: Statement) -> Statement:
        """`UPDATE` of the rows `s` that meet all of these conditions."""
        where, parameters = self._where(conditions)
        return f"UPDATE {self._sessions} s SET {sets[0]}{where}", [*sets[1], *parameters]

    def insert(self, user_id: str | None, values: Mapping[str, Statement]) -> Statement:
        """`INSERT` of a session by the values of its columns; it is this user's where everybody's may be made."""
        row: dict[str, Statement] = {**values, "user_id": ("%s", [self.owner.of_new(user_id)])}
        places = ", ".join(place for place, _ in row.values())
        parameters = [value for _, each in row.values() for value in each]
        return f"INSERT INTO {self._sessions} AS s ({', '.join(row)}) VALUES ({places})", parameters

    def runs(self) -> str:
        """The table of runs with its condition, as it follows `FROM`: the rows `r` of the runs of `s`."""
        return f"{self._runs} r WHERE r.session_id = s.session_id"

    def insert_runs(self, columns: str) -> str:
        """`INSERT` of runs; a query of these columns follows."""
        return f"INSERT INTO {self._runs} ({columns})"

    def delete_runs(self, condition: str) -> str:
        """`DELETE` of runs by a condition on `session_id`: those of sessions that `sessions` gave."""
        return f"DELETE FROM {self._runs} WHERE session_id {condition}"

    def _where(self, conditions: tuple[Statement, ...]) -> Statement:
        if not isinstance(self.owner, Everybody):
            # an equality: rows without an owner never match
            conditions += (("s.user_id = %s", [self.owner.user_id]),)
        where = " WHERE " + " AND ".join(text for text, _ in conditions) if conditions else ""
        return where, [value for _, values in conditions for value in values]
