"""The DSN map: the database ids in order, and the place of the sessions of each (docs/reference/dsn-map.md)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NewType

from .dsn import Dsn

log = logging.getLogger(__name__)


# the pattern of a SessionStore; ids appear in logs, metrics and answers, so a DSN must not pass as one
DATABASE_ID = "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
LONGEST_DATABASE_ID = 128
DatabaseId = NewType("DatabaseId", str)

ACCOUNTS_VARIABLE = "AGNO_SERVICE_ACCOUNTS_DB_ID"

_ID_FORM = "write letters, digits, '.', '_' and '-', 128 at the most, as main"


class BadDsnMap(ValueError):
    """The map is invalid. The message names the id and the key, but never a value or what may be a misplaced one."""


def database_id(text: str) -> DatabaseId:
    """Check a database id. Raises ValueError, which does not repeat it."""
    if len(text) > LONGEST_DATABASE_ID or not re.fullmatch(DATABASE_ID, text):
        raise ValueError(_ID_FORM)
    return DatabaseId(text)


@dataclass(frozen=True, slots=True)
class Source:
    """One source of an id: its DSN, that of its read-only replica if any, and the names of agno's tables."""

    dsn: Dsn
    schema: str = "ai"
    session_table: str = "agno_sessions"
    runs_table: str = "agno_runs"
    pool_size: int = 10
    statement_timeout: float = 30.0
    max_waiting: int = 500
    read_only_dsn: Dsn | None = None

    @property
    def access(self) -> tuple[object, ...]:
        """The fields that determine a pool; the others are names of tables."""
        return self.dsn, self.read_only_dsn, self.pool_size, self.max_waiting, self.statement_timeout

    @property
    def replica(self) -> Source | None:
        """The same tables on the read-only replica, if there is one."""
        return None if self.read_only_dsn is None else replace(self, dsn=self.read_only_dsn, read_only_dsn=None)


@dataclass(frozen=True, slots=True)
class DsnMap:
    """Database ids in order, each with its sources; the first source of an id answers requests without `table`."""

    sources: dict[DatabaseId, tuple[Source, ...]]
    default: DatabaseId

    @classmethod
    def of_one(cls, dsn: str, default: DatabaseId | None, schema: str | None = None) -> DsnMap:
        """A map of one database with the id `default`, for `AGNO_PG_DSN` and `DATABASE_URL`."""
        id = DatabaseId("default")
        return _with_default({id: (_source(id, {"dsn": dsn}, schema),)}, default)

    @classmethod
    def parse(cls, text: str, default: DatabaseId | None, schema: str | None = None) -> DsnMap:
        """Parse the JSON text of a map. Raises BadDsnMap.

        `default` is the id in `AGNO_DEFAULT_DB_ID`, if any; `schema`, from `AGNO_SESSION_SCHEMA`, applies to databases
        without a schema in the map.
        """
        entries = _read(text)
        if not isinstance(entries, dict) or not entries:
            raise BadDsnMap('it must be a JSON object with at least one database: {"main": "postgresql://…"}')
        ids = [_id(number, key) for number, key in enumerate(entries, 1)]
        return _with_default({id: tuple(_sources(id, entries[id], schema)) for id in ids}, default)

    def having(self, id: DatabaseId | None, variable: str) -> DsnMap:
        """Return the map itself. Raises BadDsnMap if it lacks the id that a variable names."""
        if id is not None and id not in self.sources:
            raise BadDsnMap(f"{variable} names {id!r}, which it lacks; it has: {', '.join(self.sources)}")
        return self


@dataclass(frozen=True, slots=True)
class DsnFile:
    """A file that holds a map or, if `single`, the DSN of one database; `default` and `schema` are as in `parse`.

    `accounts`: the database of service accounts, if any, which the map must contain.
    """

    path: Path
    single: bool = False
    default: DatabaseId | None = None
    schema: str | None = None
    accounts: DatabaseId | None = None

    def load(self) -> DsnMap:
        """Read and parse the file. Raises BadDsnMap."""
        return self._load().having(self.accounts, ACCOUNTS_VARIABLE)

    def _load(self) -> DsnMap:
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadDsnMap(f"the file {self.path} can't be read: {type(error).__name__}") from None
        if not self.single:
            return DsnMap.parse(text, self.default, self.schema)
        if not text.strip():
            raise BadDsnMap(f"the file {self.path} is empty")
        return DsnMap.of_one(text, self.default, self.schema)


