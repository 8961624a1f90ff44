"""The deliberate differences: the table that states them, and the rules that know them in generated requests."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .examples import Example
from .exchange import Answer, Request
from .servers import ROOT
from .vocabulary import NAMELESS

TABLE = ROOT / "docs/reference/differences.md"
NAMES = re.findall(r"^\| `([a-z0-9-]+)` \|", TABLE.read_text(), re.MULTILINE)

# What we answer instead, each with the name of its row; a case with the name of an example takes its request from it.
CASES: list[Example] = json.loads((Path(__file__).parent / "data/differences.json").read_text())
OF_EXAMPLES = {case["name"]: case for case in CASES}


def deliberate(request: Request, expected: Answer) -> str | None:
    """The row of the table that this request to AgentOS falls under, if any."""
    return next((name for name, rule in RULES.items() if rule(request, expected)), None)


def patch_rewrites(request: Request, expected: Answer) -> bool:
    """A patch of a workflow's session or in the form of another type: ids of the datasets begin with their type."""
    own = {"t-": "team", "w-": "workflow"}.get(session_id(request)[:2], "agent")
    shown_as = parse_qs(urlsplit(request.path).query).get("type", [own])[-1]
    return request.method == "PATCH" and expected.status in (200, 500) and (own == "workflow" or shown_as != own)


def odd_run(request: Request, expected: Answer) -> bool:
    """The answer of t-dict's run is an object, also in its message, and AgentOS can't parse such a message."""
    return expected.status == 500 and session_id(request) == "t-dict"


def rename_without_data(request: Request, expected: Answer) -> bool:
    """Of a session whose `session_data` is NULL in the datasets."""
    renames = request.path.split("?")[0].rstrip("/").endswith("/rename")
    return renames and expected.status == 200 and session_id(request) in NAMELESS


def bad_summary(request: Request, expected: Answer) -> bool:
    """A patch with a summary on which AgentOS fails."""
    body = request.json if isinstance(request.json, dict) else {}
    return request.method == "PATCH" and expected.status == 500 and isinstance(body.get("summary"), dict)


def session_id(request: Request) -> str:
    """The id in the path of a request, empty where there is none."""
    return [*urlsplit(request.path).path.split("/"), ""][2]


RULES: dict[str, Callable[[Request, Answer], bool]] = {
    "patch-rewrites": patch_rewrites,
    "bad-summary": bad_summary,
    "odd-run": odd_run,
    "rename-without-data": rename_without_data,
}
