"""What the store returns to the layers above: rows whose JSON columns are still the text that Postgres printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar


class ListedSession(NamedTuple):
    """One row of a page of sessions: only what the list shows (`agno_sessions`, never its runs).

    JSON values are UTF-8 text, None or `b"null"` for null. `name` is `session_data.session_name`, None if null or
    absent; then there is a `name_source`. It is a tuple because one is created for each row of a page.
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
    created_at: int | None
    updated_at: int | None
    name_source: NameSource | None


Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class SessionPage(Generic[Shown]):
    """One page of the list, each row as it is shown, and the total number of rows that match its filters."""

    total: int
    rows: list[Shown]


class SessionRecord(NamedTuple):
    """One whole row of `agno_sessions`.

    JSON columns are UTF-8 text, None for SQL or JSON null; times are unix seconds.
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
    created_at: int | None
    updated_at: int | None


class NameSource(NamedTuple):
    """The source of the name of an unnamed session, read from its first runs.

    `content` is the first non-empty content of a user message, `input` the `input` of the run that gave the hit (for
    workflows: of the first run), `workflow_name` is `workflow_data.name`. All are JSON text, None if null or absent.
    `has_runs` is False for a session without runs.
    """

    has_runs: bool
    content: bytes | None
    input: bytes | None
    workflow_name: bytes | None


class RunMessages(NamedTuple):
    """The messages of one top-level run, for a chat history. JSON text, None if null or absent.

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
    """Everything that the detail of a session needs; `chat` is empty if it is shown as a workflow.

    If it is not `whole`, it is too long to be read at once, and only its ids and times are here.
    """

    record: SessionRecord
    name_source: NameSource
    chat: list[RunMessages]
    whole: bool = True


class SessionOfRuns(NamedTuple):
    """The fields of a session that its runs show; of the data of its agent only those members."""

    session_type: str
    agent_id: str | None
    agent_data: bytes | None


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A session and one of its runs as JSON text, None if it has no run with the id; and whether it has any run.

    If it is not `whole`, the run exists but is too long to be read at once.
    """

    session: SessionOfRuns
    run: bytes | None
    any: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class FirstRuns:
    """A session and its runs in stored order, each as JSON text; not `whole` if some are left out as too long."""

    session: SessionOfRuns
    runs: list[bytes]
    whole: bool
