"""docs/reference/http-api.md has every route, scope, parameter and member of a body that the code has, and no other."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from session_service.app import routes
from session_service.http.parameters import Selection
from session_service.http.scopes import required_scope
from session_service.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs/reference/http-api.md").read_text()
SETTINGS = Settings.load({"AGNO_PG_DSN": "postgresql://a@b/c"})
ROUTES = {
    f"{method} {route.template}": handler
    for route in routes(SimpleNamespace(), None, SETTINGS)
    for method, handler in route.handlers.items()
}
OF_SESSIONS = {name: handler for name, handler in ROUTES.items() if "/sessions" in name}


class Asked(Exception):
    """The models that a handler asks for, which is the first that it does."""


class Call:
    """A request of which it is only of interest what a handler wants to know."""

    def query(self, query):
        raise Asked(query, None)

    def body(self, query, body, **_):
        raise Asked(query, body)


async def models(handler):
    with pytest.raises(Asked) as asked:
        await handler(Call())
    return asked.value.args


def names(text):
    """What stands in the first column of the rows of a table."""
    cells = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]*)`", cell)]


def section(heading):
    found = re.search(rf"^## `{re.escape(heading)}`$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no section of {heading}"
    return found[1]


def test_every_route_is_in_the_table_and_no_other():
    assert sorted(names(PAGE.partition("## Conventions")[0])) == sorted(ROUTES)


def test_every_route_of_sessions_has_a_section_and_no_other():
    assert re.findall(r"^## `(.*)`$", PAGE, re.MULTILINE) == list(OF_SESSIONS)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_names_its_scope(route):
    (row,) = (line for line in PAGE.splitlines() if line.startswith("|") and f"`{route}`" in line)
    scope = required_scope(*route.split())

    assert row.split("|")[-2].strip(" `") == (scope or "none")


@pytest.mark.parametrize("route", OF_SESSIONS)
async def test_a_route_lists_its_parameters_and_the_members_of_its_body(route):
    query, body = await models(OF_SESSIONS[route])
    parameters, _, members = section(route).partition("| member of the body |")

    assert sorted(names(parameters)) == sorted(query.model_fields.keys() - Selection.model_fields.keys())
    assert sorted(names(members)) == sorted(body.model_fields if body else ())


@pytest.mark.parametrize("route", OF_SESSIONS)
async def test_a_default_is_the_one_of_the_code(route):
    query, _ = await models(OF_SESSIONS[route])
    for row in re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|", section(route).partition("| member")[0], re.MULTILINE):
        for name in re.findall(r"`([^`]*)`", row[0]):
            default = query.model_fields[name].default
            shown = row[1].strip("`")
            if default is None:
                assert shown in ("all", "any", "as stored")
            else:
                assert shown == str(default).lower()


def test_the_parameters_that_choose_a_database_are_explained():
    assert names(PAGE.partition("## Which database")[2].partition("## `")[0]) == list(Selection.model_fields)
