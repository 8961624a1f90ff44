"""Ask two servers of the session API the same questions, and tell where their answers differ. It only reads."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

PAGE = 20
LISTS = ("", "sort_order=asc", "sort_by=updated_at", "type=agent", "type=team", "type=workflow", "limit=1", "page=2")
PARTS = ("", "/runs", "/run-previews")

Answer = tuple[int, Any]


def ask(base: str, path: str, query: str, headers: list[str]) -> Answer:
    """The status, and the body without the time that a search took."""
    url = f"{base.rstrip('/')}{path}{'?' if query else ''}{query}"
    request = urllib.request.Request(url, headers=dict(header.split(": ", 1) for header in headers))
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    try:
        found = json.loads(body)
    except ValueError:
        return status, body.decode(errors="replace")
    if isinstance(found, dict) and isinstance(found.get("meta"), dict):
        found["meta"].pop("search_time_ms", None)
    return status, found


def differences(first: Any, second: Any, place: str = "") -> Iterator[str]:
    """Where two values differ, by JSON pointer; the order of members does not count."""
    if isinstance(first, dict) and isinstance(second, dict):
        for name in first.keys() | second.keys():
            missing = f"{place}/{name}: only in the {'first' if name in first else 'second'}"
            both = name in first and name in second
            yield from differences(first[name], second[name], f"{place}/{name}") if both else [missing]
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, pair in enumerate(zip(first, second, strict=True)):
            yield from differences(*pair, f"{place}/{number}")
    elif first != second or type(first) is not type(second):
        yield f"{place or '/'}: {_short(first)} and {_short(second)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"


def paths(base: str, count: int, query: str, headers: list[str]) -> Iterator[tuple[str, str]]:
    """What to ask: lists, then each of the newest sessions of the first server, with what else the query says."""
    for words in LISTS:
        yield "/sessions", "&".join(filter(None, (words, query)))
    for page in range(1, -(-count // PAGE) + 1):
        status, found = ask(base, "/sessions", "&".join(filter(None, (f"limit={PAGE}&page={page}", query))), headers)
        if status != 200 or not found["data"]:
            return
        for row in found["data"][: count - (page - 1) * PAGE]:
            for part in PARTS:
                yield f"/sessions/{quote(row['session_id'], safe='')}{part}", query


def main() -> int:
    """0 if all answers are the same, 1 if some differ, 2 if a server can't be asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", help="URL of the server that is trusted, such as http://127.0.0.1:7777")
    parser.add_argument("second", help="URL of the server to compare with it")
    parser.add_argument("--sessions", type=int, default=100, help="how many, from the newest (default: 100)")
    parser.add_argument("--query", default="", help="added to every request, such as db_id=archive")
    parser.add_argument("--header", action="append", default=[], help="of every request, as 'Name: value'; repeatable")
    words = parser.parse_args()
    asked = different = 0
    try:
        for path, query in paths(words.first, words.sessions, words.query, words.header):
            first, second = (ask(base, path, query, words.header) for base in (words.first, words.second))
            found = list(differences(first[1], second[1])) if first[0] == second[0] else [f"{first[0]} and {second[0]}"]
            asked, different = asked + 1, different + bool(found)
            for each in found:
                print(f"{path}{'?' if query else ''}{query}  {each}")
    except OSError as error:
        print(f"A server can't be asked: {error}", file=sys.stderr)
        return 2
    print(f"{asked} requests, {different} with different answers")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
