"""docs/reference/authentication.md: every variable with its default, every scope, and every refusal in its words."""

import ast
import re
from pathlib import Path

from session_service import http
from session_service.http.auth import OPEN_PATHS, PAGE_PATHS, PROBE_PATHS
from session_service.http.scopes import required_scope
from session_service.variables import AUTHENTICATION

PAGE = (Path(__file__).parents[3] / "docs/reference/authentication.md").read_text()
STATUSES = {401, 403, 429, 503}
SOURCES = sorted(Path(http.__file__).parent.glob("*.py"))


def section(heading):
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(heading):
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section(heading).splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ][1:]


def refusals():
    """Status and words of what the code refuses for credentials; `…` stands for what is put in."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            match node:
                case ast.Call(func=ast.Name("ApiError"), args=[ast.Constant(status), words, *_]) if status in STATUSES:
                    match words:
                        case ast.Constant(text):
                            yield status, text
                        case ast.JoinedStr([ast.Constant(text), *_]):
                            yield status, f"{text}…"
                case ast.AnnAssign(target=ast.Name("missing"), value=ast.Constant(text)):
                    yield 401, text


def test_every_variable_of_it_is_there_with_its_default():
    shown = {row[0].strip("`"): row[1] for row in rows("Settings")}
    about_it = {each.name: each.default for each in AUTHENTICATION}

    assert shown.keys() == {*about_it, "AGNO_CORS_ORIGINS"}
    for name, default in about_it.items():
        if default not in (None, ()):
            text = f"{default:g}" if isinstance(default, float) else str(default)
            assert shown[name] == f"`{text.lower() if isinstance(default, bool) else text}`"
        else:
            assert shown[name] in ("none", "`AGNO_OS_ID`")


def test_every_refusal_is_there_in_its_words():
    shown = {(int(row[0]), row[1].strip("`")) for row in rows("Refusals") if row[0] != "400"}
    in_words = {(status, re.sub(r"(Required scope\(s\): ).*", r"\1…", text)) for status, text in shown}

    assert in_words == {(status, text) for status, text in refusals() if status != 503 or "uthentication" in text}


def test_every_scope_opens_what_the_page_says():
    table = section("Tokens")
    found = re.findall(r"^\| `(sessions:\w+)` \| (.*) \|$", table, re.MULTILINE)

    assert [scope for scope, _ in found] == ["sessions:read", "sessions:write", "sessions:delete"]
    for scope, routes in found:
        for route in re.findall(r"`(\w+ /[^`]*)`", routes):
            assert required_scope(*route.replace("…", "x/runs").split()) == scope


def test_every_open_path_is_named():
    sentence = section("Modes").partition("No mode asks for one on ")[2].partition(".\n")[0]

    assert set(re.findall(r"`(/[^`]*)`", sentence)) == OPEN_PATHS | PAGE_PATHS | PROBE_PATHS
