"""Requests that nobody wrote down, drawn for a route: most of them sound, some with a mistake."""

from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from .exchange import Request
from .vocabulary import (
    CONTENT_TYPES,
    CREATED,
    CREDENTIALS,
    DELETE,
    JSON,
    LIST,
    METHODS,
    NOT_JSON,
    ODD_PATHS,
    ORIGINS,
    OWNERS,
    PATCHED,
    PLACES,
    PREFLIGHT,
    READ,
    RENAMED,
    RUN_LIST,
    RUNS,
    TYPE,
    WRONG_PLACES,
    Words,
)

CONFIGURATIONS = [
    ("v3", "open"),
    ("v3", "multi"),
    ("v3", "jwt_isolated"),
    ("v3", "key"),
    ("v2", "open"),
    ("mixed", "open"),
]
Fields = dict[str, st.SearchStrategy[Any]]
Drawn = tuple[tuple[str, str], Request]


@st.composite
def queries(draw: st.DrawFn, mode: str, parameters: dict[str, Words]) -> list[tuple[str, str]]:
    """A database, and a few parameters in any order; one query in four has wrong, repeated or unknown ones."""
    if seldom(draw, 4):
        everything = parameters | WRONG_PLACES
        names = draw(st.lists(st.sampled_from(sorted(everything)), max_size=4))
        query = [(name, draw(everything[name].wrong | everything[name].right)) for name in names]
        return query + draw(st.sampled_from([[], [], [("nope", "1")]]))
    place = draw(st.sampled_from(PLACES.get(mode, PLACES["open"])))
    names = draw(st.lists(st.sampled_from(sorted(parameters)), max_size=3, unique=True))
    return [(name, draw(parameters[name].right)) for name in names] + place


@st.composite
def bodies(draw: st.DrawFn, fields: Fields, needed: list[str]) -> dict[str, Any]:
    """An object of these fields; one body in four lacks what is needed, has wrong types, or is no object at all."""
    if seldom(draw, 4):
        if draw(st.booleans()):
            return {"body": draw(st.sampled_from(NOT_JSON))}
        return {
            "json": draw(st.fixed_dictionaries({}, optional={name: JSON | value for name, value in fields.items()}))
        }
    required = {name: fields[name] for name in needed}
    optional = {name: value for name, value in fields.items() if name not in needed}
    return {"json": draw(st.fixed_dictionaries(required, optional=optional))}


@st.composite
def deletions(draw: st.DrawFn) -> dict[str, Any]:
    """The body of a bulk delete: as many types as ids, mostly."""
    ids = draw(st.lists(st.sampled_from([*sorted(OWNERS), "nope"]), min_size=1, max_size=3))
    count = len(ids) + (1 if seldom(draw, 8) else 0)
    types = draw(st.lists(st.sampled_from(["agent", "team", "workflow"]), min_size=count, max_size=count))
    if seldom(draw, 4):
        return draw(bodies({"session_ids": st.just(ids), "session_types": st.just(types)}, []))
    return {"json": {"session_ids": ids, "session_types": types}}


@st.composite
def credentials(draw: st.DrawFn, mode: str) -> dict[str, str]:
    """The headers of a caller whom the mode knows, mostly."""
    if mode not in CREDENTIALS:
        return {}
    header = draw(st.sampled_from(["", "Bearer nope", "Basic eDp5"] if seldom(draw, 8) else CREDENTIALS[mode]))
    return {"Authorization": header} if header else {}


@st.composite
def requests(draw: st.DrawFn, route: str) -> Drawn:
    """A configuration, and a request to this route of it."""
    parameters, content = ROUTES[route]
    dataset, mode = draw(st.sampled_from(CONFIGURATIONS))
    method, path = route.split(" ")
    run_id, session_id = draw(st.sampled_from(RUNS))
    if seldom(draw, 4):
        session_id = draw(st.sampled_from([*sorted(OWNERS), "nope", "Ä b?c", "a%b"]))
    path = path.replace("{session_id}", quote(session_id, safe="")).replace("{run_id}", run_id)
    query = draw(queries(mode, parameters))
    headers = draw(credentials(mode))
    if seldom(draw, 4):
        headers["Origin"] = draw(st.sampled_from(ORIGINS))
    body = draw(content) if content is not None else {}
    if body and seldom(draw, 10):
        headers["content-type"] = draw(st.sampled_from(CONTENT_TYPES))
    slash = "/" if seldom(draw, 10) else ""
    suffix = f"?{urlencode(query)}" if query else ""
    return (dataset, mode), Request(method, path + slash + suffix, headers, **body)


@st.composite
def odd_requests(draw: st.DrawFn) -> Drawn:
    """Any method on a path that is none of the routes, or close to one."""
    dataset, mode = draw(st.sampled_from(CONFIGURATIONS))
    return (dataset, mode), Request(
        draw(st.sampled_from(METHODS)), draw(st.sampled_from(ODD_PATHS)), draw(credentials(mode))
    )


@st.composite
def preflights(draw: st.DrawFn) -> Drawn:
    """A browser's question."""
    path = draw(st.sampled_from(["/sessions", "/sessions/a-weather", "/sessions/x/runs", "/health", "/nope"]))
    return draw(st.sampled_from(CONFIGURATIONS)), Request("OPTIONS", path, draw(PREFLIGHT))


def seldom(draw: st.DrawFn, times: int) -> bool:
    """True about once in so many times, and never in the simplest case."""
    return draw(st.integers(1, times)) == times


ROUTES: dict[str, tuple[dict[str, Words], st.SearchStrategy[dict[str, Any]] | None]] = {
    "GET /sessions": (LIST, None),
    "POST /sessions": (TYPE, bodies(CREATED, [])),
    "DELETE /sessions": (DELETE, deletions()),
    "GET /sessions/{session_id}": (READ, None),
    "PATCH /sessions/{session_id}": (READ, bodies(PATCHED, [])),
    "DELETE /sessions/{session_id}": (DELETE, None),
    "POST /sessions/{session_id}/rename": (READ, bodies(RENAMED, ["session_name"])),
    "GET /sessions/{session_id}/runs": (RUN_LIST, None),
    "GET /sessions/{session_id}/run-previews": (RUN_LIST, None),
    "GET /sessions/{session_id}/runs/{run_id}": (READ, None),
}
GENERATED: dict[str, st.SearchStrategy[Drawn]] = {route: requests(route) for route in ROUTES} | {
    "odd paths": odd_requests(),
    "preflights": preflights(),
}
