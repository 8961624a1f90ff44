"""Cross-origin requests: answers to preflights, and CORS headers of ordinary answers."""

from collections.abc import Collection, Mapping

DEFAULT_ORIGINS = (
    "http://localhost:3000",
    "https://agno.com",
    "https://www.agno.com",
    "https://app.agno.com",
    "https://os-stg.agno.com",
    "https://os.agno.com",
)

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")
_MAX_AGE_SECONDS = 600
_ASKED = ("Origin", *(f"Access-Control-Request-{name}" for name in ("Method", "Headers", "Private-Network")))


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is a preflight. Any other OPTIONS goes to the router, which has no route for it."""
    return method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


def preflight(headers: Mapping[str, str], origins: Collection[str]) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of the answer to a preflight; `headers` is matched without regard to case."""
    origin = headers["Origin"]
    answer = {
        "Vary": ", ".join(_ASKED),
        "Access-Control-Allow-Methods": ", ".join(_METHODS),
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Max-Age": str(_MAX_AGE_SECONDS),
    }
    if "Access-Control-Request-Headers" in headers:
        answer["Access-Control-Allow-Headers"] = headers["Access-Control-Request-Headers"]
    disallowed = []
    if origin in origins:
        answer["Access-Control-Allow-Origin"] = origin
    else:
        disallowed.append("origin")
    if headers["Access-Control-Request-Method"] not in _METHODS:
        disallowed.append("method")
    if "Access-Control-Request-Private-Network" in headers:
        disallowed.append("private-network")
    if disallowed:
        return 400, answer, f"Disallowed CORS {', '.join(disallowed)}"
    return 200, answer, "OK"


def response_headers(origin: str | None, origins: Collection[str]) -> dict[str, str]:
    """The CORS headers of an ordinary answer; `origin` is that of the request, or None."""
    answer = {"Vary": "Origin"}
    if origin is not None:
        answer["Access-Control-Allow-Credentials"] = "true"
        answer["Access-Control-Expose-Headers"] = "*"
        if origin in origins:
            answer["Access-Control-Allow-Origin"] = origin
    return answer
