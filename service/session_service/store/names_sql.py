"""Where the name of an unnamed session comes from, as SQL that reads no more than the first runs that it needs."""

from __future__ import annotations

from .columns import JsonType
from .owned import Owned
from .runs_sql import runs_of_session, unpacked

_EMPTY = """'null'::jsonb, '""'::jsonb, '[]'::jsonb, '{}'::jsonb, '0'::jsonb, 'false'::jsonb"""
# the same as text: a number of a `json` may be larger than any of a `jsonb`
_EMPTY_TEXT = r'^\s*(null|""|\[\s*\]|\{\s*\}|-?0(\.0+)?([eE][-+]?[0-9]+)?|false)\s*$'


def _empty(kind: JsonType, value: str) -> str:
    """Whether there is nothing in a JSON value, as Python sees it."""
    return f"{value} IN ({_EMPTY})" if kind == "jsonb" else f"left(({value})::text, 1000) ~ '{_EMPTY_TEXT}'"


def _first_user_content(kind: JsonType) -> str:
    return f"""
    (SELECT m->'content' FROM {kind}_array_elements(
        CASE {kind}_typeof(run->'messages') WHEN 'array' THEN run->'messages' END) m
     WHERE m->>'role' = 'user' AND NOT {_empty(kind, "m->'content'")} LIMIT 1)"""


def name_columns(alias: str) -> list[str]:
    """The columns of `NameSource` from the subquery of `name_source`, and the workflow's name from the row `s`."""
    return [f"{alias}.found", f"{alias}.content::text", f"{alias}.input::text", "(s.workflow_data->'name')::text"]


def name_source(owned: Owned, *, parsed: bool, where: str = "true", first: bool = False) -> str:
    """A subquery of at most one row (found, content, input) for the row `s`, of none if it has a name.

    `s.named_as` is the type of session whose rules make the name.

    Agent: the first run with a user message that has content, or with an input. Team: the same over runs without an
    `agent_id`. Workflow: the first run. With `parsed`, as a single session is read: agents and teams skip runs that
    have neither an `agent_id` nor a `team_id` key, workflows skip runs that name an agent or a team, and an empty
    input is none.

    `where` says for which `s` to look. With `first` there is a relation `f` with the `place` of the first run of `s`:
    the row then says in a fourth column whether it comes from that run. That needs the runs in a table, and no view.
    """
    first = first and owned.layout.runs_table
    place, from_first = (", place", ", q.place = f.place AS from_first") if first else ("", "")
    kind = owned.layout.run_type
    run = unpacked("run") if kind == "jsonb" else "run"
    no_input = _empty(kind, "q.input") if parsed else "false"
    # OFFSET 0 keeps conditions on a run above the ordering: below it they would read every run of the session
    return f"""
    SELECT true AS found, q.content, q.input{from_first} FROM (
        SELECT CASE WHEN s.named_as <> 'workflow' THEN {_first_user_content(kind)} END AS content,
               CASE {kind}_typeof(run->'input') WHEN 'null' THEN NULL ELSE run->'input' END AS input{place}
        FROM (SELECT {run} AS run{place}
              FROM ({runs_of_session(owned, places=first)}) ordered OFFSET 0) x
        WHERE {kind}_typeof(run) = 'object' AND {_considered(parsed=parsed)}
        OFFSET 0
    ) q
    WHERE s.session_data->>'session_name' IS NULL AND {where}
      AND (s.named_as = 'workflow' OR q.content IS NOT NULL OR (q.input IS NOT NULL AND NOT {no_input}))
    LIMIT 1"""


def _considered(*, parsed: bool) -> str:
    member = "COALESCE(run->>'agent_id', '') <> ''"
    if not parsed:
        return f"CASE s.named_as WHEN 'team' THEN NOT ({member}) ELSE true END"
    nested = " OR ".join(f"run->>'{key}' IS NOT NULL" for key in ("agent_id", "agent_name", "team_id", "team_name"))
    has_key = "(run->'agent_id' IS NOT NULL OR run->'team_id' IS NOT NULL)"
    return f"""CASE s.named_as WHEN 'workflow' THEN NOT ({nested})
        WHEN 'team' THEN {has_key} AND NOT ({member}) ELSE {has_key} END"""
