"""Tokens: which are accepted, and what each wrong one is answered."""

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.http.auth import AuthSettings, authenticator
from session_service.http.caller import Caller
from session_service.http.errors import ApiError

SECRET = "secret-that-is-long-enough-for-hs512-0123456789-0123456789-0123456789"
OTHER_SECRET = "another-secret-that-is-long-enough-for-hs512-0123456789-0123456789-012345"
CONFIGURED = AuthSettings(user_isolation=False, authorization=True, verification_keys=(SECRET,), algorithm="HS256")
HOUR_AGO, IN_AN_HOUR = int(time.time()) - 3600, int(time.time()) + 3600
NOT_A_TOKEN = "Invalid token: Not enough segments"
PAT_REFUSED = "Service accounts are not enabled on this AgentOS instance"
MISSING = (
    'Invalid token: Token is missing the "{}" claim. {} verification requires this claim to be present in the token.'
)
OTHER_AUDIENCE = "Invalid token audience - token not valid for this AgentOS instance"


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: PrivateKeyTypes) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def token(claims: dict[str, Any], key: Any = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm)


def token_of(claims: Any) -> str:
    """A signed token whose claims jwt.encode would refuse to write."""
    return jwt.api_jws.encode(json.dumps(claims).encode(), SECRET)


def authenticated(configured: AuthSettings, *authorization: str) -> Caller:
    headers = {"Authorization": authorization[0]} if authorization else {}
    return asyncio.run(authenticator(configured).authenticate("GET", "/sessions", headers))


def refusal(configured: AuthSettings, *authorization: str) -> str:
    with pytest.raises(ApiError) as refused:
        authenticated(configured, *authorization)
    assert refused.value.status == 401
    return refused.value.detail


@pytest.mark.parametrize(
    ("claims", "caller"),
    [
        ({}, Caller(scopes=frozenset())),
        ({"sub": "alice"}, Caller("alice", frozenset())),
        ({"sub": ""}, Caller("", frozenset())),
        ({"sub": "safe"}, Caller("safe", frozenset())),
        ({"scopes": ["a:b", 5, None, ["c:d"], {}]}, Caller(scopes=frozenset({"a:b"}))),
        ({"scopes": "a:b"}, Caller(scopes=frozenset({"a:b"}))),
        ({"scopes": {"a:b": 1}}, Caller(scopes=frozenset())),
        ({"scopes": None}, Caller(scopes=frozenset())),
        ({"scopes": ["agent_os:admin"]}, Caller(scopes=frozenset({"agent_os:admin"}), admin=True)),
        ({"aud": "somebody else", "iss": "anybody"}, Caller(scopes=frozenset())),
    ],
)
def test_a_token_names_the_user_and_their_scopes(claims, caller):
    assert authenticated(CONFIGURED, "Bearer " + token(claims)) == caller


@pytest.mark.parametrize("seconds", [-5, 5, None])
def test_clocks_may_differ_by_ten_seconds_and_a_token_need_not_expire(seconds):
    now = time.time()
    times = {} if seconds is None else {"exp": now + seconds, "nbf": now + seconds, "iat": now + seconds}
    assert authenticated(CONFIGURED, token({"sub": "alice", **times})).user_id == "alice"


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        ([], "Authorization header missing"),
        (["Bearer "], "Authorization header missing"),
        (["Bearer"], NOT_A_TOKEN),
        (["garbage"], NOT_A_TOKEN),
        (["Basic YTpi"], NOT_A_TOKEN),
        (["Bearer schlüssel"], NOT_A_TOKEN),
        (["Bearer \udcff"], NOT_A_TOKEN),
        (["agno_pat_abc"], PAT_REFUSED),
        ([token({}, OTHER_SECRET)], "Invalid token: Signature verification failed"),
        ([token({"exp": HOUR_AGO}, OTHER_SECRET)], "Invalid token: Signature verification failed"),
        ([token({}, SECRET, "HS512")], "Invalid token: The specified alg value is not allowed"),
        ([jwt.encode({}, None, "none")], "Invalid token: The specified alg value is not allowed"),
        ([token({"exp": HOUR_AGO})], "Token has expired"),
        ([token({"exp": "soon"})], "Invalid token: Expiration Time claim (exp) must be an integer."),
        ([token({"nbf": IN_AN_HOUR})], "Invalid token: The token is not yet valid (nbf)"),
        ([token({"iat": IN_AN_HOUR})], "Invalid token: The token is not yet valid (iat)"),
        ([token({"sub": "sa:robot"})], "Invalid token subject"),
        ([token({"sub": "__scheduler__"})], "Invalid token subject"),
        ([token({"sub": "__oauth__:client"})], "Invalid token subject"),
    ],
)
def test_a_wrong_token_is_refused(authorization, detail):
    assert refusal(CONFIGURED, *authorization) == detail


