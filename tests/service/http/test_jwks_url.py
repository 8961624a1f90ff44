"""Keys of a URL: how they are renewed, who may wait for them, and what a provider that fails or attacks can do."""

import asyncio
import contextlib
import datetime
import ssl
import tracemalloc
from dataclasses import replace
from functools import cache

import jwt
import pytest
from backports import zstd
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import RSAAlgorithm
from yarl import URL

from session_service.app import METRICS
from session_service.http import jwks_fetch
from session_service.http.auth import AuthSettings, authenticator
from session_service.http.errors import ApiError
from session_service.http.jwks import LARGEST
from session_service.http.jwks_url import JwksUrl, KeysUnavailable, Times
from session_service.settings import Settings
from session_service.variables import BadSetting
from tests.service.waiting import until, until_true

from .identity import IdentityProvider, hangs, hangs_up, identity_provider, never_ends, says

QUICK = Times(soonest=0.05, usual=0.05, latest=0.2, pause=0.05, longest_retry=0.05)
SELDOM = Times(pause=1000)  # renews nothing by itself while a test runs


@cache
def key_of(owner):
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(owner, kid=None):
    named = {} if kid is None else {"kid": kid}
    return {**RSAAlgorithm.to_jwk(key_of(owner).public_key(), as_dict=True), **named}


def token(owner, kid=None):
    claims = {"sub": owner, "scopes": ["sessions:read"]}
    return jwt.encode(claims, key_of(owner), "RS256", headers={"kid": kid} if kid else {})


@pytest.fixture
async def provider():
    async with identity_provider() as provider:
        yield provider


@contextlib.asynccontextmanager
async def following(provider, times, **more):
    """The keys of a provider while they are followed."""
    keys = JwksUrl(URL(provider.url), "RS256", times, **more)
    task = asyncio.create_task(keys.follow())
    try:
        yield keys
    finally:
        task.cancel()
        await asyncio.wait([task])


async def lacks(keys, kid):
    return await keys.key(kid) is None


async def kids(keys, *asked):
    """Which of these kids have a key."""
    return [kid for kid in asked if await keys.key(kid) is not None]


async def test_keys_are_fetched_at_once_and_chosen_by_kid(provider):
    provider.publish(jwk("alice", "1"), jwk("bob", "2"))
    async with following(provider, SELDOM) as keys:
        assert await kids(keys, "1", "2", "3", None) == ["1", "2"]
        assert provider.asked == ["/keys"]
        assert "Accept-Encoding: identity" in provider.head
        provider.publish(jwk("alice", "1"), jwk("bob"))
    async with following(provider, SELDOM) as keys:
        assert await kids(keys, "1", "3", None) == ["1", "3", None]


async def test_an_unknown_kid_fetches_the_keys_once_for_all_who_have_it_and_not_again_for_a_while(provider):
    provider.publish(jwk("alice", "1"))
    async with following(provider, replace(SELDOM, pause=0)) as keys:
        await until(lambda: keys.usable)
        provider.publish(jwk("alice", "1"), jwk("bob", "2"))
        found = await asyncio.gather(*(keys.key("2") for _ in range(500)))
        assert None not in found
        assert len(provider.asked) == 2
    provider.asked.clear()
    async with following(provider, SELDOM) as keys:
        await until(lambda: keys.usable)
        assert await asyncio.gather(*(keys.key(f"forged-{n}") for n in range(500))) == [None] * 500
        assert len(provider.asked) == 1


async def test_a_kid_that_is_known_waits_for_nothing_while_the_provider_hangs(provider):
    provider.publish(jwk("alice", "1"))
    async with following(provider, replace(SELDOM, pause=0)) as keys:
        await until(lambda: keys.usable)
        provider.behaviour = hangs
        waiting = asyncio.create_task(keys.key("2"))
        await until(lambda: len(provider.asked) == 2)
        assert await keys.key("1") is not None
        assert not waiting.done()
        waiting.cancel()


