"""Who a request comes from, and whose sessions they may see."""

from dataclasses import dataclass

from session_service.http.errors import ApiError
from session_service.store.owner import EVERYBODY, Only, Owner


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of one request; the default is a caller without an identity and without restrictions.

    user_id: the token's `sub`, None without an identity (open mode, security key, a token without `sub`).
    scopes: the scopes of the token; None if scopes are not enforced.
    admin: the token holds the admin scope.
    isolated: the caller sees only their own sessions.
    databases: ids of the databases that the caller may reach, the default first; None for all.
    """

    user_id: str | None = None
    scopes: frozenset[str] | None = None
    admin: bool = False
    isolated: bool = False
    databases: tuple[str, ...] | None = None

    def asks_for(self, user_id: str | None) -> Owner:
        """The owner whose sessions a request may see; `user_id` is its query parameter, or None.

        Raises ApiError 403 for an isolated caller without an identity. Call it after the database is selected.
        """
        if not self.isolated:
            return EVERYBODY if user_id is None else Only(user_id)
        if not self.user_id:
            raise ApiError(403, "Authenticated request is missing a user identity")
        return Only(self.user_id)

    def owner_of_new(self, user_id: str | None) -> str | None:
        """The owner of a new session, if the caller is not restricted to one user; `user_id` is that of the body."""
        return user_id if self.user_id is None else self.user_id


NOBODY = Caller(databases=())
"""A caller without a valid credential, who reaches no database."""