@pytest.mark.parametrize("sub", [5, None, ["alice"], {}])
def test_a_subject_that_is_no_string_is_refused(sub):
    assert refusal(CONFIGURED, token_of({"sub": sub})) == "Invalid token: Subject must be a string"


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({}, MISSING.format("aud", "Audience")),
        ({"aud": None}, MISSING.format("aud", "Audience")),
        ({"aud": "x"}, OTHER_AUDIENCE),
        ({"aud": ""}, OTHER_AUDIENCE),
        ({"aud": []}, OTHER_AUDIENCE),
        ({"aud": ["x", 5, {}]}, OTHER_AUDIENCE),
        ({"aud": {"my-os": 1}}, OTHER_AUDIENCE),
        ({"aud": "my"}, OTHER_AUDIENCE),
    ],
)
def test_a_token_for_another_audience_is_refused_where_audiences_are_verified(claims, detail):
    assert refusal(replace(CONFIGURED, verify_audience=True, audience=("my-os", "our-os")), token(claims)) == detail


@pytest.mark.parametrize("audience", ["my-os", "our-os", ["x", "my-os"]])
def test_a_token_for_one_of_the_audiences_is_accepted(audience):
    configured = replace(CONFIGURED, verify_audience=True, audience=("my-os", "our-os"))
    assert authenticated(configured, token({"aud": audience, "sub": "alice"})).user_id == "alice"


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({}, MISSING.format("iss", "Issuer")),
        ({"iss": "https://b"}, "Invalid token: Invalid issuer. Expected: https://a, got: https://b"),
    ],
)
def test_a_token_of_another_issuer_is_refused_where_the_issuer_is_pinned(claims, detail):
    configured = replace(CONFIGURED, issuer="https://a")
    assert refusal(configured, token(claims)) == detail
    assert authenticated(configured, token({"iss": "https://a", "sub": "alice"})).user_id == "alice"


def test_tokens_signed_with_rsa_or_an_elliptic_curve_are_verified_with_the_public_key():
    for key, algorithm in ((rsa_key(), "RS256"), (rsa_key(), "PS512"), (ec_key(), "ES256")):
        configured = AuthSettings(verification_keys=(public_pem(key),), algorithm=algorithm)
        assert authenticated(configured, token({"sub": "alice"}, key, algorithm)).user_id == "alice"


def test_a_public_key_is_no_secret_to_sign_with():
    configured = AuthSettings(verification_keys=(public_pem(rsa_key()),))
    signed = token({"sub": "mallory"}).rpartition(".")[0]
    signature = hmac.digest(public_pem(rsa_key()).encode(), signed.encode(), "sha256")
    forged = f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"
    assert refusal(configured, forged) == "Invalid token: The specified alg value is not allowed"


def test_a_public_key_is_refused_as_a_secret_to_verify_with():
    with pytest.raises(ValueError, match="set AGNO_JWT_ALGORITHM"):
        authenticator(AuthSettings(verification_keys=(public_pem(rsa_key()),), algorithm="HS256"))


def test_each_verification_key_is_tried_in_order():
    configured = replace(CONFIGURED, verification_keys=(OTHER_SECRET, SECRET))
    assert authenticated(configured, token({"sub": "alice"}, SECRET)).user_id == "alice"
    assert authenticated(configured, token({"sub": "bob"}, OTHER_SECRET)).user_id == "bob"
    assert refusal(configured, token({"exp": HOUR_AGO}, SECRET)) == "Token has expired"
    assert refusal(configured, token({"exp": HOUR_AGO}, OTHER_SECRET)) == "Token has expired"


def test_no_token_shows_in_a_refusal_or_in_the_caller():
    header, claims, signature = token({"sub": "alice", "jti": "canary-claim"}).split(".")
    for wrong in (f"canary{header}.{claims}.{signature}", f"{header}.canary{claims}.{signature}", "canary", "é.canary"):
        with pytest.raises(ApiError) as refused:
            authenticated(CONFIGURED, wrong)
        assert "canary" not in f"{refused.value} {refused.value!r} {refused.value.detail}"
        assert claims not in str(refused.value)
    caller = authenticated(CONFIGURED, f"{header}.{claims}.{signature}")
    assert "canary" not in repr(caller)
    assert signature not in repr(caller)


@pytest.mark.parametrize("configured", [CONFIGURED, replace(CONFIGURED, verify_audience=True, audience=("my-os",))])
@settings(deadline=None)
@given(
    claims=st.dictionaries(
        st.sampled_from(["exp", "nbf", "iat", "aud", "iss", "sub", "scopes", "jti"]),
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4),
    )
)
def test_whatever_the_claims_hold_a_token_is_accepted_or_answered_by_a_401(configured, claims):
    try:
        outcome = authenticated(configured, token_of(claims)).user_id
    except ApiError as error:
        outcome = error.status
    assert outcome in (401, claims.get("sub"))
