"""A JWKS file: which key verifies a token, and what happens when the file changes under a running service."""

import asyncio
import contextlib
import json
import os
from functools import cache

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from session_service.http.auth import AuthSettings, authenticator
from session_service.http.errors import ApiError
from session_service.http.jwks import keys_of

WRONG_SIGNATURE = "Invalid token: Signature verification failed"
NO_KEY = "Invalid token: No verification keys configured"


@cache
def key_of(owner):
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(owner, kid=None, **members):
    named = {} if kid is None else {"kid": kid}
    return {**RSAAlgorithm.to_jwk(key_of(owner).public_key(), as_dict=True), **named, **members}


def token(owner, kid=None):
    return jwt.encode({"sub": owner}, key_of(owner), "RS256", headers={"kid": kid} if kid else {})


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class Clock:
    seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "jwks.json"


def write(file, *keys):
    file.write_text(json.dumps({"keys": keys}))


def answer(service, token):
    """The user that a token stands for, or the detail of its refusal."""
    try:
        return asyncio.run(service.authenticate("GET", "/sessions", {"Authorization": token})).user_id
    except ApiError as error:
        return error.detail


def test_the_kid_of_a_token_chooses_the_key(file):
    write(file, jwk("alice", "1"), jwk("bob", "2"))
    service = authenticator(AuthSettings(jwks_file=file))
    assert answer(service, token("alice", "1")) == "alice"
    assert answer(service, token("bob", "2")) == "bob"
    assert answer(service, token("alice", "2")) == WRONG_SIGNATURE
    assert answer(service, token("alice", "3")) == NO_KEY
    assert answer(service, token("alice")) == NO_KEY
    assert answer(service, "nonsense") == "Invalid token: Not enough segments"


def test_a_key_without_kid_verifies_tokens_whose_kid_no_other_key_has(file):
    write(file, jwk("alice", "1"), jwk("bob"))
    service = authenticator(AuthSettings(jwks_file=file))
    assert answer(service, token("bob")) == "bob"
    assert answer(service, token("bob", "unknown")) == "bob"
    assert answer(service, token("bob", "1")) == WRONG_SIGNATURE


def test_static_keys_are_tried_after_the_file(file):
    write(file, jwk("alice", "1"))
    service = authenticator(AuthSettings(jwks_file=file, verification_keys=(public_pem(key_of("bob")),)))
    assert answer(service, token("alice", "1")) == "alice"
    assert answer(service, token("bob", "1")) == "bob"
    assert answer(service, token("bob")) == "bob"
    assert answer(service, token("carol")) == WRONG_SIGNATURE


def test_keys_for_something_else_are_left_out(file):
    other = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
    write(
        file,
        jwk("alice", "encryption", use="enc"),
        jwk("alice", "other-algorithm", alg="RS512"),
        {**other, "kid": "curve"},
        {"kty": "oct", "kid": "secret"},
        {"kty": "unheard-of", "kid": "new"},
        {"kid": "nothing"},
        jwk("alice", ["no", "name"]),
        "not a key",
        jwk("alice", "signature", use="sig", alg="RS256"),
    )
    service = authenticator(AuthSettings(jwks_file=file))
    for kid in ("encryption", "other-algorithm", "curve", "secret", "new", "nothing"):
        assert answer(service, token("alice", kid)) == NO_KEY
    assert answer(service, token("alice", "signature")) == "alice"


def test_a_key_of_another_curve_is_left_out(file):
    wrong, right = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
    write(
        file, *({**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key.curve.name} for key in (wrong, right))
    )
    service = authenticator(AuthSettings(jwks_file=file, algorithm="ES256"))
    assert answer(service, jwt.encode({"sub": "a"}, right, "ES256", headers={"kid": "secp256r1"})) == "a"
    assert answer(service, jwt.encode({"sub": "a"}, right, "ES256", headers={"kid": "secp384r1"})) == NO_KEY


