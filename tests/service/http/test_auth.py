"""Authentication: which mode the settings choose, what each lets in, and what stays open."""

import asyncio
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from session_service.http.auth import AuthSettings, authenticator
from session_service.http.caller import NOBODY, Caller
from session_service.http.errors import ApiError

SECRET = "canary-secret-that-is-long-enough-0123456789"
KEY_MODE = AuthSettings(security_key="canary-security-key")
TOKEN_MODE = AuthSettings(authorization=True, verification_keys=(SECRET,), algorithm="HS256")
NOT_A_TOKEN = "Invalid token: Not enough segments"
VERIFIERS = "set JWT_VERIFICATION_KEY, JWT_JWKS_FILE or AGNO_JWT_JWKS_URL"
PAT_REFUSED = "Service accounts are not enabled on this AgentOS instance"


def token(claims):
    return jwt.encode(claims, SECRET, "HS256")


def authenticated(configured, *authorization, path="/sessions", method="GET"):
    headers = CIMultiDict([("authorization", value) for value in authorization])
    return asyncio.run(authenticator(configured).authenticate(method, path, headers))


def refusal(configured, *authorization, **request):
    with pytest.raises(ApiError) as refused:
        authenticated(configured, *authorization, **request)
    assert refused.value.status == 401
    return refused.value.detail


@pytest.mark.parametrize("authorization", [[], ["Bearer nonsense"], ["agno_pat_abc"], ["Basic eA=="]])
def test_an_open_service_lets_everybody_in_and_ignores_the_header(authorization):
    caller = authenticated(AuthSettings(), *authorization)
    assert caller == Caller(user_id=None, scopes=None, admin=False, isolated=False)


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER   {} ", "{}", "  {}"])
def test_the_security_key_opens_with_and_without_the_word_bearer(header):
    assert authenticated(KEY_MODE, header.format("canary-security-key")) == Caller()


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        ([], "Authorization header required"),
        ([""], "Authorization header required"),
        (["Bearer   "], "Authorization header required"),
        (["Bearer"], "Invalid authentication token"),
        (["Bearer nope"], "Invalid authentication token"),
        (["Bearer canary-security-ke"], "Invalid authentication token"),
        (["Bearer canary-security-key2"], "Invalid authentication token"),
        (["Bearer CANARY-SECURITY-KEY"], "Invalid authentication token"),
        (["Basic canary-security-key"], "Invalid authentication token"),
        (["Bearer schlüssel"], "Invalid authentication token"),
        (["Bearer \udcff\udcfe"], "Invalid authentication token"),
        (["Bearer agno_pat_abc"], PAT_REFUSED),
        (["agno_pat_abc"], PAT_REFUSED),
        (["Bearer nope", "Bearer canary-security-key"], "Invalid authentication token"),
    ],
)
def test_a_wrong_security_key_is_refused(authorization, detail):
    assert refusal(KEY_MODE, *authorization) == detail


def test_of_two_authorization_headers_the_first_counts():
    assert authenticated(KEY_MODE, "Bearer canary-security-key", "Bearer nope") == Caller()


def test_a_security_key_may_hold_any_characters():
    assert authenticated(AuthSettings(security_key="schlüssel"), "Bearer schlüssel") == Caller()


@pytest.mark.parametrize("configured", [KEY_MODE, TOKEN_MODE])
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/health", "/health/", "/health//", "/info", "/docs", "/redoc", "/openapi.json"),
        *("/docs/oauth2-redirect", "/healthz", "/healthz/startup", "/healthz/ready"),
    ],
)
def test_health_documentation_and_probes_need_no_credential(configured, path):
    assert authenticated(configured, path=path) == NOBODY


@pytest.mark.parametrize("configured", [KEY_MODE, TOKEN_MODE])
@pytest.mark.parametrize("path", ["/sessions", "/nope", "/Health", "/health/x", "/docs/x", "//health", "/healthz/x"])
def test_every_other_path_needs_a_credential_known_or_not(configured, path):
    assert refusal(configured, path=path).startswith("Authorization header")


@pytest.mark.parametrize("configured", [KEY_MODE, TOKEN_MODE])
def test_options_needs_no_credential(configured):
    assert authenticated(configured, method="OPTIONS") == NOBODY


def test_tokens_win_over_the_security_key():
    both = replace(TOKEN_MODE, security_key="canary-security-key")
    assert refusal(both, "Bearer canary-security-key") == NOT_A_TOKEN