def _with_default(sources: dict[DatabaseId, tuple[Source, ...]], default: DatabaseId | None) -> DsnMap:
    return DsnMap(sources, default or next(iter(sources))).having(default, "AGNO_DEFAULT_DB_ID")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        named = f"the key {twice!r}" if re.fullmatch(DATABASE_ID, twice) else "a key"
        raise BadDsnMap(f"{named} appears in it twice")
    return found


def _read(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise BadDsnMap(f"it is not JSON: line {error.lineno}, column {error.colno}") from None
    except BadDsnMap:
        raise
    except RecursionError:
        raise BadDsnMap("it is nested too deeply") from None
    except ValueError:  # an integer with more digits than sys.get_int_max_str_digits()
        raise BadDsnMap("a number in it is too long") from None


def _id(number: int, key: str) -> DatabaseId:
    try:
        return database_id(key)
    except ValueError as error:
        raise BadDsnMap(f"id {number} is none: {error}; if it is the DSN, swap the two") from None


def _sources(key: DatabaseId, value: Any, schema: str | None) -> Iterator[Source]:
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise BadDsnMap(f"{key!r} has no database")
    for entry in entries:
        yield _source(key, {"dsn": entry} if isinstance(entry, str) else entry, schema)


def _source(key: DatabaseId, entry: Any, schema: str | None) -> Source:
    if not isinstance(entry, dict):
        raise BadDsnMap(f"{key!r} must be a DSN or an object with a dsn")
    dsn = _take(key, entry, "dsn", str, None)
    if dsn is None:
        raise BadDsnMap(f"{key!r} has no dsn")
    pool = _take(key, entry, "pool", dict, {})
    read_only = _take(key, entry, "readOnlyDsn", str, None)
    known = {"dsn", "readOnlyDsn", "schema", "sessionTable", "runsTable", "pool", "statementTimeoutSeconds"}
    if unknown := (set(entry) - known) | {f"pool.{name}" for name in set(pool) - {"maxSize", "maxWaiting"}}:
        named = sorted(name for name in unknown if re.fullmatch(DATABASE_ID, name))
        raise BadDsnMap(f"{key!r} has an unknown key{': ' if named else ''}{', '.join(named)}")
    parsed = Dsn.parse(dsn)
    if parsed.dropped:
        log.debug("the DSN of %r has parameters that only other drivers use: %s", key, ", ".join(parsed.dropped))
    return Source(
        parsed,
        _name(key, entry, "schema", schema or parsed.schema or "ai"),
        _name(key, entry, "sessionTable", "agno_sessions"),
        _name(key, entry, "runsTable", "agno_runs"),
        _take(key, pool, "maxSize", int, parsed.pool_size or 10),
        _take(key, entry, "statementTimeoutSeconds", int, 30),
        _take(key, pool, "maxWaiting", int, 500),
        None if read_only is None else Dsn.parse(read_only),
    )


def _name(key: DatabaseId, entry: dict[str, Any], name: str, default: str) -> str:
    """Check the name of a schema or table, which `session-service check` prints."""
    value: str = _take(key, entry, name, str, default)
    if "://" in value or "=" in value:
        raise BadDsnMap(f"{name} of {key!r} must be a name, not a DSN")
    return value


def _take(key: DatabaseId, entry: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    value = entry.get(name, default)
    if value is default:
        return default
    positive = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if not isinstance(value, kind) or value == "" or (kind is int and not positive):
        wanted = {str: "a text that is not empty", int: "a whole number above 0", dict: "an object"}[kind]
        raise BadDsnMap(f"{name} of {key!r} must be {wanted}")
    return value