async def test_a_client_that_leaves_does_not_take_the_keys_from_the_others(provider):
    provider.publish(jwk("alice", "1"))
    async with following(provider, replace(SELDOM, pause=0)) as keys:
        await until(lambda: keys.usable)
        provider.publish(jwk("bob", "2"))
        late, released = provider.behaviour, asyncio.Event()

        async def slow(writer):
            await released.wait()
            await late(writer)

        provider.behaviour = slow
        leaving, *staying = (asyncio.create_task(keys.key("2")) for _ in range(3))
        await until(lambda: len(provider.asked) == 2)
        leaving.cancel()
        await asyncio.wait([leaving])
        released.set()
        assert None not in await asyncio.gather(*staying)
        assert len(provider.asked) == 2


async def test_a_rotated_key_is_taken_up_and_a_withdrawn_one_is_dropped(provider):
    provider.publish(jwk("alice", "1"))
    async with following(provider, QUICK) as keys:
        assert await kids(keys, "1", "2") == ["1"]
        provider.publish(jwk("alice", "1"), jwk("bob", "2"))
        await until_true(lambda: keys.key("2"))
        provider.publish(jwk("bob", "2"))
        await until_true(lambda: lacks(keys, "1"))
        assert await kids(keys, "1", "2") == ["2"]


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        (None, 300),
        ("max-age=120", 120),
        ('public, Max-Age="600", must-revalidate', 600),
        ("max-age=0", 60),
        ("no-store", 60),
        ("no-cache, max-age=600", 60),
        ("max-age=999999999", 3600),
        ("max-age=99999999999999999999", 300),
        ("s-maxage=10", 300),
        ("max-age=-1", 300),
        ("nonsense", 300),
    ],
)
async def test_keys_are_used_as_long_as_the_answer_says_within_a_minute_and_an_hour(provider, control, seconds):
    provider.publish(jwk("alice", "1"), **({} if control is None else {"Cache_Control": control}))
    keys = JwksUrl(URL(provider.url), "RS256", clock=lambda: 1000.0)
    await keys.key("1")
    assert keys.due == 1000 + seconds


FAILURES = {
    "it answers 500": says(b"", 500),
    "it answers 404": says(b"{}", 404),
    "it answers 204": says(b"", 204),
    "it answers 302, and no redirect is followed": says(b"", 302, Location="/elsewhere"),
    "it answers 307, and no redirect is followed": says(b"", 307, Location="http://169.254.169.254/"),
    "it is not a JWK set with a key for RS256": says(b'{"keys": []}'),
    "it is nested too deeply": says(b"[" * 100_000),
    "Expecting value: line 1 column 1 (char 0)": says(b"<html>canary"),
    f"it answers more than {LARGEST} bytes": says(b" " * (LARGEST + 1)),
    "its answer is compressed, which was not asked for": says(b"\x28\xb5\x2f\xfd", Content_Encoding="zstd"),
    "it is out of reach (ServerDisconnectedError)": hangs_up,
    "it does not answer within 1.5 seconds": hangs,
}


@pytest.mark.parametrize("reason", FAILURES)
async def test_keys_that_cannot_be_renewed_stay_in_use_and_the_reason_is_told_once(
    provider, caplog, monkeypatch, reason
):
    caplog.set_level("INFO", "session_service")
    monkeypatch.setattr(jwks_fetch, "FETCH_SECONDS", 1.5)  # for one that hangs, and more than a busy machine takes
    provider.publish(jwk("alice", "1"))
    async with following(provider, QUICK) as keys:
        await until(lambda: keys.usable)
        provider.behaviour = FAILURES[reason]
        await until(lambda: keys.results["failed"] >= 3)
        assert await kids(keys, "1") == ["1"]
        assert keys.report == {"state": "stale", "reason": reason}
        warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
        assert warnings == [f"the keys of AGNO_JWT_JWKS_URL can't be fetched, the previous ones stay in use: {reason}"]
        assert "canary" not in caplog.text
        assert set(provider.asked) == {"/keys"}
        provider.publish(jwk("bob", "2"))
        await until(lambda: keys.report == {"state": "serving"})
        assert await kids(keys, "1", "2") == ["2"]
        assert caplog.messages[-1] == "fetched the keys of AGNO_JWT_JWKS_URL: 1"


