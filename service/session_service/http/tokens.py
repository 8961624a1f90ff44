"""JSON Web Tokens: a token becomes its verified claims, or a 401 that says what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt

from session_service.http.errors import ApiError
from session_service.http.jwks import JwksFile, Key

_LEEWAY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Verifies signature, times, audience and issuer.

    jwks: asked first, by the token's `kid`. keys: tried after it, in order.
    audience: one of them must be in `aud`; empty: `aud` is not looked at. issuer: None: `iss` is not looked at.
    """

    algorithm: str
    keys: tuple[Key, ...] = field(repr=False)
    jwks: JwksFile | None = field(repr=False)
    audience: tuple[str, ...]
    issuer: str | None

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. Raises ApiError 401."""
        try:
            claims = self._signed_claims(token.encode("utf-8", "surrogatepass"))
            self._check_audience(claims)
            self._check_issuer(claims)
        except jwt.ExpiredSignatureError:
            raise ApiError(401, "Token has expired") from None
        except jwt.InvalidAudienceError:
            raise ApiError(401, "Invalid token audience - token not valid for this AgentOS instance") from None
        except jwt.InvalidTokenError as error:
            raise ApiError(401, f"Invalid token: {error}") from None
        return claims

    def _signed_claims(self, token: bytes) -> dict[str, Any]:
        failure = jwt.InvalidTokenError("No verification keys configured")
        for key in self._keys_for(token):
            try:
                return jwt.decode(
                    token, key, algorithms=[self.algorithm], leeway=_LEEWAY_SECONDS, options={"verify_aud": False}
                )
            except jwt.ExpiredSignatureError:
                raise
            except jwt.InvalidTokenError as error:
                failure = error
        raise failure

    def _keys_for(self, token: bytes) -> Iterator[Key]:
        if self.jwks is not None:
            key = self.jwks.key(jwt.get_unverified_header(token).get("kid"))
            if key is not None:
                yield key
        yield from self.keys

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
