"""What `plan --offline` refuses is what the API server refuses, and what it takes is taken."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from session_operator import verdict
from session_operator.kinds import STORES
from session_operator.manifest import Refused, stores_in
from session_operator.plan import offline
from session_operator.verdict import mistakes

from .apiserver import ApiServer
from .definition import spec_schema
from .test_resource_definition import STORES as CASES

HEAD = f"apiVersion: {STORES.api_version}\nkind: {STORES.name}\n"
SECRET = "{secretKeyRef: {name: chat-main, key: dsn}}"
MAIN = f"databases: [{{id: main, dsn: {SECRET}}}]"


def body(spec: Any, name: str = "chat") -> Any:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": STORES.api_version, "kind": STORES.name, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("what", CASES["good"])
def test_a_good_store_is_taken(what: str) -> None:
    assert mistakes(body(CASES["good"][what])) == []
    assert offline(body(CASES["good"][what])).changes


@pytest.mark.parametrize("what", CASES["bad"])
def test_a_bad_store_is_refused_a_rule_in_the_words_of_the_api_server(what: str) -> None:
    case = CASES["bad"][what]

    found = mistakes(body(case["spec"], case.get("name", "chat")))

    assert found
    if found[0].keyword == "x-kubernetes-validations":
        assert case["says"] in str(found[0])
    with pytest.raises(Refused):
        offline(body(case["spec"], case.get("name", "chat")))


def rules(schema: Any) -> list[str]:
    """Every CEL rule of a schema."""
    if isinstance(schema, list):
        return [rule for each in schema for rule in rules(each)]
    if not isinstance(schema, dict):
        return []
    own = [each["rule"] for each in schema.get("x-kubernetes-validations", ())]
    return own + [rule for each in schema.values() for rule in rules(each)]


def test_every_rule_is_asked_by_some_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that could not be read or judged would refuse what is good."""
    asked = set()
    program = verdict._program

    def noting(text: str) -> Any:
        asked.add(text)
        return program(text)

    monkeypatch.setattr(verdict, "_program", noting)
    for spec in CASES["good"].values():
        assert mistakes(body(spec)) == []

    assert set(rules(spec_schema())) - asked == set()


VARIABLES = ", ".join(f"{{name: A{number}, value: {'x' * 9000}}}" for number in range(30))
ODD = {
    "a null in the place of a default": f"{{{MAIN}, service: null}}",
    "a null in the place of nothing": f"{{{MAIN}, replicas: null}}",
    "no databases by null": "{databases: null}",
    "a null in a list": f"{{{MAIN}, imagePullSecrets: [null]}}",
    "a null in a map": f"{{{MAIN}, service: {{annotations: {{a: null}}}}}}",
    "an integer with a fraction of nothing": f"{{{MAIN}, replicas: 2.0}}",
    "an integer with a fraction": f"{{{MAIN}, replicas: 2.5}}",
    "an integer as text": f"{{{MAIN}, replicas: '2'}}",
    "an integer that is true": f"{{{MAIN}, replicas: true}}",
    "an integer beyond 32 bits": f"{{{MAIN}, replicas: 4294967296}}",
    "an integer beyond 64 bits": f"{{{MAIN}, replicas: 99999999999999999999}}",
    "a text that looks like a date": f"{{{MAIN}, image: 2026-01-15}}",
    "a text that looks like a number": f"{{{MAIN}, image: 12}}",
    "an empty text": f"{{databases: [{{id: '', dsn: {SECRET}}}]}}",
    "a text that ends with a newline": f'{{{MAIN}, defaultDatabase: "main\\n"}}',
    "a map that has to hold something": (
        f"{{{MAIN}, podTemplate: {{volumes: [{{name: a, csi: {{driver: d, volumeAttributes: {{}}}}}}]}}}}"
    ),
    "a share of no text": f"{{{MAIN}, podDisruptionBudget: {{maxUnavailable: 1.5}}}}",
    "keys of a map that are numbers": f"{{{MAIN}, service: {{annotations: {{1: a}}}}}}",
    "labels that are numbers": f"{{{MAIN}, podTemplate: {{metadata: {{labels: {{a: 1}}}}}}}}",
    "a spec of another kind": "[1]",
    "more than a pod can have of variables": f"{{{MAIN}, podTemplate: {{env: [{VARIABLES}]}}}}",
    "a request without a unit": f"{{{MAIN}, resources: {{requests: {{cpu: 0.5}}}}}}",
    "a request that is no quantity": f"{{{MAIN}, resources: {{requests: {{cpu: much}}}}}}",
    "an alias": f"{{databases: [&a {{id: main, dsn: {SECRET}}}, {{<<: *a, id: other}}]}}",
}
METADATA = {
    "an unknown field of metadata": "{name: chat, nme: chat}",
    "a label that is a number": "{name: chat, labels: {a: 1}}",
    "a label that is text": "{name: chat, labels: {a: b}}",
}


@pytest.mark.parametrize("what", [*ODD, *METADATA])
def test_of_what_is_odd_both_say_the_same(server: ApiServer, namespace: str, what: str) -> None:
    text = f"{HEAD}metadata: {METADATA.get(what, '{name: chat}')}\nspec: {ODD.get(what, '{' + MAIN + '}')}\n"
    created = server.kubectl("create", "--dry-run=server", "--namespace", namespace, "--filename=-", stdin=text)

    try:
        plans = [offline(store) for store in stores_in(text, None)]
    except Refused:
        plans = []

    assert bool(plans) == (created.returncode == 0), created.stderr


ALIASES = "a: &a0 [x]\n" + "".join(f"a{n}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9))


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00",
        b"\x00",
        b"a: !!binary aGk=",
        b"a: !!python/object:os.system {}",
        b"? [a, b]\n: c",
        b"a: &a [*a]",
        ALIASES.encode(),
        b"a: .inf",
        b"[" * 5000,
        f"{HEAD}metadata: {{name: 1}}\nspec: {{}}".encode(),
        f"{HEAD}metadata: {{name: chat}}\nspec: {{databases: {'[' * 300}{']' * 300}}}".encode(),
        b"apiVersion: sessionstore.dev/v2\nkind: SessionStore\nmetadata: {name: chat}\nspec: {}",
        b"",
    ],
    ids=str,
)
def test_a_plan_of_anything_ends_in_words(text: bytes) -> None:
    command = [sys.executable, "-m", "session_operator", "plan", "--offline", "--file=-"]
    ended = subprocess.run(command, input=text, capture_output=True, check=False)

    assert ended.returncode in (1, 2)
    assert ended.stderr.startswith(b"session-operator: ")
    assert b"Traceback" not in ended.stderr


def test_values_are_not_repeated() -> None:
    spec = yaml.safe_load(f"{{{MAIN}}}") | {"podTemplate": {"env": [{"name": "A B", "value": ["c4nary"]}]}}
    spec |= {"service": {"type": "c4nary", "port": "c4nary"}}

    found = mistakes(body(spec))

    assert len(found) == 4
    assert "c4nary" not in json.dumps(found)
