"""A DSN as text: parameters are added to it and its ports are read, in both forms that libpq takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

DEFAULT_PORT = 5432
# a quoted value may hold what looks like a word: a password does
_WORD = re.compile(r"""\s*(\w+)\s*=\s*('(?:\\.|[^'\\])*'|(?:\\.|[^\s'\\])*)(?=\s|$)""")


def with_parameters(dsn: str, parameters: Mapping[str, str]) -> str:
    """Add connection parameters, which outweigh those of the same name: of several, libpq takes the last."""
    if not parameters:
        return dsn
    if "://" not in dsn:
        return " ".join((dsn, *(f"{name}='{value}'" for name, value in parameters.items())))
    joint = "&" if _query(dsn) is not None else "?"
    return dsn + joint + urlencode(parameters, quote_via=quote, safe="/")


def ports(dsn: str) -> frozenset[int]:
    """The ports that a DSN leads to. Of what is no DSN, the default port: the service says what is wrong with it."""
    if "://" not in dsn:
        return _numbers(_words(dsn).get("port", "").strip("'").split(","))
    hosts = _address(dsn).partition("/")[0].partition("?")[0]
    found = [match[1] for host in hosts.split(",") if (match := re.search(r":([0-9]*)$", host))]
    if named := dict(parse_qsl(_query(dsn) or "")).get("port"):
        return _numbers(named.split(","))
    return _numbers(found, hosts=hosts.count(",") + 1)


def _words(dsn: str) -> dict[str, str]:
    """The `key=value` words up to where they are none; of several, libpq takes the last."""
    words, end = {}, 0
    while word := _WORD.match(dsn, end):
        words[word[1]] = word[2]
        end = word.end()
    return words


def _address(dsn: str) -> str:
    """What follows the scheme and the credentials, whose password may hold a question mark."""
    rest = dsn.partition("://")[2]
    credentials, at, address = rest.partition("@")
    return address if at and "/" not in credentials else rest


def _query(dsn: str) -> str | None:
    _, mark, query = _address(dsn).partition("?")
    return query if mark else None


def _numbers(texts: list[str], *, hosts: int = 1) -> frozenset[int]:
    """The ports written, and the default one for hosts that have none."""
    numbers = [int(text) for text in texts if re.fullmatch("[0-9]{1,5}", text) and 0 < int(text) < 65536]
    return frozenset(numbers if len(numbers) >= hosts else [*numbers, DEFAULT_PORT])
