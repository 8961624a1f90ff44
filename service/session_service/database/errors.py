"""What can go wrong between us and a database, in words that are safe to show: never a DSN, never SQL."""

from __future__ import annotations

import psycopg2


class DatabaseError(Exception):
    """Any failure of a database. `reason` is one CamelCase word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Refused(DatabaseError):
    """The database answers, and will not have us: wrong password, no such database, no privilege, malformed DSN."""


class Forbidden(Refused):
    """One statement is more than we may do here: no privilege, or a read-only replica. Others may succeed."""


class Unavailable(DatabaseError):
    """The database is out of reach or shutting down: another try may succeed."""


class TimedOut(DatabaseError):
    """A statement was given up after its time limit."""


class LayoutChanged(DatabaseError):
    """A table or column that the statement names is gone (42P01, 42703) or its schema is (3F000)."""


class StatementFailed(DatabaseError):
    """The database refused one statement for another reason; `reason` is its SQLSTATE."""


# libpq gives no SQLSTATE for a failed connection, only the server's text.
_REFUSALS = (
    ("password authentication failed", "InvalidPassword"),
    ("no password supplied", "InvalidPassword"),
    ("authentication failed", "AccessDenied"),
    ("pg_hba.conf", "AccessDenied"),
    ("permission denied", "InsufficientPrivilege"),
    ("is not permitted to log in", "AccessDenied"),
    ("not currently accepting connections", "AccessDenied"),
    ("server does not support SSL", "TlsRefused"),
    ("certificate", "TlsRefused"),
    ("role ", "NoSuchRole"),
    ("database ", "NoSuchDatabase"),
)
_PASSING = (
    ("the database system is", "StartingUp"),
    ("too many clients", "TooManyConnections"),
    ("too many connections", "TooManyConnections"),
    ("remaining connection slots", "TooManyConnections"),
    ("terminating connection", "ShuttingDown"),
)


def connect_error(error: Exception) -> DatabaseError:
    """Why a connection could not be made: `Refused` where a person has to mend it, else `Unavailable`."""
    text = str(error)
    for part, reason in _PASSING:
        if part in text:
            return Unavailable(reason, "the database is not taking connections")
    if any(part in text for part in ("FATAL", "no password supplied", "certificate", "does not support SSL")):
        reason = next((reason for part, reason in _REFUSALS if part in text), "ConnectionRefused")
        return Refused(reason, "the database refuses the connection")
    return Unavailable("Unreachable", "the database is out of reach")


def statement_error(error: psycopg2.Error) -> DatabaseError:
    """Why a statement failed, by SQLSTATE. A lost connection has none."""
    code = error.pgcode
    if code is None or (code[:2] in {"08", "57"} and code != "57014"):
        return Unavailable("ConnectionLost", "the connection to the database was lost")
    if code == "57014":
        return TimedOut("StatementTimeout", "the statement ran into its time limit")
    if code[:2] == "53":
        return Unavailable("TooManyConnections" if code == "53300" else "OutOfResources", "the database is overloaded")
    if code in {"42P01", "42703", "3F000"}:
        return LayoutChanged("LayoutChanged", "a table or column of agno is missing")
    if code == "42501":
        return Forbidden("InsufficientPrivilege", "the database user lacks a privilege on agno's tables")
    if code == "25006":
        return Forbidden("ReadOnlyDatabase", "the database takes no writes: it is a read-only replica")
    return StatementFailed(code, f"the database refused the statement (SQLSTATE {code})")
