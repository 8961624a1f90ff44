"""Who a request comes from, and whose sessions they may see."""

from dataclasses import dataclass

from session_service.http.errors import ApiError


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of one request; the default is a caller without an identity and without restrictions.

    user_id: the token's `sub`, None where the caller has no identity (open, security key, a token without `sub`).
    scopes: what the token grants; None where scopes are not enforced.
    admin: the token holds the admin scope.
    isolated: the caller sees their own sessions only.
    """

    user_id: str | None = None
    scopes: frozenset[str] | None = None
    admin: bool = False
    isolated: bool = False

    def owner_filter(self, user_id: str | None) -> str | None:
        """The owner whose sessions a request concerns, None for everybody's; `user_id` is the query parameter.

        Raises ApiError 403 for an isolated caller without an identity: call it after the database is chosen.
        """
        return self._identity() if self.isolated else user_id

    def owner_of_new(self, user_id: str | None) -> str | None:
        """The owner that a new session gets; `user_id` is the body's. Raises as `owner_filter` does."""
        if self.isolated:
            return self._identity()
        return user_id if self.user_id is None else self.user_id

    def _identity(self) -> str:
        if not self.user_id:
            raise ApiError(403, "Authenticated request is missing a user identity")
        return self.user_id
