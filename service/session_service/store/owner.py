"""On whose behalf a store is asked. There is no default: whoever asks says it."""

from __future__ import annotations

from dataclasses import dataclass

from .text import storable


@dataclass(frozen=True, slots=True)
class Everybody:
    """Whoever may see and change the sessions of all users, and those that have no owner."""

    exists = True

    def of_new(self, user_id: str | None) -> str | None:
        """The owner of a new session for which this one is asked for."""
        return user_id


@dataclass(frozen=True, slots=True)
class Only:
    """One user: sessions of others, and those that have no owner, do not exist."""

    user_id: str

    @property
    def exists(self) -> bool:
        """Whether a row can have this owner."""
        return storable(self.user_id)

    def of_new(self, _: str | None) -> str:
        """The owner of a new session, whichever is asked for."""
        return self.user_id


Owner = Everybody | Only

EVERYBODY = Everybody()
