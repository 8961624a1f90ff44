"""Variables that are none: which are told, which end the start, and which are somebody else's."""

import re

import pytest

from session_service.settings import Settings
from session_service.spelling import AGNOS_OWN, doubtful
from session_service.variables import VARIABLES, BadSetting

# https://docs.openstack.org/python-openstackclient/latest/cli/man/openstack.html#environment-variables and its plugins
OPENSTACK = re.findall(
    r"\w+",
    """
    ACCESS_TOKEN ACCESS_TOKEN_ENDPOINT ACCESS_TOKEN_TYPE APPLICATION_CREDENTIAL_ID APPLICATION_CREDENTIAL_NAME
    APPLICATION_CREDENTIAL_SECRET AUTH_PLUGIN AUTH_STRATEGY AUTH_SYSTEM AUTH_TOKEN AUTH_TYPE AUTH_URL
    AUTH_VERSION CACERT CERT CLIENT_CONFIG_FILE CLIENT_ID CLIENT_SECRET CLIENT_SECURE_FILE CLOUD
    COMPUTE_API_VERSION DEFAULT_DOMAIN DISCOVERY_ENDPOINT DOMAIN_ID DOMAIN_NAME ENDPOINT_OVERRIDE ENDPOINT_TYPE
    IDENTITY_API_VERSION IDENTITY_PROVIDER IMAGE_API_VERSION INSECURE INTERFACE KEY NETWORK_API_VERSION
    OBJECT_API_VERSION OPENID_SCOPE PASSCODE PASSWORD PROJECT_DOMAIN_ID PROJECT_DOMAIN_NAME PROJECT_ID
    PROJECT_NAME PROTOCOL REGION_NAME SERVICE_ENDPOINT SERVICE_TOKEN SERVICE_TYPE SYSTEM_SCOPE TENANT_ID
    TENANT_NAME TOKEN TRUST_ID URL USERNAME USER_DOMAIN_ID USER_DOMAIN_NAME USER_ID VENDOR VOLUME_API_VERSION
    """,
)
LINKS = {  # of Services named agno, agno-auth, jwt, and auth of the application agno
    "AGNO_PORT": "tcp://10.96.0.7:80",
    "AGNO_PORT_80_TCP": "tcp://10.96.0.7:80",
    "AGNO_PORT_80_TCP_PROTO": "tcp",
    "AGNO_PORT_80_TCP_PORT": "80",
    "AGNO_PORT_80_TCP_ADDR": "10.96.0.7",
    "AGNO_SERVICE_PORT_HTTP": "80",
    "AGNO_AUTH_SERVICE_HOST": "10.96.0.8",
    "AGNO_AUTH_SERVICE_PORT": "80",
    "AGNO_AUTH_PORT": "tcp://[fd00::8]:80",
    "JWT_SERVICE_HOST": "10.96.0.9",
    "JWT_SERVICE_PORT": "443",
    "JWT_PORT": "udp://10.96.0.9:443",
    "JWT_PORT_443_UDP": "udp://10.96.0.9:443",
}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("JWT_VERIFICATION_KEYS", "JWT_VERIFICATION_KEY"),
        ("JWT_JWKS", "AGNO_JWT_JWKS_URL"),
        ("JWT_SECRET", "AGNO_JWT_ISSUER"),
        ("AGNO_JWT_ISSUERS", "AGNO_JWT_ISSUER"),
        ("AGNO_JWT_VERIFICATION_KEY", "JWT_VERIFICATION_KEY"),
        ("AGNO_JWT_JWKS_FILE", "JWT_JWKS_FILE"),
        ("AGNO_AUTHORISATION", "AGNO_AUTHORIZATION"),
        ("AGNO_AUTH", "AGNO_AUTHORIZATION"),
        ("AGNO_AUTH_PORT", "AGNO_AUTHORIZATION"),
        ("OS_SECURTY_KEY", "OS_SECURITY_KEY"),
        ("OS_SECURITY_KEYS", "OS_SECURITY_KEY"),
        ("OS_SECURITYKEY", "OS_SECURITY_KEY"),
        ("os_security_key", "OS_SECURITY_KEY"),
        ("AGNO_SECURITY_KEY", "OS_SECURITY_KEY"),
        ("AGNO_OS_SECURITY_KEY", "OS_SECURITY_KEY"),
        ("AGNO_USER_ISOLATON", "AGNO_USER_ISOLATION"),
        ("OS_USER_ISOLATION", "AGNO_USER_ISOLATION"),
        ("USER_ISOLATION", None),
        ("AGON_USER_ISOLATION", "AGNO_USER_ISOLATION"),
        ("JTW_VERIFICATION_KEY", "JWT_VERIFICATION_KEY"),
        ("AGNO_OS_IDS", "AGNO_OS_ID"),
        ("AGNO_REQUIRE_AUTH", "AGNO_REQUIRE_AUTHENTICATION"),
        ("AGNO_ENABLE_AUTHENTICATION", "AGNO_REQUIRE_AUTHENTICATION"),
        ("AGNO_ISOLATION", "AGNO_USER_ISOLATION"),
        ("AGNO_JWKS", "AGNO_JWT_JWKS_URL"),
        ("AGNO_OIDC_ISSUER", "AGNO_JWT_ISSUER"),
        ("JWKS_URL", "AGNO_JWT_JWKS_URL"),
    ],
)
def test_what_may_be_a_variable_of_authentication_ends_the_start(name, nearest):
    environment = {"PATH": "/bin", name: "canary"}
    if nearest is None:
        assert doubtful(environment) == ()
        return
    with pytest.raises(BadSetting) as refused:
        doubtful(environment)
    assert str(refused.value) == f"{name} is not a variable of this service: unset it, or correct its name: {nearest}?"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("AGNO_LOGLEVEL", "AGNO_LOG_LEVEL"),
        ("AGNO_DRAIN_SECOND", "AGNO_DRAIN_SECONDS"),
        ("AGNO_CORS_ORIGIN", "AGNO_CORS_ORIGINS"),
        ("AGNO_SERVICE_PROT", "AGNO_SERVICE_PORT"),
        ("AGON_SERVICE_PORT_", "AGNO_SERVICE_PORT"),
        ("AGNO_PORT", "AGNO_ADMIN_PORT"),
        ("agno_log_level", "AGNO_LOG_LEVEL"),
        ("DATABASE_URI", "DATABASE_URL"),
    ],
)
def test_any_other_is_told_with_the_one_that_is_most_like_it(name, nearest):
    [line] = doubtful({name: "canary"})
    assert line == f"{name} is not a variable of this service and is ignored; is {nearest} meant?"


