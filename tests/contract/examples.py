"""The recorded exchanges with AgentOS, and how one of them is played again."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .comparison import differences, page_differences, without
from .exchange import Answer, Request
from .servers import Server

Example = dict[str, Any]
RECORDED = ("access-control-allow-origin", "allow", "content-type")
EXAMPLES: list[Example] = json.loads((Path(__file__).parent / "data/examples.json").read_text())


def request(recorded: dict[str, Any]) -> Request:
    """The request of an exchange."""
    return Request(**recorded)


def compare(expected: dict[str, Any], answer: Answer, keys: Callable[[], dict[str, Any]]) -> Iterator[str]:
    """Where an answer departs from the recorded one; `keys` looks up what a list is sorted by."""
    pointers = expected.get("volatile", [])
    wanted = without(expected.get("json", expected.get("text")), pointers)
    got = without(answer.body, pointers)
    yield from differences(expected["status"], answer.status, "status")
    headers = sorted({*expected["headers"], *RECORDED})
    yield from differences(
        {name: expected["headers"].get(name) for name in headers},
        {name: answer.headers.get(name) for name in headers},
        "headers",
    )
    if pages(wanted, got) and wanted["data"] != got["data"]:
        rows, others = wanted.pop("data"), got.pop("data")
        yield from page_differences(rows, others, keys(), whole=len(rows) == wanted["meta"]["total_count"])
    yield from differences(wanted, got)


def pages(*bodies: Any) -> bool:
    """Whether all of these are pages of a list."""
    return all(isinstance(body, dict) and {"data", "meta"} <= body.keys() for body in bodies)


def replay(example: Example, server: Server) -> list[str]:
    """Play one example against a server with fresh rows; where it departs from the record."""
    server.fresh()
    found: list[str] = []
    for exchange in example.get("before", []):
        found += compare(exchange["response"], server.ask(request(exchange["request"])), dict)
    for statement in example.get("before_sql", []):
        server.database.touched = True
        server.database.run(statement)
    main = request(example["request"])
    found += compare(example["response"], server.ask(main), lambda: server.sort_keys(main))
    for exchange in example.get("after", []):
        found += compare(exchange["response"], server.ask(request(exchange["request"])), dict)
    for check in example.get("after_sql", []):
        found += differences(check["rows"], server.database.run(check["query"]), f"after_sql {check['query']}")
    return found
