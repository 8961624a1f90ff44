"""The environment: what each variable may say, what stands without it, and that its page knows them all."""

import json
import re
from pathlib import Path

import pytest

from session_service.http.cors import DEFAULT_ORIGINS
from session_service.settings import Settings
from session_service.variables import VARIABLES, BadSetting

DSN = "postgresql://ann:canary@db/agno"
PAGE = Path(__file__).parents[2] / "docs/reference/environment.md"


def load(**variables):
    return Settings.load({"AGNO_PG_DSN": DSN} | variables)


def test_a_database_is_all_that_is_needed():
    found = load()
    assert (found.databases.default, list(found.databases.sources)) == ("default", ["default"])
    assert (found.host, found.port, found.require_db_id) == ("127.0.0.1", 8080, False)
    assert found.request_timeout == 60
    assert (found.startup_grace, found.drain, found.shutdown) == (10, 5, 15)
    assert (found.admin_port, found.log_format, found.log_level, found.trusted_proxies) == (9090, "auto", "info", ())
    assert found.termination_log == Path("/dev/termination-log")
    assert found.cors_origins == frozenset(DEFAULT_ORIGINS)
    assert not found.auth.uses_tokens
    assert found.auth.security_key is None


def test_databases_come_from_the_first_variable_that_is_set(tmp_path):
    file = tmp_path / "map.json"
    file.write_text(json.dumps({"file": DSN}))
    dsn = tmp_path / "dsn"
    dsn.write_text("postgresql://file@db/agno\n")
    users = []
    given = {
        "AGNO_SESSION_DSN_MAP": json.dumps({"map": DSN}),
        "AGNO_SESSION_DSN_MAP_FILE": str(file),
        "AGNO_PG_DSN": "postgresql://one@db/agno",
        "AGNO_PG_DSN_FILE": str(dsn),
        "DATABASE_URL": "postgresql://two@db/agno",
    }
    expected = ["map", "file", "default", "default", "default"]
    for first in expected:
        databases = Settings.load(given).databases
        assert list(databases.sources) == [first]
        if len(given) <= 3:
            [source] = databases.sources["default"]
            users.append(source.dsn.text.partition("user=")[2].split()[0])
        del given[next(iter(given))]
    assert users == ["one", "file", "two"]
    with pytest.raises(BadSetting, match="no database: set AGNO_SESSION_DSN_MAP, AGNO_SESSION_DSN_MAP_FILE"):
        Settings.load({})


def test_an_empty_variable_counts_as_unset():
    assert load(**{variable.name: "" for variable in VARIABLES if variable.name != "AGNO_PG_DSN"}) == load()


