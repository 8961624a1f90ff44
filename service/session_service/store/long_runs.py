"""Reads runs that are too long to be read at once, one by one."""

from __future__ import annotations

from dataclasses import dataclass

from session_service.database.connection import Row

from .documents import Document, Parts
from .long_members import ASKED, item_text, looks_into, parts_sql, short_text
from .owned import Owned
from .pieces import COLUMNS, LongRead, in_pieces
from .runs_sql import runs_of_session, unpacked


@dataclass(frozen=True, slots=True)
class WantedRuns:
    """Which runs are read, and what of those that are long: the parts for the first of these members that a run names.

    None is a member that every run names. With a `run_id` only the first run of that id; with `beginnings` so much of
    each value as fits a piece; `sdk` says that metadata are looked into.
    """

    forms: tuple[tuple[str | None, Parts], ...]
    run_id: str | None = None
    beginnings: bool = False
    sdk: bool = False


def long_runs(owned: Owned, session_id: str, wanted: WantedRuns) -> LongRead[bytes]:
    """The runs of a session in stored order."""
    found, parameters = owned.session(session_id)
    kind = owned.layout.run_type
    runs = runs_of_session(owned)
    if wanted.run_id is not None:
        runs, parameters = (
            f"SELECT o.run FROM ({runs}) o WHERE o.run->>'run_id' = %s LIMIT 1",
            [*parameters, wanted.run_id],
        )
    run = "o.run" if kind == "json" else unpacked("o.run")
    members, unnamed = [], "true"
    for member, parts in wanted.forms:
        named = "true" if member is None else f"(q.run->>'{member}') IS NOT NULL"
        read = parts_sql(kind, "q.run", parts, beginnings=wanted.beginnings)
        members.append(f"SELECT * FROM ({read}) m WHERE {unnamed} AND {named}")
        unnamed += f" AND NOT ({named})"
    every = " UNION ALL ".join(members)
    pieces = in_pieces(owned.layout, every, "t.short IS NULL", beginnings=wanted.beginnings)
    return LongRead(
        f"""SELECT t.short, {COLUMNS}
        FROM (SELECT {owned.columns.names()} FROM {found}) s
        CROSS JOIN LATERAL (SELECT {run} AS run FROM ({runs}) o OFFSET 0) q
        CROSS JOIN LATERAL (
            SELECT {short_text("x.text")} AS short FROM (SELECT {item_text("q.run")} AS text OFFSET 0) x OFFSET 0
        ) t
        LEFT JOIN LATERAL ({pieces}) p
            ON true""",
        parameters,
        _shown_run,
        looks_into(owned, *(parts for _, parts in wanted.forms), sdk=wanted.sdk),
        wanted.beginnings,
    )


def _shown_run(row: Row, document: Document) -> bytes:
    if row[0] is not None:
        short: bytes = row[0]
        return short
    for content in ASKED:
        if document.text(content) is not None:
            document.put(content.removesuffix("content") + "role", b'"user"')
    return document.text() or b"{}"