def test_a_key_for_tokens_alone_enforces_scopes_and_isolates_users():
    alone = AuthSettings(verification_keys=(SECRET,), algorithm="HS256")
    caller = authenticated(alone, token({"sub": "alice", "scopes": ["a:b"]}))
    assert caller == Caller("alice", scopes=frozenset({"a:b"}), isolated=True)
    assert refusal(alone) == "Authorization header missing"


def test_without_authorization_tokens_are_verified_and_their_scopes_are_not_looked_at():
    verifying = AuthSettings(verification_keys=(SECRET,), algorithm="HS256", authorization=False)
    assert authenticated(verifying, token({"sub": "alice", "scopes": ["a:b"]})).scopes is None
    assert refusal(verifying) == "Authorization header missing"


def test_without_isolation_a_user_is_known_and_not_kept_to_their_own():
    shared = replace(TOKEN_MODE, user_isolation=False)
    assert authenticated(shared, token({"sub": "alice"})) == Caller("alice", scopes=frozenset())


@pytest.mark.parametrize("said", [True, None])
def test_isolation_concerns_everybody_but_holders_of_the_admin_scope(said):
    isolating = replace(TOKEN_MODE, user_isolation=said, admin_scope="acme:root")
    assert authenticated(isolating, token({"sub": "alice"})).isolated
    assert authenticated(isolating, token({"sub": "alice", "scopes": ["agent_os:admin"]})).isolated
    assert not authenticated(isolating, token({"sub": "alice", "scopes": ["acme:root"]})).isolated


@pytest.mark.parametrize(
    ("configured", "what_to_set"),
    [
        (AuthSettings(required=True), "AGNO_REQUIRE_AUTHENTICATION is on, and there is no key, or an empty one"),
        (AuthSettings(required=True, security_key=""), "AGNO_REQUIRE_AUTHENTICATION is on"),
        (AuthSettings(authorization=True), VERIFIERS),
        (AuthSettings(authorization=True, security_key="k"), VERIFIERS),
        (AuthSettings(user_isolation=True), VERIFIERS),
        (replace(KEY_MODE, user_isolation=True), VERIFIERS),
        (AuthSettings(databases_claim="d"), VERIFIERS),
        (AuthSettings(issuer="https://a"), "AGNO_JWT_ISSUER is about tokens, but nothing verifies them"),
        (AuthSettings(verify_audience=True), "AGNO_JWT_VERIFY_AUDIENCE is about tokens"),
        (AuthSettings(algorithm="HS256"), "AGNO_JWT_ALGORITHM is about tokens"),
        (AuthSettings(admin_scope="root"), "AGNO_JWT_ADMIN_SCOPE is about tokens"),
        (replace(KEY_MODE, databases_claim="d"), VERIFIERS),
        (replace(TOKEN_MODE, algorithm="RS256"), "set AGNO_JWT_ALGORITHM"),
        (AuthSettings(verification_keys=("not a PEM",)), "set AGNO_JWT_ALGORITHM"),
        (replace(TOKEN_MODE, algorithm="none"), "AGNO_JWT_ALGORITHM 'none' is not a signature algorithm"),
        (replace(TOKEN_MODE, algorithm="HS999"), "AGNO_JWT_ALGORITHM 'HS999' is not a signature algorithm"),
        (replace(TOKEN_MODE, verify_audience=True), "set AGNO_JWT_AUDIENCE or AGNO_OS_ID"),
        (replace(TOKEN_MODE, verify_audience=True, audience=("",)), "set AGNO_JWT_AUDIENCE or AGNO_OS_ID"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_with_what_to_set(configured, what_to_set):
    with pytest.raises(ValueError) as refused:
        authenticator(configured)
    assert what_to_set in str(refused.value)
    assert "canary" not in str(refused.value)


def test_no_secret_shows_in_settings_or_in_what_is_made_of_them():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for configured in (KEY_MODE, TOKEN_MODE, AuthSettings(verification_keys=(pem,))):
        shown = f"{configured!r} {configured} {authenticator(configured)!r} {authenticator(configured).credential}"
        assert "canary" not in shown
        assert "PRIVATE KEY" not in shown


@pytest.mark.parametrize("configured", [KEY_MODE, TOKEN_MODE])
@settings(deadline=None)
@given(authorization=st.text() | st.lists(st.text('abc-_=+/é{}"', max_size=8), max_size=4).map(".".join))
def test_whatever_the_header_holds_the_answer_is_a_401(configured, authorization):
    assert refusal(configured, authorization)