async def test_keys_outlive_an_outage_for_a_day_and_no_longer(provider):
    now = [1000.0]
    provider.publish(jwk("alice", "1"))
    keys = JwksUrl(URL(provider.url), "RS256", clock=lambda: now[0])
    assert await kids(keys, "1") == ["1"]
    provider.behaviour = says(b"", 503)
    now[0] += 24 * 3600 - 1
    assert await kids(keys, "1") == ["1"]
    now[0] += 1
    with pytest.raises(KeysUnavailable):
        await keys.key("1")
    assert keys.report == {"state": "missing", "reason": "it answers 503"}
    provider.publish(jwk("alice", "1"))
    now[0] += 10
    assert await kids(keys, "1") == ["1"]


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 4096),
        (b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 4096),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
        (b"", b"HTTP/1.1 103 Early\r\n\r\n" * 4096),
        (b"", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", b"\x1f\x8b" * 32768),
    ],
    ids=["body", "chunks", "small chunks", "headers", "header", "interim answers", "noise", "compressed"],
)
async def test_an_answer_without_an_end_costs_a_bounded_piece_of_it(provider, head, piece):
    counted = []
    provider.behaviour = never_ends(head, piece, counted)
    keys = JwksUrl(URL(provider.url), "RS256")
    tracemalloc.start()
    try:
        with pytest.raises(KeysUnavailable):
            await keys.key("1")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert keys.results == {"failed": 1}
    assert peak < 8 * 2**20
    assert sum(counted) < 32 * 2**20  # with what the kernel holds for both sides


async def test_nothing_is_inflated(provider):
    bomb = zstd.compress(bytes(2**28))
    assert len(bomb) < 64 * 2**10
    provider.behaviour = says(bomb, Content_Encoding="zstd")
    keys = JwksUrl(URL(provider.url), "RS256")
    tracemalloc.start()
    try:
        with pytest.raises(KeysUnavailable):
            await keys.key("1")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def answer_of(service):
    """Asks a service on whose behalf a token is, or for the status of its refusal."""

    async def answer(signed):
        try:
            return (await service.authenticate("GET", "/sessions", {"Authorization": signed})).user_id
        except ApiError as error:
            return error.status, error.detail, dict(error.headers)

    return answer


async def test_a_token_is_answered_by_503_while_there_are_no_keys_and_static_ones_go_on(provider):
    provider.behaviour = says(b"", 500)
    static = key_of("bob").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    service = authenticator(AuthSettings(jwks_url=URL(provider.url), verification_keys=(static.decode(),)))
    answer = answer_of(service)
    unavailable = (503, "Authentication is temporarily unavailable", {"Retry-After": "5"})
    assert await answer(token("alice", "1")) == unavailable
    assert await answer(token("bob", "1")) == "bob"
    assert (await answer("nonsense"))[:2] == (401, "Invalid token: Not enough segments")
    provider.publish(jwk("alice", "1"))
    service = authenticator(AuthSettings(jwks_url=URL(provider.url)))
    answer = answer_of(service)
    assert await answer(token("alice", "1")) == "alice"
    assert (await answer(token("alice", "2")))[:2] == (401, "Invalid token: No verification keys configured")
    assert (await answer(token("bob", "1")))[:2] == (401, "Invalid token: Signature verification failed")


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(tmp_path):
    provider = IdentityProvider()
    provider.publish(jwk("alice", "1"))
    await provider.begin(tls=self_signed(tmp_path))
    keys = JwksUrl(URL(provider.url.replace("http:", "https:")), "RS256")
    with pytest.raises(KeysUnavailable):
        await keys.key("1")
    assert keys.problem == "it is out of reach (ClientConnectorCertificateError)"
    await provider.end()


