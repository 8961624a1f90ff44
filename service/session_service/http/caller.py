"""Who a request comes from, and whose sessions they may see."""

from dataclasses import dataclass

from session_service.http.errors import ApiError
from session_service.store.owner import EVERYBODY, Only, Owner


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of one request; the default is a caller without an identity and without restrictions.

    user_id: the token's `sub`, None where the caller has no identity (open, security key, a token without `sub`).
    scopes: what the token grants; None where scopes are not enforced.
    admin: the token holds the admin scope.
    isolated: the caller sees their own sessions only.
    databases: ids of the databases that the caller reaches, the default first; None where they reach all.
    """

    user_id: str | None = None
    scopes: frozenset[str] | None = None
    admin: bool = False
    isolated: bool = False
    databases: tuple[str, ...] | None = None

    def asks_for(self, user_id: str | None) -> Owner:
        """On whose behalf a request is answered; `user_id` is its query parameter, None where there is none.

        Raises ApiError 403 for an isolated caller without an identity: call it after the database is chosen.
        """
        if not self.isolated:
            return EVERYBODY if user_id is None else Only(user_id)
        if not self.user_id:
            raise ApiError(403, "Authenticated request is missing a user identity")
        return Only(self.user_id)

    def owner_of_new(self, user_id: str | None) -> str | None:
        """The owner of a new session, unless it is made on behalf of one user; `user_id` is the body's."""
        return user_id if self.user_id is None else self.user_id


NOBODY = Caller(databases=())
"""Whoever has shown no credential: they reach no database."""