@pytest.mark.parametrize(
    ("variable", "text", "read", "value"),
    [
        ("AGNO_DEFAULT_DB_ID", "default", lambda s: s.databases.default, "default"),
        ("AGNO_REQUIRE_DB_ID", "true", lambda s: s.require_db_id, True),
        ("AGNO_REQUIRE_DB_ID", "YES", lambda s: s.require_db_id, True),
        ("AGNO_REQUIRE_DB_ID", "0", lambda s: s.require_db_id, False),
        ("AGNO_SERVICE_HOST", "::", lambda s: s.host, "::"),
        ("AGNO_SERVICE_PORT", "0", lambda s: s.port, 0),
        ("AGNO_SERVICE_PORT", "65535", lambda s: s.port, 65535),
        ("AGNO_ADMIN_PORT", "0", lambda s: s.admin_port, 0),
        ("AGNO_ADMIN_PORT", "OFF", lambda s: s.admin_port, None),
        ("AGNO_LOG_FORMAT", "JSON", lambda s: s.log_format, "json"),
        ("AGNO_LOG_LEVEL", "warning", lambda s: s.log_level, "warning"),
        ("AGNO_LOG_KEY", "canary", lambda s: s.log_key, "canary"),
        (
            "AGNO_TRUSTED_PROXIES",
            "10.1.2.3, fd00::/8",
            lambda s: [str(n) for n in s.trusted_proxies],
            ["10.1.2.3/32", "fd00::/8"],
        ),
        ("AGNO_MAX_BODY_BYTES", "1", lambda s: s.largest_body, 1),
        ("AGNO_COMPRESS_FROM_BYTES", "1", lambda s: s.compress_from, 1),
        ("AGNO_COMPRESS_FROM_BYTES", "off", lambda s: s.compress_from, None),
        ("AGNO_STARTUP_GRACE_SECONDS", "0", lambda s: s.startup_grace, 0.0),
        ("AGNO_REQUEST_TIMEOUT_SECONDS", "2.5", lambda s: s.request_timeout, 2.5),
        ("AGNO_REQUEST_TIMEOUT_SECONDS", "0", lambda s: s.request_timeout, None),
        ("AGNO_DRAIN_SECONDS", "2.5", lambda s: s.drain, 2.5),
        ("AGNO_SHUTDOWN_SECONDS", "60", lambda s: s.shutdown, 60.0),
        ("AGNO_TERMINATION_LOG", "/tmp/log", lambda s: s.termination_log, Path("/tmp/log")),
        (
            "AGNO_CORS_ORIGINS",
            "https://a.example, https://b.example,",
            lambda s: s.cors_origins,
            {"https://a.example", "https://b.example"},
        ),
        ("OS_SECURITY_KEY", "k", lambda s: s.auth.security_key, "k"),
        ("AGNO_REQUIRE_AUTHENTICATION", "on", lambda s: s.auth.required, True),
        ("AGNO_AUTHORIZATION", "on", lambda s: s.auth.authorization, True),
        ("AGNO_AUTHORIZATION", "off", lambda s: s.auth.authorization, False),
        ("JWT_VERIFICATION_KEY", "k", lambda s: s.auth.verification_keys, ("k",)),
        ("JWT_JWKS_FILE", "/jwks", lambda s: s.auth.jwks_file, Path("/jwks")),
        ("AGNO_JWT_ALGORITHM", "HS256", lambda s: s.auth.algorithm, "HS256"),
        ("AGNO_JWT_VERIFY_AUDIENCE", "1", lambda s: s.auth.verify_audience, True),
        ("AGNO_JWT_AUDIENCE", "a,b", lambda s: (s.auth.audience, s.auth.verify_audience), (("a", "b"), True)),
        ("AGNO_OS_ID", "os", lambda s: (s.auth.audience, s.auth.verify_audience), (("os",), False)),
        ("AGNO_JWT_ISSUER", "i", lambda s: s.auth.issuer, "i"),
        ("AGNO_JWT_ADMIN_SCOPE", "root", lambda s: s.auth.admin_scope, "root"),
        ("AGNO_USER_ISOLATION", "true", lambda s: s.auth.user_isolation, True),
        ("AGNO_USER_ISOLATION", "false", lambda s: s.auth.user_isolation, False),
    ],
)
def test_a_variable_becomes_a_value(variable, text, read, value):
    assert read(load(**{variable: text})) == value


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("AGNO_REQUIRE_DB_ID", "canary", "write true or false"),
        ("AGNO_USER_ISOLATION", "2", "write true or false"),
        ("AGNO_SERVICE_PORT", "65536", "write a port number from 0 to 65535"),
        ("AGNO_SERVICE_PORT", "-1", "write a port number from 0 to 65535"),
        ("AGNO_SERVICE_PORT", "http", "write a port number from 0 to 65535"),
        ("AGNO_SERVICE_PORT", "٨", "write a port number from 0 to 65535"),
        ("AGNO_ADMIN_PORT", "none", "write a port number from 0 to 65535, or off"),
        ("AGNO_MAX_BODY_BYTES", "0", "write a number of bytes, 1 or more"),
        ("AGNO_MAX_BODY_BYTES", "1MB", "write a number of bytes, 1 or more"),
        ("AGNO_COMPRESS_FROM_BYTES", "no", "write a number of bytes, 1 or more, or off"),
        ("AGNO_LOG_FORMAT", "canary", "write auto, json or text"),
        ("AGNO_LOG_LEVEL", "canary", "write debug, info, warning or error"),
        ("AGNO_TRUSTED_PROXIES", "canary", "write addresses or networks by comma, such as 10.0.0.0/8"),
        ("AGNO_DEFAULT_DB_ID", "postgresql://ann:canary@db/agno", "write letters, digits"),
        ("AGNO_DRAIN_SECONDS", "5s", "write a number of seconds, 0 or more"),
        ("AGNO_DRAIN_SECONDS", "-1", "write a number of seconds, 0 or more"),
        ("AGNO_SHUTDOWN_SECONDS", "nan", "write a number of seconds, 0 or more"),
        ("AGNO_STARTUP_GRACE_SECONDS", "inf", "write a number of seconds, 0 or more"),
        ("AGNO_SESSION_DSN_MAP", "canary", "it is not JSON"),
        ("AGNO_SESSION_DSN_MAP_FILE", "/nowhere", "the file /nowhere can't be read"),
        ("OS_SECURITY_KEY_FILE", "/nowhere", "the file /nowhere can't be read: FileNotFoundError"),
        ("JWT_VERIFICATION_KEY_FILE", "/dev/null", "the file /dev/null must hold a key"),
        ("OS_SECURITY_KEY_FILE", "/dev/zero", "the file /dev/zero must hold a key"),
        ("OS_SECURITY_KEY", " ", "write a key: blanks are none"),
        ("JWT_VERIFICATION_KEY", " \n", "write a key: blanks are none"),
        ("AGNO_JWT_AUDIENCE", " , ", "write an audience, or several by comma"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line_that_names_the_variable(variable, text, problem):
    with pytest.raises(BadSetting) as refused:
        load(**{variable: text})
    assert str(refused.value).startswith(f"{variable}: {problem}")
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_default_database_that_there_is_not_is_refused():
    with pytest.raises(BadSetting, match="AGNO_DEFAULT_DB_ID names 'other', which it lacks; it has: default"):
        load(AGNO_DEFAULT_DB_ID="other")


@pytest.mark.parametrize("name", ["OS_SECURITY_KEY", "JWT_VERIFICATION_KEY"])
def test_a_key_may_stand_in_a_file(name, tmp_path):
    file = tmp_path / "key"
    file.write_text(" k3y \n")
    auth = load(**{f"{name}_FILE": str(file)}).auth
    assert " k3y " in {auth.security_key, *auth.verification_keys}
    with pytest.raises(BadSetting, match=f"{name} and {name}_FILE are both set: keep one of them"):
        load(**{f"{name}_FILE": str(file), name: "canary"})


@pytest.mark.parametrize("content", ["", "\n", " \n", "k" * 70_000, b"\xff"])
def test_a_file_without_a_key_ends_the_start(content, tmp_path):
    file = tmp_path / "key"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadSetting, match="OS_SECURITY_KEY_FILE: the file "):
        load(OS_SECURITY_KEY_FILE=str(file))


