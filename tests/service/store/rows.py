"""Rows of the list and runs as the store has them, and the two ways to ask it."""

from collections.abc import AsyncIterator

from session_service.sessions.runs import run_parts
from session_service.store.long_runs import WantedRuns
from session_service.store.owned_sessions import OwnedSessions
from session_service.store.owner import EVERYBODY, Only
from session_service.store.records import ListedSession
from session_service.store.replica_first import SessionReader
from session_service.store.session_store import SessionStore


def as_stored(row: ListedSession) -> ListedSession:
    """Show a row as it is."""
    return row


def of_all(store: SessionStore) -> OwnedSessions:
    """The sessions of everybody."""
    return store.on_behalf_of(EVERYBODY)


def of(user_id: str | None, store: SessionStore) -> OwnedSessions:
    """The sessions of one user, of everybody where none is given."""
    return of_all(store) if user_id is None else store.on_behalf_of(Only(user_id))


async def runs_of(sessions: SessionReader, session_id: str) -> AsyncIterator[bytes]:
    """The runs of a session, none of which is long, as they are read in pieces."""
    async for item in sessions.long_runs(session_id, WantedRuns(run_parts("agent"))):
        yield item.row
