"""Where the name of an unnamed session comes from, as SQL that reads no more than the first runs that it needs."""

from __future__ import annotations

from .owned import Owned
from .runs_sql import runs_of_session, unpacked

_EMPTY = """'null'::jsonb, '""'::jsonb, '[]'::jsonb, '{}'::jsonb, '0'::jsonb, 'false'::jsonb"""

_FIRST_USER_CONTENT = f"""
    (SELECT m->'content' FROM jsonb_array_elements(
        CASE jsonb_typeof(run->'messages') WHEN 'array' THEN run->'messages' END) m
     WHERE m->>'role' = 'user' AND m->'content' NOT IN ({_EMPTY}) LIMIT 1)"""


def name_columns(alias: str) -> list[str]:
    """The columns of `NameSource` from the subquery of `name_source`, and the workflow's name from the row `s`."""
    workflow = "NULLIF(s.workflow_data::jsonb->'name', 'null')::text"
    return [f"{alias}.found", f"{alias}.content::text", f"{alias}.input::text", workflow]


def name_source(owned: Owned, *, parsed: bool, where: str = "true", first: bool = False) -> str:
    """A subquery of at most one row (found, content, input) for the row `s`, of none if it has a name.

    `s.named_as` is the type of session whose rules make the name.

    Agent: the first run with a user message that has content, or with an input. Team: the same over runs without an
    `agent_id`. Workflow: the first run. With `parsed`, as a single session is read: agents and teams skip runs that
    have neither an `agent_id` nor a `team_id` key, workflows skip runs that name an agent or a team, and an empty
    input is none.

    `where` says for which `s` to look. With `first` there is a relation `f` with the first `run_id` of `s`: the row
    then says in a fourth column whether it comes from that run. That needs the runs in a table.
    """
    run_id, from_first = "", ""
    if first and owned.layout.runs_table:
        run_id, from_first = ", run_id", ", q.run_id = f.run_id AS from_first"
    no_input = _EMPTY if parsed else "'null'::jsonb"
    # OFFSET 0 keeps conditions on a run above the ordering: below it they would read every run of the session
    return f"""
    SELECT true AS found, q.content, q.input{from_first} FROM (
        SELECT CASE WHEN s.named_as <> 'workflow' THEN {_FIRST_USER_CONTENT} END AS content,
               NULLIF(run->'input', 'null') AS input{run_id}
        FROM (SELECT {unpacked("run::jsonb")} AS run{run_id}
              FROM ({runs_of_session(owned)}) ordered OFFSET 0) x
        WHERE jsonb_typeof(run) = 'object' AND {_considered(parsed=parsed)}
        OFFSET 0
    ) q
    WHERE s.session_data->>'session_name' IS NULL AND {where}
      AND (s.named_as = 'workflow' OR q.content IS NOT NULL OR q.input NOT IN ({no_input}))
    LIMIT 1"""


def _considered(*, parsed: bool) -> str:
    member = "COALESCE(run->>'agent_id', '') <> ''"
    if not parsed:
        return f"CASE s.named_as WHEN 'team' THEN NOT ({member}) ELSE true END"
    nested = " OR ".join(f"run->>'{key}' IS NOT NULL" for key in ("agent_id", "agent_name", "team_id", "team_name"))
    has_key = "(run ? 'agent_id' OR run ? 'team_id')"
    return f"""CASE s.named_as WHEN 'workflow' THEN NOT ({nested})
        WHEN 'team' THEN {has_key} AND NOT ({member}) ELSE {has_key} END"""