def test_an_empty_file_of_a_dsn_ends_the_start(tmp_path):
    (tmp_path / "dsn").write_text("\n")
    with pytest.raises(BadSetting, match=r"AGNO_PG_DSN_FILE: the file .*/dsn is empty"):
        Settings.load({"AGNO_PG_DSN_FILE": str(tmp_path / "dsn")})


def test_audiences_are_verified_where_they_are_given_unless_that_is_turned_off():
    assert load(AGNO_JWT_AUDIENCE="a").auth.verify_audience
    assert not load(AGNO_JWT_AUDIENCE="a", AGNO_JWT_VERIFY_AUDIENCE="false").auth.verify_audience


def test_a_repr_shows_nothing_secret():
    secrets = {"OS_SECURITY_KEY": "canary", "JWT_VERIFICATION_KEY": "canary", "AGNO_LOG_KEY": "canary"}
    assert "canary" not in repr(load(**secrets))


@pytest.mark.parametrize(
    ("variables", "count"),
    [
        ({}, 0),
        ({"AGNO_SERVICE_HOST": "0.0.0.0"}, 1),
        ({"AGNO_SERVICE_HOST": "0.0.0.0", "OS_SECURITY_KEY": "canary"}, 0),
        ({"JWT_VERIFICATION_KEY": "canary"}, 0),
        ({"JWT_VERIFICATION_KEY": "canary", "AGNO_USER_ISOLATION": "false"}, 1),
        ({"JWT_VERIFICATION_KEY": "canary", "AGNO_AUTHORIZATION": "false"}, 1),
    ],
)
def test_settings_that_open_more_than_one_may_think_are_warned_of(variables, count):
    warnings = load(**variables).warnings
    assert len(warnings) == count
    assert "canary" not in "".join(warnings)


def test_a_malformed_dsn_is_told_of_by_its_id_and_the_others_are_served():
    settings = load(AGNO_SESSION_DSN_MAP='{"main": "host=db", "old": "canary"}')
    [warning] = settings.warnings
    assert warning.startswith("database 'old' can't be reached: its DSN is malformed: write postgresql://")
    assert "canary" not in warning
    assert list(settings.databases.sources) == ["main", "old"]


def shown(default):
    """A default as the page shows it."""
    if default is None or default == ():
        return "none"
    if default is DEFAULT_ORIGINS:
        return "agno's front ends"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_the_page_has_every_variable_with_its_default_and_meaning_and_no_other():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(variable.name, shown(variable.default), variable.meaning) for variable in VARIABLES]
