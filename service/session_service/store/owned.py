"""The sessions and runs of an owner as SQL: the one place from which statements have the names of both tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from session_service.database.connection import Row

from .columns import Columns
from .layout import Layout
from .masks import unmasked
from .owner import Everybody, Owner
from .tables import Tables

Statement = tuple[str, list[Any]]
"""SQL, whole or in part, and the parameters that are bound in it, in order."""


class Owned:
    """What exists for an owner, on the layout that the database has. There must be a table of sessions.

    Whatever row `s` of a session a statement reads or changes comes from here, with the owner in its condition, and
    the runs `r` are those of such a row. The columns of both are of agno's own types (`columns`), whatever they are in
    the table.
    """

    def __init__(self, layout: Layout, tables: Tables, owner: Owner) -> None:
        self.layout = layout
        self.owner = owner
        self.columns = layout.sessions
        self._sessions, self._runs = tables.sessions, tables.runs

    @property
    def everybodys(self) -> bool:
        """Whether nothing is kept from the owner, not even what hangs on a session that is gone and so is nobody's."""
        return isinstance(self.owner, Everybody)

    def read(self, rows: list[Row]) -> list[Row]:
        """Rows of a statement, with JSON as it is stored."""
        return unmasked(rows) if self.layout.masked else rows

    def sessions(self, *conditions: Statement) -> Statement:
        """The table with its condition, as it follows `FROM`: the rows `s` that meet all of these."""
        where, parameters = self._where(conditions, "s.user_id")
        return f"{self._as_own(self._sessions, self.columns, 's')}{where}", parameters

    def session(self, session_id: str) -> Statement:
        """The same with the row of this id alone."""
        key = "s.session_id" if self.columns.own else "s.key"
        return self.sessions(*self._of_id("s.session_id", key, session_id))

    def update(self, sets: Statement, session_id: str, session_type: str | None = None) -> Statement:
        """`UPDATE` of the session of this id, of this type where one is given, that returns its columns."""
        conditions = self._of_id(self.columns.of("session_id"), "s.session_id", session_id)
        if session_type is not None:
            conditions.append((f"{self.columns.of('session_type')} = %s", [session_type]))
        where, parameters = self._where(conditions, self.columns.of("user_id"))
        return f"UPDATE {self._sessions} s SET {sets[0]}{where} RETURNING {self._returned}", [*sets[1], *parameters]

    def insert(self, user_id: str | None, values: Mapping[str, Statement]) -> Statement:
        """`INSERT` of a session by the values of its columns; it is this user's where everybody's may be made.

        Returns its columns, and no row where the id is taken.
        """
        row: dict[str, Statement] = {**values, "user_id": ("%s", [self.owner.of_new(user_id)])}
        places = ", ".join(self.columns.written(name, place) for name, (place, _) in row.items())
        parameters = [value for _, each in row.values() for value in each]
        rows, conflict = f"VALUES ({places})", "(session_id)"
        if (
            not self.layout.unique_ids
        ):  # a view, or partitions: what makes ids unique, if anything does, has no name here
            id, taken = row["session_id"]
            other = f"SELECT FROM {self._sessions} o WHERE {self.columns.of('session_id', 'o')} = {id}"
            rows, conflict = f"SELECT {places} WHERE NOT EXISTS ({other})", ""
            parameters += taken
        return (
            f"""INSERT INTO {self._sessions} AS s ({", ".join(row)}) {rows}
            ON CONFLICT {conflict} DO NOTHING RETURNING {self._returned}""",
            parameters,
        )

    def delete(self, session_ids: Sequence[str], condition: str) -> Statement:
        """`DELETE` of the sessions of these ids where the condition holds; returns the ids."""
        which, ids = one_of(session_ids)
        id = self.columns.of("session_id")
        where, parameters = self._where([(f"{id} {which}", [ids]), (condition, [])], self.columns.of("user_id"))
        return f"DELETE FROM {self._sessions} s{where} RETURNING {id} AS session_id", parameters

    def runs(self) -> str:
        """The table of runs with its condition, as it follows `FROM`: the rows `r` of the runs of `s`."""
        runs = self.layout.runs
        condition = "r.session_id = s.session_id"
        if runs.key(self.columns) and not (runs.own and self.columns.own):
            one, other = ("session_id" if columns.own else "key" for columns in (runs, self.columns))
            condition = f"r.{one} = s.{other}"
        return f"{self._as_own(self._runs, runs, 'r')} WHERE {condition}"

    def insert_runs(self, values: Mapping[str, str]) -> str:
        """`INSERT` of runs by the values of their columns; what they are selected from follows."""
        runs = self.layout.runs
        written = ", ".join(runs.written(name, value) for name, value in values.items())
        return f"INSERT INTO {self._runs} ({', '.join(values)}) SELECT {written}"

    def delete_runs(self, condition: str) -> str:
        """`DELETE` of runs by a condition on `session_id`: those of sessions that `delete` gave."""
        return f"DELETE FROM {self._runs} old WHERE {self.layout.runs.of('session_id', 'old')} {condition}"

    def _as_own(self, table: str, columns: Columns, row: str) -> str:
        """A table under this name; the planner sees through the subquery."""
        if columns.own:
            return f"{table} {row}"
        written = "" if self.layout.definition is None else f", {row}.xmin, {row}.ctid"
        return f"(SELECT {columns.selected(row)}{written} FROM {table} {row}) {row}"

    @property
    def _returned(self) -> str:
        return self.columns.selected()

    def _of_id(self, id: str, key: str, session_id: str) -> list[Statement]:
        found: list[Statement] = [(f"{id} = %s", [session_id])]
        kind = self.columns.sought
        if kind == "uuid" and not _is_uuid(session_id):
            found.append(("false", []))
        elif kind is not None:
            found.append((f"{key} = %s::{kind}", [session_id]))
        return found

    def _where(self, conditions: Sequence[Statement], user_id: str) -> Statement:
        if not isinstance(self.owner, Everybody):
            # an equality: rows without an owner never match
            conditions = [*conditions, (f"{user_id} = %s", [self.owner.user_id])]
        where = " WHERE " + " AND ".join(text for text, _ in conditions) if conditions else ""
        return where, [value for _, values in conditions for value in values]


def one_of(session_ids: Sequence[str]) -> tuple[str, Any]:
    """What an id has to be to be one of these, and its parameter.

    Of an array of unknown length the planner expects ten ids, and plans each time.
    """
    return ("= %s", session_ids[0]) if len(session_ids) == 1 else ("= ANY(%s)", list(session_ids))


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
