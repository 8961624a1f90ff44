"""The runs of one session as SQL, on each layout: the one place that knows how column and table are merged."""

from __future__ import annotations

from .columns import is_json
from .layout import Layout
from .masks import masked
from .owned import Owned

RUNS_ORDER = "r.run_index, r.created_at, r.run_id"
"""The stored order of the rows `r` of one session's runs."""


def runs_of_session(owned: Owned, *, places: bool = False) -> str:
    """A subquery of `run` in stored order, for the row `s` of the sessions table.

    v3: the runs table, with `places` also the `place` of each row in it, which a view does not have. v2: the array of
    the `runs` column as it is. Half-migrated: the array's objects that have a `run_id`, each as the table has it if the
    table has it, then the table's runs that the array does not know.
    """
    layout = owned.layout
    if layout.runs_column is None:
        return _table_runs(owned, places) if layout.runs_table else "SELECT NULL::jsonb AS run WHERE false"
    kind = layout.run_type
    array = _array(layout)
    if not layout.runs_table:
        return f"SELECT e.run FROM {kind}_array_elements({array}) WITH ORDINALITY AS e(run, place) ORDER BY e.place"
    known = f"{kind}_typeof(e.run) = 'object' AND e.run->>'run_id' <> ''"
    return f"""
    SELECT m.run FROM (
        SELECT COALESCE(r.run_data, e.run) AS run, 0 AS part, e.place
        FROM {kind}_array_elements({array}) WITH ORDINALITY AS e(run, place)
        LEFT JOIN LATERAL (SELECT r.run_data FROM {owned.runs()} AND r.run_id = e.run->>'run_id') r ON true
        WHERE {known}
        UNION ALL
        SELECT r.run_data, 1, row_number() OVER (ORDER BY {RUNS_ORDER})
        FROM {owned.runs()}
          AND NOT EXISTS (SELECT FROM {kind}_array_elements({array}) AS e(run)
                          WHERE {known} AND e.run->>'run_id' = r.run_id)
    ) m ORDER BY m.part, m.place"""


def unpacked(run: str) -> str:
    """A jsonb run, decompressed once: each operator on a stored value decompresses the whole of it.

    Its subquery must end in OFFSET 0, or the planner puts the expression back in every place that uses it.
    """
    return f"({run} #> '{{}}')"


def _table_runs(owned: Owned, places: bool) -> str:
    place = ", r.ctid AS place" if places else ""
    return f"SELECT r.run_data AS run{place} FROM {owned.runs()} ORDER BY {RUNS_ORDER}"


def _array(layout: Layout) -> str:
    """The column as an array; a JSON string is parsed first, anything else counts as no runs."""
    if layout.sessions.own:
        return _parsed(layout, "s.runs")
    # to read the column once: what makes it readable costs more than all that is done with it
    return f"(SELECT {_parsed(layout, 'b.runs')} FROM (SELECT s.runs AS runs OFFSET 0) b)"


def _parsed(layout: Layout, runs: str) -> str:
    kind, text = layout.run_type, f"({runs} #>> '{{}}')"
    parsed = masked(f"CASE WHEN {is_json(text, layout.server_version)} THEN {text}::json END", layout.encoding)
    array = f"SELECT CASE json_typeof(x.runs) WHEN 'array' THEN x.runs END FROM (SELECT {parsed} AS runs OFFSET 0) x"
    return f"CASE {kind}_typeof({runs}) WHEN 'array' THEN {runs} WHEN 'string' THEN ({array})::{kind} END"
