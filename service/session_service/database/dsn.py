"""A DSN in any form that people have it in, as the one that libpq takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

import psycopg2
import psycopg2.extensions

_SQLALCHEMY_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+://")

# A dead peer must be noticed in seconds; whoever sets one of these in the DSN is left alone.
_DEFAULTS = {
    "application_name": "agno-session-service",
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


@dataclass(frozen=True, slots=True)
class Dsn:
    """Where a database is and who we are there. Holds a password: never printed, compared only.

    `problem` says what is wrong with a text that is no DSN, without repeating it: such a database refuses us, and the
    others of the map serve.
    """

    text: str = field(repr=False)
    problem: str | None = None

    @classmethod
    def parse(cls, text: str) -> Dsn:
        """Take `postgres://`, `postgresql://`, `key=value` words, or SQLAlchemy's `postgresql+driver://`."""
        try:
            words = psycopg2.extensions.parse_dsn(_without_driver(text.strip()))
        except psycopg2.Error as error:
            return cls("", _reason(str(error)))
        if not words:
            return cls("", "it is empty")
        if not all(_is_port(port) for port in words.get("port", "").split(",")):
            return cls("", "its port is not a number from 1 to 65535")
        return cls(psycopg2.extensions.make_dsn(**(_DEFAULTS | words)))


def _is_port(text: str) -> bool:
    """Libpq looks at ports only as it connects. A list of hosts has a list of ports, each of which may be empty."""
    return not text or (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535)


def _without_driver(text: str) -> str:
    if not _SQLALCHEMY_DRIVER.match(text):
        return text
    address, _, query = _SQLALCHEMY_DRIVER.sub(r"\1://", text).partition("?")
    # asyncpg's name for what libpq calls sslmode
    options = [("sslmode" if key == "ssl" else key, value) for key, value in parse_qsl(query, keep_blank_values=True)]
    return f"{address}?{urlencode(options, quote_via=quote)}" if options else address


def _reason(message: str) -> str:
    """Give libpq's reason without the value that it quotes, which may be a password; a parameter's name is safe."""
    if unknown := re.search(r'invalid (?:URI query parameter|connection option)[^"]*"(\w+)"', message):
        return f"it has a parameter that libpq does not know: {unknown[1]}"
    return "write postgresql://user:password@host:5432/dbname or host=… dbname=… user=… password=…"