def test_an_unknown_one_with_our_prefix_is_told_whatever_it_is_like():
    [line] = doubtful({"AGNO_XYZZY": "canary"})
    assert line.startswith("AGNO_XYZZY is not a variable of this service")


def test_ours_agnos_openstacks_links_and_those_of_others_are_left_alone():
    others = ["PATH", "HOME", "KUBERNETES_SERVICE_HOST", "AGENTOS_PORT", "POSTGRES_PASSWORD", "OTEL_SERVICE_NAME"]
    ours = [variable.name for variable in VARIABLES]
    assert doubtful(dict.fromkeys([*others, *ours, *AGNOS_OWN, *(f"OS_{name}" for name in OPENSTACK)], "x")) == ()
    assert doubtful(LINKS) == ()


def test_an_empty_one_counts_as_unset():
    assert doubtful({"JWT_SECRET": "", "AGNO_XYZZY": ""}) == ()


@pytest.mark.parametrize(
    ("port", "host"),
    [("tcp://10.96.0.7:80", "10.96.0.7"), ("tcp://[fd00::7]:80", "fd00::7")],
)
def test_the_address_of_a_service_named_agno_is_not_taken_for_one_to_listen_on(port, host):
    with pytest.raises(BadSetting, match=r"Service named agno: set enableServiceLinks: false"):
        doubtful({"AGNO_PORT": port, "AGNO_SERVICE_HOST": host, "AGNO_SERVICE_PORT": "80"})
    assert doubtful({"AGNO_PORT": port, "AGNO_SERVICE_HOST": "0.0.0.0", "AGNO_SERVICE_PORT": "8080"}) == ()


def test_settings_end_the_start_or_warn():
    dsn = {"AGNO_PG_DSN": "host=db"}
    with pytest.raises(BadSetting, match="OS_SECURTY_KEY"):
        Settings.load({**dsn, "OS_SECURTY_KEY": "canary"})
    warnings = Settings.load({**dsn, "AGNO_LOGLEVEL": "canary"}).warnings
    assert warnings == ["AGNO_LOGLEVEL is not a variable of this service and is ignored; is AGNO_LOG_LEVEL meant?"]
