"""Rows of the list as the store has them."""

from session_service.store.records import ListedSession


def as_stored(row: ListedSession) -> ListedSession:
    """Show a row as it is."""
    return row
