"""JSON Web Tokens: verifies a token and returns its claims, or raises a 401 that says what is wrong."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import jwt

from session_service.http.errors import ApiError, authentication_unavailable
from session_service.http.jwks import Key
from session_service.http.jwks_url import KeysUnavailable

_LEEWAY_SECONDS = 10


class KeySet(Protocol):
    """Keys that may change while the service runs."""

    async def key(self, kid: str | None) -> Key | None:
        """The key with this `kid`, else one without a `kid`, else None. Raises KeysUnavailable."""


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Verifies signature, times, audience and issuer.

    jwks: asked first, by the token's `kid`. keys: tried afterwards, in order.
    audience: one of them must be in `aud`; if empty, `aud` is ignored. issuer: if None, `iss` is ignored.
    """

    algorithm: str
    keys: tuple[Key, ...] = field(repr=False)
    jwks: KeySet | None = field(repr=False)
    audience: tuple[str, ...]
    issuer: str | None

    async def claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. Raises ApiError 401, or 503 if its key may exist but can't be fetched."""
        try:
            claims = await self._signed_claims(token.encode("utf-8", "surrogatepass"))
            self._check_audience(claims)
            self._check_issuer(claims)
        except jwt.ExpiredSignatureError:
            raise ApiError(401, "Token has expired") from None
        except jwt.InvalidAudienceError:
            raise ApiError(401, "Invalid token audience - token not valid for this AgentOS instance") from None
        except jwt.InvalidTokenError as error:
            raise ApiError(401, f"Invalid token: {error}") from None
        return claims

    async def _signed_claims(self, token: bytes) -> dict[str, Any]:
        keys, complete = await self._keys_for(token)
        failure = jwt.InvalidTokenError("No verification keys configured")
        for key in keys:
            try:
                return jwt.decode(
                    token, key, algorithms=[self.algorithm], leeway=_LEEWAY_SECONDS, options={"verify_aud": False}
                )
            except jwt.ExpiredSignatureError:
                raise
            except jwt.InvalidTokenError as error:
                failure = error
        if not complete:
            raise authentication_unavailable()
        raise failure

    async def _keys_for(self, token: bytes) -> tuple[tuple[Key, ...], bool]:
        """The keys to try, and whether these are all existing keys."""
        if self.jwks is None:
            return self.keys, True
        try:
            key = await self.jwks.key(jwt.get_unverified_header(token).get("kid"))
        except KeysUnavailable:
            return self.keys, False
        return self.keys if key is None else (key, *self.keys), True

    def _check_audience(self, claims: dict[str, Any]) -> None:
        if not self.audience:
            return
        audience = _required(claims, "aud", "Audience")
        if not any(one in self.audience for one in (audience if isinstance(audience, list) else [audience])):
            raise jwt.InvalidAudienceError

    def _check_issuer(self, claims: dict[str, Any]) -> None:
        if self.issuer is None:
            return
        issuer = _required(claims, "iss", "Issuer")
        if issuer != self.issuer:
            raise jwt.InvalidIssuerError(f"Invalid issuer. Expected: {self.issuer}, got: {issuer}")


def _required(claims: dict[str, Any], claim: str, noun: str) -> Any:
    if claims.get(claim) is None:
        raise jwt.InvalidTokenError(
            f'Token is missing the "{claim}" claim. {noun} verification requires this claim to be present in the token.'
        )
    return claims[claim]