async def test_a_service_starts_with_its_keys_and_serves_who_they_verify(v3, serve, provider):
    v3.session("of-alice", user_id="alice"), v3.session("of-bob", user_id="bob")
    provider.publish(jwk("alice", "1"))
    client = await serve(v3.dsn, AGNO_JWT_JWKS_URL=provider.url)

    async def ids(signed):
        answer = await client.get("/sessions", headers={"Authorization": f"Bearer {signed}"})
        body = await answer.json()
        return [row["session_id"] for row in body["data"]] if answer.status == 200 else (answer.status, body["detail"])

    await until_true(lambda: status(client, "/healthz/startup", 200))
    assert await ids(token("alice", "1")) == ["of-alice"]
    assert await ids(token("bob", "1")) == (401, "Invalid token: Signature verification failed")
    assert (await (await client.get("/healthz/ready")).json())["keys"] == {"state": "serving"}
    assert (await client.get("/sessions")).status == 401
    registry = client.app[METRICS].registry
    assert registry.get_sample_value("agno_session_jwks_fetches_total", {"result": "ok"}) >= 1
    assert registry.get_sample_value("agno_session_jwks_fetches_total", {"result": "failed"}) == 0
    assert 0 <= registry.get_sample_value("agno_session_jwks_age_seconds") < 60


async def test_a_pod_whose_keys_are_missing_gets_no_requests_and_takes_part_when_they_come(v3, serve, provider):
    provider.behaviour = says(b"", 404)
    patient = await serve(v3.dsn, AGNO_JWT_JWKS_URL=provider.url)
    await until_true(lambda: has_problem(patient))
    body = await (await patient.get("/healthz/startup")).json()
    assert (body["status"], body["keys"]) == ("starting", {"state": "missing", "reason": "it answers 404"})
    hasty = await serve(v3.dsn, AGNO_JWT_JWKS_URL=provider.url, AGNO_STARTUP_GRACE_SECONDS="0")
    await until_true(lambda: status(hasty, "/healthz/startup", 200))
    assert await status(hasty, "/healthz/ready", 503)
    for client in (patient, hasty):
        answer = await client.get("/sessions", headers={"Authorization": token("alice", "1")})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    provider.publish(jwk("alice", "1"))
    for client in (patient, hasty):
        await until_true(lambda client=client: status(client, "/healthz/startup", 200))
        await until_true(lambda client=client: status(client, "/healthz/ready", 200))


async def has_problem(client):
    body = await (await client.get("/healthz/ready")).json()
    return "reason" in body["keys"] and all(each["state"] == "serving" for each in body["databases"])


async def status(client, path, wanted):
    return (await client.get(path)).status == wanted


@pytest.mark.parametrize(
    "url",
    [
        "keys.example.com",
        "ftp://keys.example.com/",
        "file:///etc/passwd",
        "https:///keys",
        "https://ann:canary@keys.example.com/",
        "https://canary@keys.example.com/",
        "https://keys.example.com:99999/",
        "https://[canary/",
    ],
)
def test_what_is_no_url_to_fetch_from_is_refused_and_not_repeated(url):
    with pytest.raises(BadSetting) as refused:
        Settings.load({"DATABASE_URL": "host=db", "AGNO_JWT_JWKS_URL": url})
    assert str(refused.value).startswith("AGNO_JWT_JWKS_URL: write https://host/path, or http://host/path")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"JWT_JWKS_FILE": "/keys"}, "JWT_JWKS_FILE and AGNO_JWT_JWKS_URL are both set"),
        ({"AGNO_JWT_ALGORITHM": "HS256"}, "AGNO_JWT_JWKS_URL gives public keys, and HS256 wants a secret"),
    ],
)
def test_what_a_url_of_keys_does_not_go_with_is_refused(more, says):
    auth = Settings.load({"DATABASE_URL": "host=db", "AGNO_JWT_JWKS_URL": "https://a.example/keys", **more}).auth
    with pytest.raises(ValueError, match=says):
        authenticator(auth)


@pytest.mark.parametrize(
    ("url", "warned"), [("https://a.example/k", 0), ("http://a.example/k", 1), ("http://[::1]/", 0)]
)
def test_keys_that_come_over_http_are_warned_of(url, warned):
    settings = Settings.load({"DATABASE_URL": "host=db", "AGNO_JWT_JWKS_URL": url})
    assert len([line for line in settings.warnings if "AGNO_JWT_JWKS_URL" in line]) == warned


def self_signed(folder):
    """A server's side of TLS with a certificate of its own making."""
    key, name = key_of("server"), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
