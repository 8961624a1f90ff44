"""Cross-origin requests, as the browser of an agent's user sends them."""

import pytest
from multidict import CIMultiDict

from session_service.http.cors import DEFAULT_ORIGINS, is_preflight, preflight, response_headers

ORIGIN = "https://chat.example"
METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY"


def asking(origin=ORIGIN, method="PATCH", **headers):
    return CIMultiDict({"origin": origin, "access-control-request-method": method, **headers})


def test_a_preflight_from_an_allowed_origin_is_granted_with_the_headers_it_asks_for():
    status, headers, text = preflight(
        asking(**{"access-control-request-headers": "authorization, x-custom"}), [ORIGIN, "https://other.example"]
    )
    assert (status, text) == (200, "OK")
    assert headers == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Headers": "authorization, x-custom",
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Max-Age": "600",
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
        "Access-Control-Request-Private-Network",
    }


@pytest.mark.parametrize(
    ("request_headers", "text"),
    [
        (asking("https://evil.example"), "Disallowed CORS origin"),
        (asking("null"), "Disallowed CORS origin"),
        (asking("https://chat.example.evil.example"), "Disallowed CORS origin"),
        (asking("https://CHAT.example"), "Disallowed CORS origin"),
        (asking("*"), "Disallowed CORS origin"),
        (asking(method="BREW"), "Disallowed CORS method"),
        (asking("https://evil.example", method="BREW"), "Disallowed CORS origin, method"),
        (asking(**{"access-control-request-private-network": "true"}), "Disallowed CORS private-network"),
    ],
)
def test_a_preflight_of_anything_else_is_refused(request_headers, text):
    status, headers, said = preflight(request_headers, [ORIGIN])
    assert (status, said) == (400, text)
    assert ("Access-Control-Allow-Origin" in headers) == (request_headers["origin"] == ORIGIN)
    assert "Access-Control-Allow-Headers" not in headers


@pytest.mark.parametrize(
    ("method", "headers", "answer"),
    [
        ("OPTIONS", asking(), True),
        ("GET", asking(), False),
        ("OPTIONS", CIMultiDict(), False),
        ("OPTIONS", CIMultiDict(origin=ORIGIN), False),
        ("OPTIONS", CIMultiDict({"access-control-request-method": "GET"}), False),
    ],
)
def test_a_preflight_is_an_options_with_an_origin_and_the_method_it_asks_for(method, headers, answer):
    assert is_preflight(method, headers) is answer


def test_an_ordinary_answer_names_the_origin_only_where_it_is_allowed():
    credentials = {"Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "*"}
    assert response_headers(None, [ORIGIN]) == {"Vary": "Origin"}
    assert response_headers("https://evil.example", [ORIGIN]) == {"Vary": "Origin", **credentials}
    assert response_headers(ORIGIN, [ORIGIN]) == {
        "Vary": "Origin",
        **credentials,
        "Access-Control-Allow-Origin": ORIGIN,
    }


def test_a_star_among_the_origins_allows_nobody():
    assert preflight(asking(), ["*"])[0] == 400
    assert "Access-Control-Allow-Origin" not in response_headers(ORIGIN, ["*"])


@pytest.mark.parametrize("origin", DEFAULT_ORIGINS)
def test_the_front_ends_of_agno_are_allowed_by_default(origin):
    assert preflight(asking(origin), DEFAULT_ORIGINS)[0] == 200
