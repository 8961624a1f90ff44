"""The owner on whose behalf a store is used. There is no default: every caller names one."""

from __future__ import annotations

from dataclasses import dataclass

from .text import storable


@dataclass(frozen=True, slots=True)
class Everybody:
    """Access to the sessions of all users, and to those without an owner."""

    exists = True

    def of_new(self, user_id: str | None) -> str | None:
        """The owner of a new session: the requested one."""
        return user_id


@dataclass(frozen=True, slots=True)
class Only:
    """Access for one user: sessions of others, and those without an owner, do not exist."""

    user_id: str

    @property
    def exists(self) -> bool:
        """Whether a row can have this owner: Postgres can't store every id."""
        return storable(self.user_id)

    def of_new(self, _: str | None) -> str:
        """The owner of a new session: this user, whatever is requested."""
        return self.user_id


Owner = Everybody | Only

EVERYBODY = Everybody()
