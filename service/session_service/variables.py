"""Every environment variable of the service, in one typed table (a test compares docs/reference/environment.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from session_service.database.dsn_map import database_id
from session_service.http.auth import DEFAULT_ADMIN_SCOPE, DEFAULT_ALGORITHM
from session_service.http.cors import DEFAULT_ORIGINS
from session_service.http.jwks_fetch import jwks_url
from session_service.http.remote import networks
from session_service.observability.logs import LEVELS

DSN_VARIABLES = ("AGNO_SESSION_DSN_MAP", "AGNO_SESSION_DSN_MAP_FILE", "AGNO_PG_DSN", "AGNO_PG_DSN_FILE", "DATABASE_URL")


_LONGEST_SECRET = 64 * 2**10


class BadSetting(ValueError):
    """The value of a variable is invalid. The message names the variable and the remedy; it never repeats a secret."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: how its text is parsed, and the default if it is unset or empty."""

    name: str
    read: Callable[[str], Any]
    default: Any
    meaning: str


def _flag(value: str) -> bool:
    if value.lower() in {"true", "1", "yes", "on"}:
        return True
    if value.lower() in {"false", "0", "no", "off"}:
        return False
    raise ValueError("write true or false")


def _port(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > 65535:
        raise ValueError("write a port number from 0 to 65535")
    return int(value)


def _count(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 2**40:
        raise ValueError("write a number of bytes, 1 or more")
    return int(value)


def _number(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 2**20:
        raise ValueError("write a number, 1 or more")
    return int(value)


def _or_off(read: Callable[[str], int]) -> Callable[[str], int | None]:
    def read_or_off(value: str) -> int | None:
        if value.lower() == "off":
            return None
        try:
            return read(value)
        except ValueError as error:
            raise ValueError(f"{error}, or off") from None

    return read_or_off


def _networks(value: str) -> Any:
    try:
        return networks(_words(value))
    except ValueError:
        raise ValueError("write addresses or networks by comma, such as 10.0.0.0/8, fd00::/8") from None


def _one_of(*words: str) -> Callable[[str], str]:
    def one(value: str) -> str:
        if value.lower() not in words:
            raise ValueError(f"write {', '.join(words[:-1])} or {words[-1]}")
        return value.lower()

    return one


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise ValueError("write a number of seconds, 0 or more")
    return seconds


def _secret_file(value: str) -> str:
    """The text of a file, such as a mounted Secret, without the final newline. Raises ValueError for an empty one."""
    try:
        with Path(value).open(encoding="utf-8") as file:
            text = file.read(_LONGEST_SECRET + 1).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file {value} can't be read: {type(error).__name__}") from None
    if not text.strip() or len(text) > _LONGEST_SECRET:
        raise ValueError(f"the file {value} must hold a key")
    return text


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _secret(value: str) -> str:
    if not value.strip():
        raise ValueError("write a key: blanks are none")
    return value


def _audiences(value: str) -> tuple[str, ...]:
    audiences = _words(value)
    if not audiences:
        raise ValueError("write an audience, or several by comma")
    return audiences


_OPERATION = (
    Variable("AGNO_SESSION_DSN_MAP", str, None, "The DSN map as JSON text."),
    Variable("AGNO_SESSION_DSN_MAP_FILE", Path, None, "A file that holds the DSN map; read again when it changes."),
    Variable("AGNO_PG_DSN", str, None, "The DSN of one database, whose id is `default`."),
    Variable("AGNO_PG_DSN_FILE", Path, None, "A file that holds that DSN; read again when it changes."),
    Variable("DATABASE_URL", str, None, "The same, if the variables above are unset."),
    Variable(
        "AGNO_SESSION_SCHEMA",
        str,
        None,
        "The schema of agno's tables for databases without a schema in the map; without it, that of the DSN's "
        "`search_path`, else `ai`.",
    ),
    Variable(
        "AGNO_DEFAULT_DB_ID",
        database_id,
        None,
        "The database for requests without `db_id`; by default the first of the map.",
    ),
    Variable(
        "AGNO_REQUIRE_DB_ID",
        _flag,
        False,
        "Answer 400 to requests without `db_id` if there are several databases, as AgentOS does.",
    ),
    Variable("AGNO_SERVICE_HOST", str, "127.0.0.1", "The address to listen on; the images set 0.0.0.0."),
    Variable("AGNO_SERVICE_PORT", _port, 8080, "The port to listen on."),
    Variable("AGNO_REQUEST_TIMEOUT_SECONDS", _seconds, 60.0, "Time limit of a request; 0 disables it."),
    Variable(
        "AGNO_ADMIN_PORT", _or_off(_port), 9090, "The port of `/metrics`, on the same address; `off` disables it."
    ),
    Variable(
        "AGNO_LOG_FORMAT", _one_of("auto", "json", "text"), "auto", "`json`, `text`, or `auto`: text on a terminal."
    ),
    Variable("AGNO_LOG_LEVEL", _one_of(*LEVELS), "info", "`debug`, `info`, `warning` or `error`."),
    Variable("AGNO_LOG_KEY", str, None, "The key for pseudonyms of ids in logs; by default random at each start."),
    Variable(
        "AGNO_TRUSTED_PROXIES",
        _networks,
        (),
        "Addresses and networks, separated by commas, whose `X-Forwarded-For` is trusted.",
    ),
    Variable("AGNO_MAX_BODY_BYTES", _count, 32 * 2**20, "Maximum body of a request; an import is one body."),
    Variable("AGNO_MAX_CONNECTIONS", _number, 512, "Maximum client connections; further ones are not accepted."),
    Variable("AGNO_MAX_HEADER_BYTES", _count, 64 * 2**10, "Maximum size of all headers of a request together."),
    Variable(
        "AGNO_MAX_ANSWER_BYTES",
        _count,
        64 * 2**20,
        "Maximum memory of answers that clients have not read, per process; beyond it requests get 503.",
    ),
    Variable(
        "AGNO_COMPRESS_FROM_BYTES",
        _or_off(_count),
        32 * 2**10,
        "Minimum size of answers that are compressed for clients that accept gzip or zstd; `off` disables it.",
    ),
    Variable("AGNO_STARTUP_GRACE_SECONDS", _seconds, 10.0, "How long startup waits for an unreachable database."),
    Variable(
        "AGNO_DRAIN_SECONDS", _seconds, 5.0, "How long the service accepts requests after SIGTERM, while not ready."
    ),
    Variable("AGNO_SHUTDOWN_SECONDS", _seconds, 15.0, "How long running requests may then take to finish."),
    Variable("AGNO_TERMINATION_LOG", Path, Path("/dev/termination-log"), "Where a pod says why it won't start."),
    Variable(
        "AGNO_CORS_ORIGINS", _words, DEFAULT_ORIGINS, "Origins, separated by commas, whose pages may read answers."
    ),
)

AUTHENTICATION = (
    Variable(
        "AGNO_REQUIRE_AUTHENTICATION",
        _flag,
        False,
        "Do not start in open mode, for example with an empty key.",
    ),
    Variable("OS_SECURITY_KEY", _secret, None, "The single key that callers present, as in AgentOS."),
    Variable("OS_SECURITY_KEY_FILE", _secret_file, None, "A file that holds that key; read at start."),
    Variable(
        "AGNO_AUTHORIZATION", _flag, None, "Enforce the scopes of tokens; on with a key for tokens, unless `false`."
    ),
    Variable("JWT_VERIFICATION_KEY", _secret, None, "The key, or PEM public key, that verifies tokens."),
    Variable("JWT_VERIFICATION_KEY_FILE", _secret_file, None, "A file that holds that key; read at start."),
    Variable(
        "JWT_JWKS_FILE", Path, None, "A file of public keys (JWKS) that verify tokens; read again when it changes."
    ),
    Variable("AGNO_JWT_JWKS_URL", jwks_url, None, "A URL of public keys (JWKS) that verify tokens; fetched regularly."),
    Variable("AGNO_JWT_ALGORITHM", str, DEFAULT_ALGORITHM, "The only accepted algorithm of token signatures."),
    Variable(
        "AGNO_JWT_VERIFY_AUDIENCE",
        _flag,
        None,
        "Reject tokens that are not for AGNO_JWT_AUDIENCE; on if that is set, unless `false`.",
    ),
    Variable("AGNO_JWT_AUDIENCE", _audiences, (), "Accepted audiences, separated by commas; by default AGNO_OS_ID."),
    Variable("AGNO_JWT_ISSUER", str, None, "The issuer that tokens must name."),
    Variable("AGNO_JWT_ADMIN_SCOPE", str, DEFAULT_ADMIN_SCOPE, "The scope that grants everything."),
    Variable("AGNO_JWT_DATABASES_CLAIM", str, None, "The claim with the ids of the databases that a token may reach."),
    Variable(
        "AGNO_SERVICE_ACCOUNTS_DB_ID",
        database_id,
        None,
        "The database with the service accounts of an AgentOS, whose tokens (`agno_pat_…`) are then accepted.",
    ),
    Variable("AGNO_SERVICE_ACCOUNTS_TABLE", str, "agno_service_accounts", "The table of these accounts."),
    Variable(
        "AGNO_SERVICE_ACCOUNTS_CACHE_SECONDS",
        _seconds,
        30.0,
        "How long the account of a token is cached, even if it is revoked meanwhile.",
    ),
    Variable("AGNO_OS_ID", str, None, "The id of the AgentOS that this service represents."),
    Variable(
        "AGNO_USER_ISOLATION",
        _flag,
        None,
        "Show callers with a token only their own sessions; on with a key for tokens, unless `false`.",
    ),
)

VARIABLES = (*_OPERATION, *AUTHENTICATION)


def read(variable: Variable, environment: Mapping[str, str]) -> Any:
    text = environment.get(variable.name, "")
    if not text:
        return variable.default
    try:
        return variable.read(text)
    except ValueError as error:
        raise BadSetting(f"{variable.name}: {error}") from None