def test_a_shared_secret_may_stand_in_the_file(file):
    write(
        file,
        {"kty": "oct", "kid": "without"},
        {"kty": "oct", "kid": "1", "k": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"},
    )
    service = authenticator(AuthSettings(jwks_file=file, algorithm="HS256"))
    signed = jwt.encode({"sub": "a"}, "01234567890123456789012345678901", "HS256", headers={"kid": "1"})
    assert answer(service, signed) == "a"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "oct", "k": "x"}]}',
        b"\xff\xfe\xff",
        b"[" * 100_000,
        b'{"keys": ' + b"[" * 100_000,
        b'{"keys": [{"kty": "oct", "k": ' + b"9" * 5000 + b"}]}",
        b'{"keys": []}' + b" " * 300_000,
    ],
)
def test_a_service_does_not_start_with_a_file_that_holds_no_key(file, content):
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"JWT_JWKS_FILE .*jwks.json can't be used"):
        authenticator(AuthSettings(jwks_file=file))


VALUES = st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed448", "AQAB", "", "=", "\ud800"]) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
)
GOOD = [
    jwk("alice", "1"),
    {"kid": "1", **ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)},
    {"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {"kid": "1", "kty": "oct", "k": "AAAA"},
]
NAMES = ("kty", "kid", "use", "alg", "n", "e", "d", "p", "oth", "crv", "x", "y", "k")


@settings(deadline=None)
@given(
    good=st.sampled_from(GOOD),
    spoilt=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=2),
    instead=st.none() | VALUES,
)
def test_a_member_that_is_no_key_is_left_out_whatever_it_is(good, spoilt, instead):
    for algorithm in ("RS256", "ES256", "EdDSA", "HS256"):
        for member in ({**good, **spoilt}, instead):
            with contextlib.suppress(ValueError):
                keys_of(json.dumps({"keys": [member]}).encode(), algorithm)


def test_a_service_does_not_start_without_the_file(file):
    with pytest.raises(ValueError, match="No such file"):
        authenticator(AuthSettings(jwks_file=file))


def test_a_rotated_key_is_taken_up_while_the_service_runs(file, clock):
    write(file, jwk("alice", "1"))
    service = authenticator(AuthSettings(jwks_file=file), clock)
    write(file, jwk("alice", "1"), jwk("bob", "2"))
    clock.seconds += 1
    assert answer(service, token("bob", "2")) == "bob"
    assert answer(service, token("alice", "1")) == "alice"
    write(file, jwk("bob", "2"))
    clock.seconds += 1
    assert answer(service, token("alice", "1")) == NO_KEY


def test_the_file_is_looked_at_once_a_second_at_the_most(file, clock):
    write(file, jwk("alice", "1"))
    service = authenticator(AuthSettings(jwks_file=file), clock)
    write(file, jwk("alice", "1"), jwk("bob", "2"))
    clock.seconds += 0.9
    assert answer(service, token("bob", "2")) == NO_KEY
    clock.seconds += 0.2
    assert answer(service, token("bob", "2")) == "bob"
    write(file, jwk("carol", "3"))
    clock.seconds += 0.9
    assert answer(service, token("carol", "3")) == NO_KEY


def test_a_file_that_kubernetes_swaps_is_noticed_even_at_the_same_time_and_size(tmp_path, clock):
    for volume, owner in (("..2026_1", "alice"), ("..2026_2", "bob")):
        (tmp_path / volume).mkdir()
        write(tmp_path / volume / "jwks.json", jwk(owner, "1"))
        os.utime(tmp_path / volume / "jwks.json", (1, 1))
    (tmp_path / "..data").symlink_to("..2026_1")
    (tmp_path / "jwks.json").symlink_to("..data/jwks.json")
    service = authenticator(AuthSettings(jwks_file=tmp_path / "jwks.json"), clock)
    assert answer(service, token("alice", "1")) == "alice"
    (tmp_path / "..data_tmp").symlink_to("..2026_2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    clock.seconds += 1
    assert answer(service, token("bob", "1")) == "bob"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_text('{"keys": [{"k": "canary'),
        lambda file: file.write_text('{"keys": [{"k": "canary", "x": ' + "[" * 100_000),
        lambda file: file.unlink(),
    ],
)
def test_a_spoilt_file_is_reported_once_and_the_former_keys_stay_until_it_is_mended(file, clock, caplog, spoil):
    write(file, jwk("alice", "1"))
    service = authenticator(AuthSettings(jwks_file=file), clock)
    spoil(file)
    for _ in range(3):
        clock.seconds += 1
        assert answer(service, token("alice", "1")) == "alice"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the previous keys stay in use" in caplog.text
    assert "canary" not in caplog.text
    write(file, jwk("bob", "2"))
    clock.seconds += 1
    assert answer(service, token("bob", "2")) == "bob"
