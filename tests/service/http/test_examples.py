"""The example of each operation is what the service answers, over the sessions of the demo in a real database."""

import json
import re
from datetime import datetime

import pytest
from jsonschema import Draft202012Validator

from session_service.app import PROBER
from session_service.demo import load_demo
from session_service.http.examples import examples
from session_service.http.openapi import document
from session_service.http.operations import OPERATIONS
from session_service.settings import Settings
from session_service.store.store_map import LiveStores, StoreMap
from tests.service.waiting import until

# what the demo's times in the examples count back from, and what an answer has of the time of the request
NOW = int(datetime.fromisoformat("2026-01-15T12:00:00Z").timestamp())
OF_THE_REQUEST = {
    "health_check": {"instantiated_at"},
    "get_sessions": {"search_time_ms"},
    "create_session": {"created_at", "updated_at"},
    "update_session": {"updated_at"},
}
DESCRIBED = document("1")


def known(value, volatile):
    """The value, with what is of the time of the request as the form that it has."""
    if isinstance(value, list):
        return [known(each, volatile) for each in value]
    if isinstance(value, dict):
        return {
            name: re.sub(r"\d+", "9", str(each)) if name in volatile else known(each, volatile)
            for name, each in value.items()
        }
    return value


@pytest.fixture
async def demo(new_agno, serve):
    """A service whose database holds the demo sessions, and nothing else."""
    databases = {"default": new_agno("empty").dsn}
    stores = StoreMap.open(Settings.load({"AGNO_SESSION_DSN_MAP": json.dumps(databases)}).databases)
    assert await load_demo(stores.by_id["default"][0], NOW)
    await LiveStores(stores).close()
    client = await serve(databases)
    await until(lambda: client.server.app[PROBER].started)
    return client


def test_every_operation_has_one_and_no_other():
    assert list(examples()) == [operation.id for operation in OPERATIONS.values()]


@pytest.mark.parametrize("route", OPERATIONS, ids=" ".join)
async def test_an_example_is_what_the_service_answers(demo, route):
    method, template = route
    operation, example = OPERATIONS[route], examples()[OPERATIONS[route].id]
    answer = await demo.request(method, template.format(**example.path), params=example.query, json=example.body)
    text = await answer.text()
    volatile = OF_THE_REQUEST.get(operation.id, set())
    assert answer.status == operation.status
    assert known(json.loads(text) if text else None, volatile) == known(example.answer, volatile)


@pytest.mark.parametrize("route", OPERATIONS, ids=" ".join)
def test_the_description_shows_the_example_and_says_what_happens(route):
    method, template = route
    described = DESCRIBED["paths"][template][method.lower()]
    operation, example = OPERATIONS[route], examples()[OPERATIONS[route].id]
    assert described["description"] == operation.description
    shown = {each["name"]: each["example"] for each in described["parameters"] if "example" in each}
    assert shown == example.path | example.query
    for each in described["parameters"]:
        assert each["description"]
        assert not each["required"] or "example" in each
    sent = described.get("requestBody", {}).get("content", {}).get("application/json")
    answered = described["responses"][str(operation.status)].get("content", {}).get("application/json")
    for content, value in ((sent, example.body), (answered, example.answer)):
        assert (content is None) == (value is None)
        if content is not None:
            assert content["example"] == value
            schema = {**content["schema"], "components": DESCRIBED["components"]}
            Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)
