"""The OpenAPI document: true to the routes, valid, and the one that is printed and published."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from session_service import __version__
from session_service.app import create_app, routes
from session_service.http.openapi import document
from session_service.http.operations import OPERATIONS
from session_service.http.pages import pages
from session_service.settings import Settings
from session_service.store.prober import Prober
from session_service.store.store_map import LiveStores, StoreMap
from tests.service.process import run

PAGE = Path(__file__).parents[3] / "docs/reference/openapi.json"


async def test_it_is_what_the_command_prints_and_the_documentation_publishes():
    printed = await run("openapi")
    assert (printed.code, printed.errors) == (0, "")
    assert json.loads(printed.output) == document(__version__)
    assert printed.output == PAGE.read_text(), "run: session-service openapi > docs/reference/openapi.json"


def test_it_describes_every_route_and_no_other():
    settings = Settings.load({"AGNO_PG_DSN": "postgresql://a@b/c"})
    table = routes(Prober(LiveStores(StoreMap.open(settings.databases)), 0), None, settings)
    assert create_app(settings)
    described = {(method, route.template) for route in table for method in route.handlers}
    beside = {(method, route.template) for route in pages("1") for method in route.handlers}
    assert set(OPERATIONS) == described - beside
    assert beside < described


def test_every_reference_leads_somewhere_and_every_schema_is_one():
    described = document("1")

    def check(value):
        if isinstance(value, list):
            for item in value:
                check(item)
        elif isinstance(value, dict):
            if "$ref" in value:
                target = described
                for key in value["$ref"].removeprefix("#/").split("/"):
                    target = target[key]
            for item in value.values():
                check(item)

    check(described)
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
