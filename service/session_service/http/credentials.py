"""Credentials: the ways to identify callers by their tokens."""

import hmac
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from session_service.http.caller import Caller
from session_service.http.errors import ApiError
from session_service.http.tokens import TokenVerifier

# Identities of AgentOS' own components; no token may claim one.
SERVICE_ACCOUNT = "sa:"
_RESERVED_PREFIXES = (SERVICE_ACCOUNT, "__oauth__:")
_RESERVED_SUBJECT = "__scheduler__"


class Credential(Protocol):
    """One way to identify callers by their token."""

    missing: ClassVar[str]

    async def caller(self, token: str) -> Caller:
        """The caller with this token. Raises ApiError 401."""


@dataclass(frozen=True, slots=True)
class SecurityKey:
    """One shared key that grants everything and carries no identity."""

    key: str = field(repr=False)
    missing: ClassVar[str] = "Authorization header required"

    async def caller(self, token: str) -> Caller:
        """Compare in constant time, as bytes, because compare_digest rejects text that is not ASCII."""
        if not hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self.key.encode("utf-8", "surrogatepass")):
            raise ApiError(401, "Invalid authentication token")
        return Caller()


@dataclass(frozen=True, slots=True)
class SignedToken:
    """JSON Web Tokens: `sub` is the user, `scopes` are their rights."""

    verifier: TokenVerifier
    enforce_scopes: bool
    admin_scope: str
    databases_claim: str | None
    user_isolation: bool
    missing: ClassVar[str] = "Authorization header missing"

    async def caller(self, token: str) -> Caller:
        """Verify the token and read the caller out of its claims."""
        claims = await self.verifier.claims(token)
        user_id = claims.get("sub")
        if user_id is not None and (user_id.startswith(_RESERVED_PREFIXES) or user_id == _RESERVED_SUBJECT):
            raise ApiError(401, "Invalid token subject")
        scopes = _scopes(claims.get("scopes"))
        admin = self.admin_scope in scopes
        return Caller(
            user_id=user_id,
            scopes=scopes if self.enforce_scopes else None,
            admin=admin,
            isolated=self.user_isolation and not admin,
            databases=None if admin or self.databases_claim is None else _databases(claims.get(self.databases_claim)),
        )


def _scopes(claim: object) -> frozenset[str]:
    listed = [claim] if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(scope for scope in listed if isinstance(scope, str))


def _databases(claim: object) -> tuple[str, ...]:
    """The database ids of a claim, which is a string or a list of strings; none for any other shape."""
    listed = [claim] if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return tuple(listed) if all(isinstance(id, str) for id in listed) else ()
