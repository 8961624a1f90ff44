"""Converts a DSN in any common form to the one that libpq accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches

import psycopg2
import psycopg2.extensions

from .driver_parameters import parted
from .libpq import KEYWORDS

# Notice a dead peer within seconds, unless the DSN sets one of these.
_DEFAULTS = {
    "application_name": "agno-session-service",
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
# Overrides the DSN, PGCLIENTENCODING, and the settings of role and database: statements and rows are UTF-8.
_PINNED = {"client_encoding": "UTF8"}

_FORM = "write postgresql://user:password@host:5432/dbname or host=… dbname=… user=… password=…"
_CHARACTERS = f"it holds a character that no DSN has; {_FORM}"
_ENCODE = "if its password holds @ : / ? # or %, write those as %40 %3A %2F %3F %23 %25"


@dataclass(frozen=True, slots=True)
class Dsn:
    """The address of a database and our credentials there. It contains a password, so it is compared but never printed.

    `problem` says what is wrong with an invalid DSN. It repeats only words that libpq knows, because any other part may
    be a password. Such a database counts as refused, and the others of the map serve.

    `schema` and `pool_size` come from pgx's `search_path` and `pool_max_conns`; `dropped` names parameters that only
    other drivers use.
    """

    text: str = field(repr=False)
    problem: str | None = None
    schema: str | None = field(default=None, repr=False)
    pool_size: int | None = field(default=None, repr=False)
    dropped: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, text: str) -> Dsn:
        """Parse `postgres://`, `postgresql://`, `key=value` words, or SQLAlchemy's `postgresql+driver://`."""
        if "\0" in text:  # libpq would stop there
            return cls("", _CHARACTERS)
        found = parted(text.strip())
        try:
            words = psycopg2.extensions.parse_dsn(found.text)
            if not words:
                return cls("", "it is empty")
            if problem := _problem(found.text, words):
                return cls("", problem)
            dsn = psycopg2.extensions.make_dsn(**(_DEFAULTS | words | _PINNED))
        except psycopg2.Error as error:
            return cls("", _reason(str(error)))
        except UnicodeEncodeError:
            return cls("", _CHARACTERS)
        size = found.understood.get("pool_max_conns", "")
        return cls(
            dsn,
            schema=_first_schema(found.understood.get("search_path", "")),
            pool_size=int(size) if re.fullmatch("[0-9]{1,4}", size) and int(size) else None,
            dropped=found.dropped,
        )

    @property
    def place(self) -> str:
        """Host and port for a person at a terminal who looks for a mistake; with a hint if they may be misread."""
        words = psycopg2.extensions.parse_dsn(self.text)
        if "@" in words.get("dbname", ""):  # the text after a slash in a password ends up there
            return _ENCODE
        hosts = words.get("host", words.get("hostaddr", "")).split(",")
        ports = words.get("port", "5432").split(",")
        ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
        return "; ".join(
            f"host {host!r}, port {port or 5432}" if host else f"the local socket, port {port or 5432}"
            for host, port in zip(hosts, ports, strict=True)
        )


def _problem(text: str, words: dict[str, str]) -> str | None:
    if any(char in value for value in words.values() for char in "\r\n"):
        return "it has more than one line"
    if "://" in text and text.partition("://")[2].partition("?")[0].partition("/")[0].count("@") > 1:
        return f"its address has more than one @: {_ENCODE}"
    # libpq checks ports only when it connects. A list of hosts has a list of ports, each of which may be empty.
    if not all(_is_port(port) for port in words.get("port", "").split(",")):
        return f"its port is not a number from 1 to 65535; {_ENCODE}"
    return None


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535)


def _first_schema(search_path: str) -> str | None:
    first = search_path.partition(",")[0].strip().strip('"')
    return None if not first or first.startswith("$") else first


def _reason(message: str) -> str:
    """The message of libpq without its quotes, because a name that it does not know may be a whole DSN."""
    if not (unknown := re.search(r'invalid (?:URI query parameter|connection option): ?"(.*)"|option "(.*)"', message)):
        return f"{_FORM}; {_ENCODE}" if "percent-encoded" in message else _FORM
    near = get_close_matches(unknown[1] or unknown[2] or "", KEYWORDS, n=1, cutoff=0.8)
    meant = f" (is {near[0]} meant?)" if near else ""
    return f"it has a parameter that libpq does not know{meant}; {_FORM}"
