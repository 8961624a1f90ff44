"""The deliberate differences: the table that states them, and the rules that know them in generated requests."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .examples import Example
from .exchange import Answer, Request
from .servers import ROOT

TABLE = ROOT / "docs/reference/differences.md"
NAMES = re.findall(r"^\| `([a-z0-9-]+)` \|", TABLE.read_text(), re.MULTILINE)

# What we answer instead, each with the name of its row; a case with the name of an example takes its request from it.
CASES: list[Example] = json.loads((Path(__file__).parent / "data/differences.json").read_text())
OF_EXAMPLES = {case["name"]: case for case in CASES}


def deliberate(request: Request, expected: Answer) -> str | None:
    """The row of the table that this request to AgentOS falls under, if any."""
    return next((name for name, rule in RULES.items() if rule(request, expected)), None)


def patch_erases(request: Request, expected: Answer) -> bool:
    """Of a workflow, or in the form of another type: the ids of the datasets begin with their type."""
    url = urlsplit(request.path)
    session_id = url.path.split("/")[2]
    own = {"w": "workflow", "t": "team"}.get(session_id[0], "agent") if not session_id.startswith("tie") else "agent"
    shown_as = parse_qs(url.query).get("type", [own])[-1]
    return request.method == "PATCH" and expected.status == 200 and (own == "workflow" or shown_as != own)


def rename_without_data(request: Request, expected: Answer) -> bool:
    """AgentOS said yes, and shows another name than it was given."""
    return (
        renames(request)
        and expected.status == 200
        and isinstance(request.json, dict)
        and name_of(expected.body) != plain(request.json["session_name"])
    )


def rename_json_null(request: Request, expected: Answer) -> bool:
    return renames(request) and expected.status == 500


def bulk_delete_owner(request: Request, expected: Answer) -> bool:
    """With an owner, asked for or by token."""
    path, _, query = request.path.partition("?")
    owned = "user_id=" in query or "Authorization" in request.headers
    return request.method == "DELETE" and path.rstrip("/") == "/sessions" and owned and expected.status == 204


def renames(request: Request) -> bool:
    return request.path.split("?")[0].rstrip("/").endswith("/rename")


def name_of(body: Any) -> Any:
    return body.get("session_name") if isinstance(body, dict) else None


def plain(text: str) -> str:
    """The text as AgentOS stores it: without control characters."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)


RULES: dict[str, Callable[[Request, Answer], bool]] = {
    "patch-erases": patch_erases,
    "rename-without-data": rename_without_data,
    "rename-json-null": rename_json_null,
    "bulk-delete-owner": bulk_delete_owner,
}
