"""One request to AgentOS and to the service, on copies of one database."""

import json
import re
import time
from datetime import datetime
from typing import Any

from .comparison import TIMESTAMP, UUID, differences, page_differences
from .examples import pages
from .exchange import Answer, Request
from .servers import Server

# What a client or a browser acts on, and what a browser reads in the answer to a preflight alone.
HEADERS = (
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "allow",
    "content-type",
    "vary",
)
PREFLIGHT_HEADERS = (
    *HEADERS,
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-max-age",
)
STARTED = int(time.time()) - 1
SECONDS = re.compile(r"\b\d{10}\b")


def timeless(text: str) -> str:
    """The text without the ids made and the moments passed since the tests began."""

    def moment(match: re.Match[str]) -> str:
        seconds = int(match[0]) if match[0].isdigit() else datetime.fromisoformat(match[0]).timestamp()
        return "<now>" if STARTED <= seconds < STARTED + 86400 else match[0]

    return TIMESTAMP.sub(moment, SECONDS.sub(moment, UUID.sub("<new id>", text)))


def timeless_json(value: Any) -> Any:
    """A JSON value, likewise; a number that was a moment has become text."""
    text = timeless(json.dumps(value, ensure_ascii=False))
    return json.loads(re.sub(r"(?<=[ \[])<now>(?=[,}\]])", '"<now>"', text))


def departures(request: Request, reference: Server, service: Server) -> tuple[list[str], Answer, Answer]:
    """Where the service departs from AgentOS, in its answer and in the rows afterwards; and both answers."""
    expected, answer = reference.fresh().ask(request), service.fresh().ask(request)
    names = PREFLIGHT_HEADERS if request.method == "OPTIONS" else HEADERS
    found = [
        *differences(expected.status, answer.status, "status"),
        *differences(expected.named(names), answer.named(names), "headers"),
    ]
    wanted, got = timeless_json(expected.body), timeless_json(answer.body)
    if pages(wanted, got) and wanted["data"] != got["data"]:
        rows, others = wanted.pop("data"), got.pop("data")
        whole = len(rows) == wanted["meta"]["total_count"]
        found += page_differences(rows, others, reference.sort_keys(request), whole=whole)
    found += differences(wanted, got)
    if reference.database.touched:
        found += differences(contents(reference), contents(service), "rows of ")
    return found, expected, answer


def contents(server: Server) -> dict[str, list[str]]:
    """The rows behind a server, without new ids and the present."""
    return {table: sorted(map(timeless, rows)) for table, rows in server.database.contents().items()}
