"""Authentication: the Authorization header of a request becomes its Caller.

Three modes, chosen by the settings: JSON Web Tokens, one security key, or open.
"""

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from jwt import get_algorithm_by_name
from yarl import URL

from session_service.http.caller import NOBODY, Caller
from session_service.http.errors import ApiError
from session_service.http.jwks import JwksFile, static_key
from session_service.http.jwks_url import JwksUrl
from session_service.http.tokens import TokenVerifier

OPEN_PATHS = frozenset({"/", "/health", "/info", "/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"})
PROBE_PATHS = frozenset({"/healthz", "/healthz/startup", "/healthz/ready"})

DEFAULT_ALGORITHM = "RS256"
DEFAULT_ADMIN_SCOPE = "agent_os:admin"

_VERIFIERS = "JWT_VERIFICATION_KEY, JWT_JWKS_FILE or AGNO_JWT_JWKS_URL"

# Identities that AgentOS gives to its own parts; no token may claim one.
_RESERVED_PREFIXES = ("sa:", "__oauth__:")
_RESERVED_SUBJECT = "__scheduler__"


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """What authentication is configured with; docs/reference/authentication.md names the variables.

    required: refuse to let everybody in.
    authorization, user_isolation: None where nothing is said of them, which is on where tokens are used.
    """

    required: bool = False
    security_key: str | None = field(default=None, repr=False)
    authorization: bool | None = None
    verification_keys: tuple[str, ...] = field(default=(), repr=False)
    jwks_file: Path | None = None
    jwks_url: URL | None = None
    algorithm: str = DEFAULT_ALGORITHM
    verify_audience: bool = False
    audience: tuple[str, ...] = ()
    issuer: str | None = None
    admin_scope: str = DEFAULT_ADMIN_SCOPE
    databases_claim: str | None = None
    user_isolation: bool | None = None

    @property
    def uses_tokens(self) -> bool:
        """Whether there is a key for tokens: callers need one, and the security key is not looked at."""
        return bool(self.verification_keys) or self.jwks_file is not None or self.jwks_url is not None

    @property
    def about_tokens(self) -> list[str]:
        """The variables that would do nothing, and leave more open than was meant, without a key for tokens."""
        meant = {
            "AGNO_AUTHORIZATION": self.authorization,
            "AGNO_USER_ISOLATION": self.user_isolation,
            "AGNO_JWT_ISSUER": self.issuer,
            "AGNO_JWT_VERIFY_AUDIENCE": self.verify_audience,
            "AGNO_JWT_DATABASES_CLAIM": self.databases_claim,
            "AGNO_JWT_ALGORITHM": self.algorithm != DEFAULT_ALGORITHM,
            "AGNO_JWT_ADMIN_SCOPE": self.admin_scope != DEFAULT_ADMIN_SCOPE,
        }
        return [name for name, narrows in meant.items() if narrows]

    @property
    def enforces_scopes(self) -> bool:
        """Whether a token opens only what its scopes say."""
        return self.uses_tokens and self.authorization is not False

    @property
    def isolates_users(self) -> bool:
        """Whether a token opens only the sessions of its user."""
        return self.uses_tokens and self.user_isolation is not False


class Credential(Protocol):
    """One way to tell callers by their token."""

    missing: ClassVar[str]

    async def caller(self, token: str) -> Caller:
        """The caller who presents the token. Raises ApiError 401."""


