"""Authentication: turns the Authorization header of a request into its Caller.

Three modes, chosen by the settings: JSON Web Tokens, one security key, or open.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jwt import get_algorithm_by_name
from yarl import URL

from session_service.http.caller import NOBODY, Caller
from session_service.http.credentials import SERVICE_ACCOUNT, Credential, SecurityKey, SignedToken
from session_service.http.errors import ApiError
from session_service.http.jwks import JwksFile, static_key
from session_service.http.jwks_url import JwksUrl
from session_service.http.service_accounts import TOKEN_PREFIX, AccountSettings, AccountTokens
from session_service.http.tokens import TokenVerifier
from session_service.store.service_accounts import ServiceAccount

OPEN_PATHS = frozenset({"/", "/health", "/info", "/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"})
PAGE_PATHS = frozenset(
    f"/docs/{name}" for name in ("site.css", "docs.js", "swagger-ui/swagger-ui.css", "swagger-ui/swagger-ui-bundle.js")
)
PROBE_PATHS = frozenset({"/healthz", "/healthz/startup", "/healthz/ready"})

DEFAULT_ALGORITHM = "RS256"
DEFAULT_ADMIN_SCOPE = "agent_os:admin"

_VERIFIERS = "JWT_VERIFICATION_KEY, JWT_JWKS_FILE or AGNO_JWT_JWKS_URL"


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """The settings of authentication; docs/reference/authentication.md names the variables.

    required: do not start in open mode.
    authorization, user_isolation: None if not set, which means on if tokens are used.
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
    service_accounts: AccountSettings | None = None

    @property
    def uses_tokens(self) -> bool:
        """Whether there is a key for tokens: then callers need a token, and the security key is ignored."""
        return bool(self.verification_keys) or self.jwks_file is not None or self.jwks_url is not None

    @property
    def about_tokens(self) -> list[str]:
        """The set variables that have no effect without a key for tokens, and so leave more open than intended."""
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
        """Whether a token allows only what its scopes grant."""
        return self.uses_tokens and self.authorization is not False

    @property
    def isolates_users(self) -> bool:
        """Whether a token allows access only to the sessions of its user."""
        return self.uses_tokens and self.user_isolation is not False


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Authenticates requests; without a configured credential every caller is accepted.

    accounts: recognises the tokens of service accounts, None if not configured. admin_scope: applies to them too.
    tenants: callers reach only the databases that a claim names; service accounts have no claims.
    jwks_url: the keys whose `follow` must run while the service runs.
    """

    credential: Credential | None
    accounts: AccountTokens | None
    admin_scope: str
    tenants: bool
    jwks_url: JwksUrl | None

    async def authenticate(
        self, method: str, path: str, headers: Mapping[str, str], address: str | None = None
    ) -> Caller:
        """The caller of a request that comes from an address.

        `path` is decoded, without the query; `headers` is matched without regard to case, as aiohttp's is.
        Raises ApiError 401, and 429 and 503 of service accounts.
        """
        if method == "OPTIONS" or _is_open(path):
            return NOBODY
        authorization = headers.get("Authorization", "")
        if self.credential is None:
            return await self._in_the_open(authorization, address)
        token = _token(authorization)
        if not token:
            raise ApiError(401, self.credential.missing)
        if not token.startswith(TOKEN_PREFIX):
            return await self.credential.caller(token)
        if self.accounts is None:
            raise ApiError(401, "Service accounts are not enabled on this AgentOS instance")
        return self._service_account(await self.accounts.account(token, address))

    async def _in_the_open(self, authorization: str, address: str | None) -> Caller:
        """The caller in open mode: a valid token of a service account restricts its caller, a wrong one is ignored."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if self.accounts is None or scheme.lower() != "bearer" or not token.startswith(TOKEN_PREFIX):
            return Caller()
        try:
            return self._service_account(await self.accounts.account(token, address))
        except ApiError:
            return Caller()

    def _service_account(self, account: ServiceAccount) -> Caller:
        admin = self.admin_scope in account.scopes
        return Caller(
            user_id=f"{SERVICE_ACCOUNT}{account.name}",
            scopes=account.scopes,
            admin=admin,
            isolated=not admin,
            databases=() if self.tenants and not admin else None,
        )


def authenticator(
    settings: AuthSettings, clock: Callable[[], float] = time.monotonic, accounts: AccountTokens | None = None
) -> Authenticator:
    """The authenticator for the settings. Raises ValueError that says what to set if they contradict each other."""
    credential: Credential | None = None
    jwks_url = JwksUrl(settings.jwks_url, settings.algorithm) if settings.jwks_url else None
    if settings.uses_tokens:
        credential = _signed_token(settings, clock, jwks_url)
    elif settings.about_tokens:
        raise ValueError(f"{settings.about_tokens[0]} is about tokens, but nothing verifies them: set {_VERIFIERS}")
    elif settings.security_key:
        credential = SecurityKey(settings.security_key)
    elif settings.required:
        raise ValueError(
            "AGNO_REQUIRE_AUTHENTICATION is on, and there is no key, or an empty one: "
            f"set OS_SECURITY_KEY, {_VERIFIERS}"
        )
    return Authenticator(credential, accounts, settings.admin_scope, settings.databases_claim is not None, jwks_url)


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
    return path in OPEN_PATHS or path in PAGE_PATHS or path in PROBE_PATHS


def _token(authorization: str) -> str:
    """The token of an Authorization header; AgentOS accepts it with and without the word Bearer."""
    if authorization[:7].lower() == "bearer ":
        authorization = authorization[7:]
    return authorization.strip()
