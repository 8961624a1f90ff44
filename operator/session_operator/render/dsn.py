"""Adds parameters to a DSN and reads its ports, in both forms that libpq accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

DEFAULT_PORT = 5432
# a quoted value, such as a password, may contain what looks like a word
_WORD = re.compile(r"""\s*(\w+)\s*=\s*('(?:\\.|[^'\\])*'|(?:\\.|[^\s'\\])*)(?=\s|$)""")


def with_parameters(dsn: str, parameters: Mapping[str, str]) -> str:
    """Add connection parameters. They override those of the same name, because libpq uses the last of several."""
    if not parameters:
        return dsn
    if "://" not in dsn:
        return " ".join((dsn, *(f"{name}='{value}'" for name, value in parameters.items())))
    joint = "&" if _query(dsn) is not None else "?"
    return dsn + joint + urlencode(parameters, quote_via=quote, safe="/")


def ports(dsn: str) -> frozenset[int]:
    """The ports of a DSN. For an invalid DSN the default port: the service then reports what is wrong."""
    if "://" not in dsn:
        return _numbers(_words(dsn).get("port", "").strip("'").split(","))
    hosts = _address(dsn).partition("/")[0].partition("?")[0]
    found = [match[1] for host in hosts.split(",") if (match := re.search(r":([0-9]*)$", host))]
    if named := dict(parse_qsl(_query(dsn) or "")).get("port"):
        return _numbers(named.split(","))
    return _numbers(found, hosts=hosts.count(",") + 1)


def _words(dsn: str) -> dict[str, str]:
    """The `key=value` words up to the first invalid one; of several, libpq uses the last."""
    words, end = {}, 0
    while word := _WORD.match(dsn, end):
        words[word[1]] = word[2]
        end = word.end()
    return words


def _address(dsn: str) -> str:
    """The text after the scheme and the credentials, whose password may contain a question mark."""
    rest = dsn.partition("://")[2]
    credentials, at, address = rest.partition("@")
    return address if at and "/" not in credentials else rest


def _query(dsn: str) -> str | None:
    _, mark, query = _address(dsn).partition("?")
    return query if mark else None


def _numbers(texts: list[str], *, hosts: int = 1) -> frozenset[int]:
    """The given ports, and the default one for hosts without a port."""
    numbers = [int(text) for text in texts if re.fullmatch("[0-9]{1,5}", text) and 0 < int(text) < 65536]
    return frozenset(numbers if len(numbers) >= hosts else [*numbers, DEFAULT_PORT])
