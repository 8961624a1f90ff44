"""Errors of databases, with messages that are safe to show: they contain no DSN and no SQL.

The tables are those of docs/reference/errors.md.
"""

from __future__ import annotations

import re
from socket import gaierror
from typing import Self

import psycopg2

from .libpq import KEYWORDS


class DatabaseError(Exception):
    """Any failure of a database. `reason` is one CamelCase word; `retry_after` is in seconds."""

    def __init__(self, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after

    def again(self, retry_after: float | None = None) -> Self:
        """The same failure, for another caller."""
        return type(self)(self.reason, str(self), retry_after)


class Refused(DatabaseError):
    """The server rejects us: wrong password, no such database, no privilege, malformed DSN.

    Or its tables are unreadable: `column` is agno's column that can't be read.
    """

    def __init__(
        self, reason: str, message: str, retry_after: float | None = None, *, column: str | None = None
    ) -> None:
        super().__init__(reason, message, retry_after)
        self.column = column


class Forbidden(Refused):
    """One statement can't run here: no privilege, a view, or a read-only replica. Other statements may succeed."""


class Unavailable(DatabaseError):
    """The database is unreachable, shutting down or overloaded: a retry may succeed."""


class TimedOut(DatabaseError):
    """A statement exceeded its time limit."""


class LayoutChanged(DatabaseError):
    """A table, column or schema that the statement names no longer exists, or a column has another type."""


class Conflict(Unavailable):
    """The statement conflicted with another, or with the replay of a replica, and was rolled back without effect."""


class StatementFailed(DatabaseError):
    """One statement failed for another reason; `reason` is its SQLSTATE."""


class Unstorable(StatementFailed):
    """The database can't store a value of the statement."""


Kind = type[DatabaseError]

# SQLSTATEs and their classes; the first that matches counts, and without a match it is `StatementFailed`
STATEMENT_ERRORS: tuple[tuple[str, Kind, str, str], ...] = (
    ("57014", TimedOut, "StatementTimeout", "the statement exceeded its time limit"),
    ("57", Unavailable, "ConnectionLost", "the connection to the database was lost"),
    ("08", Unavailable, "ConnectionLost", "the connection to the database was lost"),
    ("40001", Conflict, "Conflict", "the statement conflicted with another one"),
    ("40P01", Conflict, "Conflict", "the statement conflicted with another one"),
    ("55P03", Conflict, "Conflict", "the statement conflicted with another one"),
    ("53300", Unavailable, "TooManyConnections", "the database is overloaded"),
    ("53", Unavailable, "OutOfResources", "the database is overloaded"),
    ("58", Unavailable, "OutOfResources", "the database server has a disk problem"),
    *(
        (state, LayoutChanged, "LayoutChanged", "a table or column of agno is missing, or of another type")
        for state in ("42P01", "42703", "3F000", "42883", "42804", "42846")
    ),
    ("42501", Forbidden, "InsufficientPrivilege", "the database user lacks a privilege on agno's tables"),
    *(
        (state, Forbidden, "NotWritable", "agno's table is a view, or of another kind that takes no such statement")
        for state in ("0A000", "42809", "428C9", "55000")
    ),
    ("25006", Forbidden, "ReadOnlyDatabase", "the database accepts no writes: it is a read-only replica"),
    ("22", Unstorable, "", "the database can't store this value"),
    ("54", Unstorable, "", "the database can't store this value"),
)

# the same for failed connects
CONNECT_ERRORS: tuple[tuple[str, Kind, str], ...] = (
    ("28P01", Refused, "InvalidPassword"),
    ("28", Refused, "AccessDenied"),
    ("3D000", Refused, "NoSuchDatabase"),
    ("42501", Refused, "InsufficientPrivilege"),
    ("55000", Refused, "AccessDenied"),
    ("53300", Unavailable, "TooManyConnections"),
    ("53", Unavailable, "OutOfResources"),
    ("57P03", Unavailable, "StartingUp"),
    ("57", Unavailable, "ShuttingDown"),
    ("08", Unavailable, "Unreachable"),
)

OUT_OF_REACH = {
    "UnknownHost": "its host name can't be resolved",
    "NotListening": "no server listens at its address",
    "ConnectTimeout": "its address does not answer in time",
    "TlsFailed": "the connection broke during the TLS handshake",
    "Unreachable": "the database is out of reach",
}
"""Why no server was reached, and the words for it."""

# Messages of libpq itself, or of PgBouncer under a general SQLSTATE; both are always in English.
WORDS: tuple[tuple[str, Kind, str], ...] = (
    ("no password supplied", Refused, "InvalidPassword"),
    ("server does not support SSL", Refused, "TlsRefused"),
    ("channel binding", Refused, "TlsRefused"),
    ("certificate", Refused, "TlsRefused"),
    ("SSL error", Refused, "TlsRefused"),
    ("SSL SYSCALL error", Unavailable, "TlsFailed"),
    ("no such database", Refused, "NoSuchDatabase"),
    ("no such user", Refused, "NoSuchRole"),
    ("password authentication failed", Refused, "InvalidPassword"),
    ("Connection refused", Unavailable, "NotListening"),
    ("Is the server running locally", Unavailable, "NotListening"),
    ("timed out", Unavailable, "ConnectTimeout"),
    ("timeout expired", Unavailable, "ConnectTimeout"),
    ("could not translate host name", Unavailable, "UnknownHost"),
)

# What libpq rejects before it connects: a pattern, and libpq's message without its quotes.
_MISTAKES = (
    (r'invalid "?(\w+)"? value: ', "invalid {} value"),
    (r'invalid integer value ".*" for connection option "(\w+)"', "invalid integer value for {}"),
    (r"could not match \d+ (\w+) (?:names|numbers) to", "as many hosts, addresses and ports must be given"),
    (r"could not parse network address", "could not parse network address of hostaddr"),
    (r"definition of service .* not found", "definition of service not found"),
    (r"service file .* not found", "service file not found"),
    (r"syntax error in service file", "syntax error in service file"),
    (r"invalid SSL protocol version range", "invalid SSL protocol version range"),
    (r"weak sslmode .* may not be used", "weak sslmode may not be used with these parameters"),
    (r"GSSAPI encryption required but", "GSSAPI encryption required, but not available"),
)

# severity, two spaces, SQLSTATE, as libpq prints them
_SQLSTATE = re.compile(r":  ([0-9A-Z]{5}): ")


def connect_error(error: Exception) -> DatabaseError:
    """The error for a failed connect: `Refused` if a person has to correct something, else `Unavailable`.

    libpq keeps only the text of a failed connect. In verbose form it contains the SQLSTATE, which is the same in every
    language of the server.
    """
    if isinstance(error, gaierror):
        return _connect_error(Unavailable, "UnknownHost")
    if isinstance(error, TimeoutError):
        return _connect_error(Unavailable, "ConnectTimeout")
    text = str(error)
    if mistake := _mistake(text):
        return malformed(mistake)
    found = _SQLSTATE.search(text)
    code = found[1] if found else ""
    if code == "28000" and "does not exist" in text:  # a role that may not log in has the same SQLSTATE
        return _connect_error(Refused, "NoSuchRole")
    for state, kind, reason in CONNECT_ERRORS:
        if code.startswith(state) and state != "08":
            return _connect_error(kind, reason)
    for part, kind, reason in WORDS:
        if part in text:
            return _connect_error(kind, reason)
    if code and not code.startswith("08"):
        return _connect_error(Refused, "ConnectionRefused")
    return _connect_error(Unavailable, "Unreachable")


def _connect_error(kind: Kind, reason: str) -> DatabaseError:
    if kind is Refused:
        return Refused(reason, "the database refuses the connection")
    return Unavailable(reason, OUT_OF_REACH.get(reason, "the database does not accept connections"))


def _mistake(text: str) -> str | None:
    for pattern, words in _MISTAKES:
        if found := re.search(pattern, text):
            name = found[1] if found.re.groups else ""
            return words.format(name if name in KEYWORDS else "parameter")
    return None


def malformed(problem: str) -> Refused:
    """The error for an invalid DSN; `problem` repeats no value of it."""
    return Refused("MalformedDsn", f"the DSN is malformed: {problem}")


def statement_error(error: psycopg2.Error) -> DatabaseError:
    """The error for a failed statement, by SQLSTATE; a lost connection has none."""
    code = error.pgcode or "08000"
    for state, kind, reason, message in STATEMENT_ERRORS:
        if code.startswith(state):
            return kind(reason or code, message if reason else f"{message} (SQLSTATE {code})")
    return StatementFailed(code, f"the database refused the statement (SQLSTATE {code})")
