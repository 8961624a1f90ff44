"""What one request does to AgentOS or to the service: its answer, and the rows that it leaves behind."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from re import Match
from typing import Any

from .comparison import TIMESTAMP, UUID, differences
from .exact import exact
from .exchange import Answer, Request
from .postgres import Rows
from .servers import Server

# Who answered and when, and what the service tells besides (docs/reference/logs.md).
HEADERS_ASIDE = {"date", "server", "content-length", "x-request-id", "server-timing"}
STARTED = int(time.time())
Statement = tuple[str, list[Any]]


@dataclass(frozen=True)
class Outcome:
    """Values that depend on the clock or on chance are marked, the same one alike wherever it stands."""

    status: int
    headers: dict[str, str]
    body: Any
    rows: Rows


@dataclass
class Mark:
    """Marks moments since `began`, and ids that are not `known`."""

    began: int
    known: str
    ids: dict[str, str] = field(default_factory=dict)

    def __call__(self, value: Any) -> Any:
        """The value with marks in it."""
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, str):
            return UUID.sub(self._id, TIMESTAMP.sub(self._moment, value))
        return "<now>" if type(value) is int and self._is_now(value) else value

    def _is_now(self, seconds: float) -> bool:
        return self.began <= seconds <= time.time()

    def _moment(self, match: Match[str]) -> str:
        return "<now>" if self._is_now(datetime.fromisoformat(match[0]).timestamp()) else match[0]

    def _id(self, match: Match[str]) -> str:
        return match[0] if match[0] in self.known else self.ids.setdefault(match[0], f"<new id {len(self.ids)}>")


def observe(server: Server, request: Request, prepare: Iterable[Statement] = ()) -> Outcome:
    """Have a server answer a request on the rows of its dataset, once these statements have changed them."""
    database = server.fresh().database
    before = database.pristine
    for statement, values in prepare:
        database.touched = True
        database.run(statement, *values)
    health = request.path.split("?")[0].rstrip("/") == "/health"  # it tells when its process began
    mark = Mark(STARTED if health else int(time.time()), f"{before}{request}")
    answer = server.ask(request)
    rows = database.rows()
    database.touched |= rows != before
    headers = {name: value for name, value in answer.headers.items() if name not in HEADERS_ASIDE}
    return Outcome(answer.status, headers, mark(body(answer)), mark(rows))


def body(answer: Answer) -> Any:
    """The exact JSON of an answer, text as it is, None for nothing."""
    if answer.headers.get("content-type") == "application/json" and answer.content:
        return exact(answer.content)
    return answer.content or None


def departures(expected: Outcome, got: Outcome) -> list[str]:
    """Where an outcome is not the expected one. How JSON is spaced, escaped and its numbers are written is not told."""
    return [
        *differences(expected.status, got.status, "status"),
        *differences(dict(sorted(expected.headers.items())), dict(sorted(got.headers.items())), "headers"),
        *differences(expected.body, got.body),
        *row_differences(expected.rows, got.rows),
    ]


def row_differences(expected: Rows, got: Rows) -> Iterator[str]:
    """Rows that are in one of both only."""
    for table in sorted(expected.keys() | got.keys()):
        wanted, there = (Counter(repr(ordered(row)) for row in rows.get(table, ())) for rows in (expected, got))
        yield from (f"{table}: expected the row {row}" for row in (wanted - there).elements())
        yield from (f"{table}: did not expect the row {row}" for row in (there - wanted).elements())


def ordered(value: Any) -> Any:
    """The value with its keys in order: in a row theirs says nothing."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(item) for item in value] if isinstance(value, list) else value
