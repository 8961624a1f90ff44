"""The service's own statements as pgbench scripts: what its store sends is recorded, never copied by hand."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from session_service.database.database import Database
from session_service.database.dsn import Dsn
from session_service.database.dsn_map import Source
from session_service.sessions.listing import list_row
from session_service.store.listing import SessionQuery
from session_service.store.owner import EVERYBODY, Only
from session_service.store.session_store import SessionStore
from session_service.store.writing import NewSession

from .dataset import FIRST_SESSION, FIRST_USER, START
from .loading import FIRST_BARE

# What stands for a value that changes with each request, and how pgbench makes it.
_VARIABLES = {
    str(FIRST_SESSION): ("id", "random({first}, {last})"),
    "new-session": ("new", "random(1, 9000000000000000000)"),
    str(FIRST_BARE): ("bare", f"{FIRST_BARE} + :client_id * {{{{each}}}} + :n"),
}


@dataclass
class _Recorder(Database):
    """The real database, with a note of every statement that went to it."""

    source: Source
    sent: list[tuple[str, Sequence[Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__("bench", self.source)

    async def read(self, sql: str, parameters: Sequence[Any] | None = None) -> Any:
        self.sent.append((sql, parameters or []))
        return await super().read(sql, parameters)

    async def write(self, sql: str, parameters: Sequence[Any] | None = None) -> Any:
        self.sent.append((sql, parameters or []))
        return await super().write(sql, parameters)

    async def stream(self, sql: str, parameters: Sequence[Any], batch: int) -> AsyncGenerator[Any, None]:
        self.sent.append((sql, parameters))
        async for rows in super().stream(sql, parameters, batch):
            yield rows


Statement = tuple[str, Sequence[Any]]


async def _record(dsn: str) -> dict[str, list[Statement]]:
    source = Source(Dsn(dsn))
    database = _Recorder(source)
    store = SessionStore(database, source)
    sessions = store.on_behalf_of(EVERYBODY)
    await store.layout()
    recorded: dict[str, list[Statement]] = {}

    def note(route: str) -> None:
        recorded[route] = database.sent[:]
        database.sent.clear()

    database.sent.clear()
    try:
        for _ in range(2):  # what a second request no longer asks is not part of a request
            await sessions.session(str(FIRST_SESSION))
            note("detail")
            await sessions.first_runs(str(FIRST_SESSION))
            note("runs")
            await sessions.rename(str(FIRST_SESSION), None, '"A name given by the user"')
            note("rename")
            new = NewSession(
                *("new-session", "agent", "agent-1", str(FIRST_USER)),
                '{"session_name": "A new session", "session_state": {"step": 1, "city": "Seoul"}}',
                *('{"source": "web"}', START),
            )
            await sessions.create(new)
            note("create")
            await sessions.delete(["new-session"])
            database.sent.clear()
            await sessions.delete([str(FIRST_BARE)])
            note("delete")
        for _ in range(3):  # last, for a page depends on what was written since the page before
            await sessions.page(SessionQuery(), list_row)
            note("list")
            await store.on_behalf_of(Only(str(FIRST_USER))).page(SessionQuery(), list_row)
            note("list_user")
    finally:
        await database.close()
    return recorded


def scripts(dsn: str, sessions: range) -> dict[str, str]:
    """A pgbench script for each route. `{each}` in it is how many bare sessions a client may delete."""
    recorded = asyncio.run(_record(dsn))
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        made = {route: _script(statements, cursor, sessions) for route, statements in recorded.items()}
    connection.close()
    return made


def _script(statements: Sequence[Statement], cursor: Any, sessions: range) -> str:
    text = "".join(f"{_inlined(sql, parameters, cursor)};\n" for sql, parameters in statements)
    lines = []
    for name, expression in _VARIABLES.values():
        if f":{name}" in text:
            numbers = {"first": FIRST_SESSION + sessions.start, "last": FIRST_SESSION + sessions.stop - 1}
            lines.append(f"\\set {name} {expression.format(**numbers)}\n")
    if ":bare" in text:
        lines.insert(0, "\\set n :n + 1\n")
    return "".join(lines) + text


def _inlined(sql: str, parameters: Sequence[Any], cursor: Any) -> str:
    values = iter(parameters)

    def place(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return _literal(next(values), cursor)

    # pgbench takes one statement for what stands on several lines until the semicolon
    return re.sub(r"%s|%%", place, sql)


def _literal(value: Any, cursor: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY[{', '.join(_literal(item, cursor) for item in value)}]"
    if isinstance(value, str) and value in _VARIABLES:
        return f":{_VARIABLES[value][0]}"
    text: str = cursor.mogrify("%s", [value]).decode()
    if isinstance(value, str) and ":" in value:
        # a colon in a text would be a variable of pgbench where a name follows it
        text = "E" * (not text.startswith("E")) + text.replace(":", r"\x3a")
    return text
