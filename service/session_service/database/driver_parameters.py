"""Separates the parameters of a DSN that libpq knows from those of other drivers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

# Only these drivers know them; none changes which rows a statement finds.
_OTHERS = frozenset(
    {
        # asyncpg, and SQLAlchemy's dialect for it
        "async_creator_fn",
        "async_fallback",
        "command_timeout",
        "direct_tls",
        "max_cacheable_statement_size",
        "max_cached_statement_lifetime",
        "prepared_statement_cache_size",
        "prepared_statement_name_func",
        "statement_cache_size",
        # psycopg
        "prepare_threshold",
        # pgx and pgxpool
        "default_query_exec_mode",
        "description_cache_capacity",
        "min_read_buffer_size",
        "pool_health_check_period",
        "pool_max_conn_idle_time",
        "pool_max_conn_lifetime",
        "pool_max_conn_lifetime_jitter",
        "pool_min_conns",
        "pool_min_idle_conns",
        "prefer_simple_protocol",
        "statement_cache_capacity",
        "statement_cache_mode",
        # written by managed poolers into their DSNs for Prisma
        "connection_limit",
        "pgbouncer",
        "pool_timeout",
    }
)
# pgx's, which the service uses
_UNDERSTOOD = frozenset({"search_path", "pool_max_conns"})

_URI = re.compile(r"^(postgres(?:ql)?)(\+\w+)?://")
_WORD = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|$)")
_HOST_AND_PORT = re.compile(r"([^:,\[\]]+):(\d*)")


@dataclass(frozen=True, slots=True)
class Parted:
    """A DSN for libpq, the parameters of pgx that the service uses, and the names of dropped ones."""

    text: str
    understood: dict[str, str]
    dropped: tuple[str, ...]


def parted(text: str) -> Parted:
    """Separate a DSN in any form. An unreadable one is left to libpq, which reports what is wrong."""
    if scheme := _URI.match(text):
        return _parted_uri(scheme, text[scheme.end() :])
    return _parted_words(text)


def _parted_uri(scheme: re.Match[str], rest: str) -> Parted:
    address, _, query = rest.partition("?")
    if scheme[2] is None:  # libpq, unlike SQLAlchemy, takes a plus literally
        query = query.replace("+", "%2B")
    pairs = [("sslmode" if key == "ssl" else key, value) for key, value in parse_qsl(query, keep_blank_values=True)]
    kept = [(key, value) for key, value in pairs if key not in _OTHERS and key not in _UNDERSTOOD]
    hosts = [value for key, value in kept if key == "host"]
    if any(_HOST_AND_PORT.fullmatch(host) for each in hosts for host in each.split(",")) or len(hosts) > 1:
        kept = [pair for pair in kept if pair[0] not in {"host", "port"}] + _places(hosts, dict(kept).get("port"))
    options = f"?{urlencode(kept, quote_via=quote)}" if kept else ""
    return _found(f"{scheme[1]}://{address}{options}", pairs)


def _places(hosts: list[str], port: str | None) -> list[tuple[str, str]]:
    """Convert SQLAlchemy's `host=a:1&host=b:2` to libpq's lists."""
    places = [_HOST_AND_PORT.fullmatch(host) or host for each in hosts for host in each.split(",")]
    names = [place if isinstance(place, str) else place[1] for place in places]
    ports = [port or "" if isinstance(place, str) else place[2] for place in places]
    return [("host", ",".join(names)), ("port", ",".join(ports))]


def _parted_words(text: str) -> Parted:
    words, end = [], 0
    while word := _WORD.match(text, end):
        words.append(word)
        end = word.end()
    if text[end:].strip():
        return Parted(text, {}, ())
    kept = [word[0].strip() for word in words if word[1] not in _OTHERS and word[1] not in _UNDERSTOOD]
    values = [(word[1], re.sub(r"\\(.)", r"\1", word[2].removeprefix("'").removesuffix("'"))) for word in words]
    return _found(" ".join(kept), values)


def _found(text: str, pairs: list[tuple[str, str]]) -> Parted:
    return Parted(
        text,
        {key: value for key, value in pairs if key in _UNDERSTOOD and value},
        tuple(sorted({key for key, _ in pairs} & _OTHERS)),
    )
