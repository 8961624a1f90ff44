"""What AgentOS let in and what it refused, in the recorded exchanges of the contract."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from multidict import CIMultiDict

from session_service.http.auth import AuthSettings, authenticator
from session_service.http.cors import DEFAULT_ORIGINS, is_preflight, preflight, response_headers
from session_service.http.errors import ApiError
from session_service.http.scopes import require_scope

JWT = AuthSettings(
    verification_keys=("contract-example-key-that-is-long-enough-0123456789",),
    algorithm="HS256",
    authorization=True,
    user_isolation=False,
)
SERVERS = {
    "key": AuthSettings(security_key="sk-contract-example"),
    "jwt": JWT,
    "jwt_audience": replace(JWT, verify_audience=True, audience=("my-os",)),
    "jwt_isolated": replace(JWT, user_isolation=True),
}
EXAMPLES = json.loads((Path(__file__).parents[2] / "contract/data/examples.json").read_text())
GUARDED = [pytest.param(example, id=example["name"]) for example in EXAMPLES if example["server"] in SERVERS]
CROSS_ORIGIN = [
    pytest.param(example, id=example["name"])
    for example in EXAMPLES
    if "Origin" in (example["request"].get("headers") or {})
]


def access(example):
    """None where the request is let in, else the status and the detail of the refusal."""
    request = example["request"]
    path = unquote(request["path"].partition("?")[0])
    headers = CIMultiDict(request.get("headers") or {})
    try:
        caller = asyncio.run(authenticator(SERVERS[example["server"]]).authenticate(request["method"], path, headers))
        require_scope(caller, request["method"], path)
        caller.asks_for(None)
    except ApiError as error:
        return error.status, error.detail
    return None


@pytest.mark.parametrize("example", GUARDED)
def test_access_is_given_and_refused_as_recorded(example):
    response = example["response"]
    refused = (response["status"], response["json"]["detail"]) if response["status"] in {401, 403} else None
    assert access(example) == refused


@pytest.mark.parametrize("example", CROSS_ORIGIN)
def test_cross_origin_requests_are_answered_as_recorded(example):
    headers, recorded = CIMultiDict(example["request"]["headers"]), example["response"]
    if is_preflight(example["request"]["method"], headers):
        status, answer, text = preflight(headers, DEFAULT_ORIGINS)
        assert (status, text) == (recorded["status"], recorded["text"])
    else:
        answer = response_headers(headers["Origin"], DEFAULT_ORIGINS)
    assert answer["Access-Control-Allow-Origin"] == recorded["headers"]["access-control-allow-origin"]