@dataclass(frozen=True, slots=True)
class SecurityKey:
    """One shared key that opens everything and carries no identity."""

    key: str = field(repr=False)
    missing: ClassVar[str] = "Authorization header required"

    async def caller(self, token: str) -> Caller:
        """Compare in constant time; bytes, as compare_digest refuses text that is not ASCII."""
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


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Authenticates requests; without a credential everybody is let in.

    jwks_url: the keys that somebody has to `follow` while the service runs.
    """

    credential: Credential | None
    jwks_url: JwksUrl | None = None

    async def authenticate(self, method: str, path: str, headers: Mapping[str, str]) -> Caller:
        """The caller of a request.

        `path` is decoded, without the query; `headers` is matched without regard to case, as aiohttp's is.
        Raises ApiError 401.
        """
        if self.credential is None:
            return Caller()
        if method == "OPTIONS" or _is_open(path):
            return NOBODY
        token = _token(headers.get("Authorization", ""))
        if not token:
            raise ApiError(401, self.credential.missing)
        if token.startswith("agno_pat_"):
            raise ApiError(401, "Service accounts are not enabled on this AgentOS instance")
        return await self.credential.caller(token)


def authenticator(settings: AuthSettings, clock: Callable[[], float] = time.monotonic) -> Authenticator:
    """The authenticator that the settings ask for. Raises ValueError, saying what to set, where they contradict."""
    if settings.uses_tokens:
        jwks_url = JwksUrl(settings.jwks_url, settings.algorithm) if settings.jwks_url else None
        return Authenticator(_signed_token(settings, clock, jwks_url), jwks_url)
    for name in settings.about_tokens:
        raise ValueError(f"{name} is about tokens, but nothing verifies them: set {_VERIFIERS}")
    if settings.security_key:
        return Authenticator(SecurityKey(settings.security_key))
    if settings.required:
        raise ValueError(
            "AGNO_REQUIRE_AUTHENTICATION is on, and there is no key, or an empty one: "
            f"set OS_SECURITY_KEY, {_VERIFIERS}"
        )
    return Authenticator(None)


def _signed_token(settings: AuthSettings, clock: Callable[[], float], jwks_url: JwksUrl | None) -> SignedToken:
    algorithm = settings.algorithm
    if not _is_signature(algorithm):
        raise ValueError(f"AGNO_JWT_ALGORITHM {algorithm!r} is not a signature algorithm: set RS256, ES256, HS256 …")
    if settings.jwks_url and settings.jwks_file:
        raise ValueError("JWT_JWKS_FILE and AGNO_JWT_JWKS_URL are both set: keep one of them")
    if settings.jwks_url and algorithm.startswith("HS"):
        raise ValueError(
            f"AGNO_JWT_JWKS_URL gives public keys, and {algorithm} wants a secret: set JWT_VERIFICATION_KEY"
        )
    if settings.verify_audience and not any(settings.audience):
        raise ValueError(
            "AGNO_JWT_VERIFY_AUDIENCE is on, but there is no audience: set AGNO_JWT_AUDIENCE or AGNO_OS_ID"
        )
    return SignedToken(
        verifier=TokenVerifier(
            algorithm=algorithm,
            keys=tuple(static_key(key, algorithm) for key in settings.verification_keys),
            jwks=JwksFile(settings.jwks_file, algorithm, clock) if settings.jwks_file else jwks_url,
            audience=settings.audience if settings.verify_audience else (),
            issuer=settings.issuer,
        ),
        enforce_scopes=settings.enforces_scopes,
        admin_scope=settings.admin_scope,
        databases_claim=settings.databases_claim,
        user_isolation=settings.isolates_users,
    )


def _is_signature(algorithm: str) -> bool:
    try:
        get_algorithm_by_name(algorithm)
    except NotImplementedError:
        return False
    return algorithm != "none"


def _is_open(path: str) -> bool:
    path = path.rstrip("/") or "/"
    return path in OPEN_PATHS or path in PROBE_PATHS


def _token(authorization: str) -> str:
    """The token of an Authorization header; AgentOS takes it with and without the word Bearer."""
    if authorization[:7].lower() == "bearer ":
        authorization = authorization[7:]
    return authorization.strip()


def _scopes(claim: object) -> frozenset[str]:
    listed = [claim] if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(scope for scope in listed if isinstance(scope, str))


def _databases(claim: object) -> tuple[str, ...]:
    """The database ids of a claim: a text or a list of texts. Of any other shape it names none."""
    listed = [claim] if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return tuple(listed) if all(isinstance(id, str) for id in listed) else ()
