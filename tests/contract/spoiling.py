"""Ways to spoil what a server did: its answer, or the rows behind it."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg2.errors import UndefinedTable

from .exchange import Answer, Request
from .postgres import Database
from .sidebyside import Outcome

Spoil = Callable[[dict[str, Any], str], None]  # of an object's member
A_TIME, AN_ID = "2025-10-09T10:16:40Z", "5f0c1d2e-0000-4000-8000-000000000000"


@dataclass
class InAnswers:
    """A fault in the answers to these routes. `struck`: the last one is another than it was."""

    name: str
    routes: tuple[str, ...]
    spoil: Callable[[Answer], Answer]
    struck: bool = field(default=False, init=False)

    def may_strike(self, outcome: Outcome) -> bool:
        """Whether an answer like this becomes another."""
        text = json.dumps(outcome.body).replace("<now>", A_TIME).replace("<new id 0>", AN_ID)
        answer = Answer(outcome.status, outcome.headers, text)
        return self.spoil(answer) != answer

    def strike(self, database: Database, request: Request, answer: Answer) -> Answer:
        """The answer that comes in place of this one."""
        spoiled = self.spoil(answer)
        self.struck = spoiled != answer
        return spoiled


@dataclass
class InRows:
    """A statement after requests to these routes that were answered with one of `statuses`, or with any.

    It returns a row for each that it spoils. `%(id)s` is the session in the path, `%(new)s` the one in the answer.
    """

    name: str
    routes: tuple[str, ...]
    statement: str
    statuses: tuple[int, ...] = ()
    struck: bool = field(default=False, init=False)

    def may_strike(self, outcome: Outcome) -> bool:
        """Whether something is done after an answer like this."""
        return not self.statuses or outcome.status in self.statuses

    def strike(self, database: Database, request: Request, answer: Answer) -> Answer:
        """The answer as it is, once the rows are spoiled."""
        self.struck = False
        if not self.statuses or answer.status in self.statuses:
            shown = answer.body if isinstance(answer.body, dict) else {}
            with suppress(UndefinedTable):  # not every dataset has every table
                found = database.run(self.statement, id=request.session_id, new=str(shown.get("session_id")))
                self.struck = bool(found)
        database.touched |= self.struck
        return answer


def header_lost(name: str) -> Callable[[Answer], Answer]:
    """Without a header."""
    return lambda answer: replace(answer, headers={key: value for key, value in answer.headers.items() if key != name})


def body(spoil: Callable[[Any], None]) -> Callable[[Answer], Answer]:
    """With other JSON, which is spoiled in place."""

    def spoiled(answer: Answer) -> Answer:
        tree = deepcopy(answer.body)
        spoil(tree)
        return answer if json.dumps(tree) == json.dumps(answer.body) else replace(answer, content=json.dumps(tree))

    return spoiled


def objects(tree: Any) -> list[dict[str, Any]]:
    """All objects of a tree, those within others first."""
    inner = tree if isinstance(tree, list) else tree.values() if isinstance(tree, dict) else ()
    return [each for item in inner for each in objects(item)] + ([tree] if isinstance(tree, dict) else [])


def last(
    condition: Callable[[str, Any], object], spoil: Callable[[dict[str, Any], str], None]
) -> Callable[[Any], None]:
    """Spoil the last member of all objects on which a condition holds."""

    def spoiled(tree: Any) -> None:
        places = [(each, key) for each in objects(tree) for key, value in each.items() if condition(key, value)]
        if places:
            spoil(*places[-1])

    return spoiled


def becomes(new: Callable[[Any], Any]) -> Spoil:
    """Put another value there."""

    def put(place: dict[str, Any], key: str) -> None:
        place[key] = new(place[key])

    return put


def outermost(spoil: Callable[[dict[str, Any]], None]) -> Callable[[Any], None]:
    """Spoil the body, or the last object of its list."""
    return lambda tree: spoil(found[-1]) if (found := objects(tree)) else None


def keys_reversed(tree: dict[str, Any]) -> None:
    """The keys the other way round."""
    members = list(tree.items())[::-1]
    tree.clear()
    tree.update(members)


def items(key: str | None, spoil: Callable[[list[Any]], object]) -> Callable[[Any], None]:
    """Spoil the list under a key, or that is the body."""

    def spoiled(tree: Any) -> None:
        found = tree.get(key) if isinstance(tree, dict) else tree if key is None else None
        if isinstance(found, list) and found:
            spoil(found)

    return spoiled
