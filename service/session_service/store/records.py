"""What the store hands to the layers above: rows whose JSON columns are still the text that Postgres printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar


class ListedSession(NamedTuple):
    """One row of a page of sessions: only what the list shows (`agno_sessions`, never its runs).

    JSON values are UTF-8 text, None or `b"null"` where null. `name` is `session_data.session_name`, None if null or
    absent; `name_source` is given where it is None. A tuple, since it is made for each row of a page.
    """

    session_id: str
    session_type: str
    agent_id: str | None
    team_id: str | None
    workflow_id: str | None
    user_id: str | None
    name: bytes | None
    state: bytes | None
    metrics: bytes | None
    summary: bytes | None
    metadata: bytes | None
    sdk: bytes | None
    framework: bytes | None
    created_at: int
    updated_at: int | None
    name_source: NameSource | None


Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class SessionPage(Generic[Shown]):
    """One page of the list, each row as it is shown, and how many rows match its filters in all."""

    total: int
    rows: list[Shown]


class SessionRecord(NamedTuple):
    """One row of `agno_sessions`, whole.

    JSON columns are UTF-8 text, None where SQL or JSON null; times are unix seconds.
    """

    session_id: str
    session_type: str
    agent_id: str | None
    team_id: str | None
    workflow_id: str | None
    user_id: str | None
    session_data: bytes | None
    agent_data: bytes | None
    team_data: bytes | None
    workflow_data: bytes | None
    metadata: bytes | None
    summary: bytes | None
    created_at: int
    updated_at: int | None


class NameSource(NamedTuple):
    """What the name of an unnamed session is made of, read from its first runs.

    `content` is the first non-empty content of a user message, `input` the `input` of the run that gave the hit (for
    workflows: of the first run), `workflow_name` is `workflow_data.name`. All are JSON text, None where null or absent.
    `has_runs` is False for a session that has no run to look at.
    """

    has_runs: bool
    content: bytes | None
    input: bytes | None
    workflow_name: bytes | None


class RunMessages(NamedTuple):
    """The messages of one top-level run: what a chat history needs. JSON text, None where null or absent.

    Messages that no chat history shows may be missing.
    """

    run_id: bytes | None
    created_at: bytes | None
    messages: bytes | None


class Message(NamedTuple):
    """One message of a chat history as JSON text, with the places of its run and its own, which count from 0."""

    run: int
    run_id: bytes | None
    run_created_at: bytes | None
    place: int
    text: bytes


@dataclass(frozen=True, slots=True)
class StoredSession:
    """All that the detail of a session is made of; `chat` is empty where it is shown as a workflow.

    `whole` says that it is here; else it is too long to be read at once, and only its ids and times are.
    """

    record: SessionRecord
    name_source: NameSource
    chat: list[RunMessages]
    whole: bool = True


class SessionOfRuns(NamedTuple):
    """What the runs of a session show of it; of the data of its agent those members."""

    session_type: str
    agent_id: str | None
    agent_data: bytes | None


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A session and one of its runs as JSON text, None if it has none of the id; and whether it has any run.

    If it is not `whole` there is such a run, and it is too long to be read at once.
    """

    session: SessionOfRuns
    run: bytes | None
    any: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class FirstRuns:
    """A session and its runs in stored order, each as JSON text; some are missing if they are too long together."""

    session: SessionOfRuns
    runs: list[bytes]
    whole: bool
