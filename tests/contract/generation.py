"""Requests that nobody wrote down, drawn for a route: most of them sound, some with a mistake."""

from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from .exchange import Request
from .servers import CONFIGURATIONS, Configuration
from .vocabulary import (
    ASKED_HEADERS,
    ASKED_METHODS,
    BAD_SUMMARIES,
    CONTENT_TYPES,
    CREATED,
    CREDENTIALS,
    DELETE,
    LIST,
    METHODS,
    NOT_JSON,
    ODD_PATHS,
    ORIGINS,
    PATCHED,
    PLACES,
    READ,
    RENAMED,
    RUN_LIST,
    STORED,
    TYPE,
    WRONG_PLACES,
    Draw,
    Words,
    json_value,
)

EACH = 6  # requests to a route in a configuration; no two of all are alike
TYPES = ["agent", "team", "workflow"]
Query = list[tuple[str, str]]
Body = dict[str, Any]


def seldom(random: Random, times: int) -> bool:
    """True about once in so many times."""
    return random.randrange(times) == 0


def query(random: Random, mode: str, parameters: dict[str, Words]) -> Query:
    """A database, and a few parameters in any order; one query in four has wrong, repeated or unknown ones."""
    if seldom(random, 4):
        everything = parameters | WRONG_PLACES
        names = random.choices(sorted(everything), k=random.randint(0, 4))
        found = [(name, random.choice([everything[name].wrong, everything[name].right])(random)) for name in names]
        return found + random.choice([[], [], [("nope", "1")]])
    names = random.sample(sorted(parameters), min(len(parameters), random.randint(0, 3)))
    place = random.choice(PLACES.get(mode, PLACES["open"]))
    return [(name, parameters[name].right(random)) for name in names] + place


def body(random: Random, fields: dict[str, Draw], needed: str = "") -> Body:
    """An object of these fields; one body in four lacks what is needed, has wrong types, or is no object at all."""
    if seldom(random, 8):
        return {"body": random.choice(NOT_JSON)}
    wrong = seldom(random, 8)
    chosen = [name for name in fields if random.random() < 0.5 or (name == needed and not wrong)]
    return {
        "json": {name: json_value(random) if wrong and seldom(random, 2) else fields[name](random) for name in chosen}
    }


def deletion(random: Random, dataset: str) -> Body:
    """The body of a bulk delete: as many types as ids, mostly."""
    ids = random.choices([*sorted(STORED[dataset].types), "nope"], k=random.randint(1, 3))
    types = random.choices(TYPES, k=len(ids) + seldom(random, 8))
    if seldom(random, 4):
        return body(random, {"session_ids": lambda _: ids, "session_types": lambda _: types})
    return {"json": {"session_ids": ids, "session_types": types}}


def credentials(random: Random, mode: str) -> dict[str, str]:
    """The headers of a caller whom the mode knows, mostly."""
    if mode not in CREDENTIALS:
        return {}
    header = random.choice(["", "Bearer nope", "Basic eDp5"] if seldom(random, 8) else CREDENTIALS[mode])
    return {"Authorization": header} if header else {}


def request(route: str, random: Random, configuration: Configuration) -> Request:
    """A request to this route of a server."""
    dataset, mode = configuration
    parameters, content = ROUTES[route]
    method, path = route.split(" ")
    stored = STORED[dataset]
    types = stored.types
    run_id, session_id = random.choice(stored.runs)
    if "{run_id}" not in path or seldom(random, 4):
        session_id = random.choice([*types, *types, "nope", "Ä b?c", "a%b"])
    path = filled(path, session_id, run_id)
    pairs = query(random, mode, parameters)
    if "user_id" in dict(pairs) and session_id in stored.owners and seldom(random, 2):
        pairs.append(("user_id", stored.owners[session_id]))
    if method == "PATCH" and types.get(session_id) in TYPES and seldom(random, 3):
        pairs.append(("type", types[session_id]))
    headers = credentials(random, mode)
    if seldom(random, 4):
        headers["Origin"] = random.choice(ORIGINS)
    sent = content(random, dataset) if content is not None else {}
    if sent and seldom(random, 10):
        headers["content-type"] = random.choice(CONTENT_TYPES)
    slash = "/" if seldom(random, 10) else ""
    suffix = f"?{urlencode(pairs)}" if pairs else ""
    return Request(method, path + slash + suffix, headers, **sent)


def odd_request(random: Random, configuration: Configuration) -> Request:
    """Any method on a path that is none of the routes, or close to one."""
    return Request(random.choice(METHODS), random.choice(ODD_PATHS), credentials(random, configuration[1]))


def preflight(random: Random, configuration: Configuration) -> Request:
    """A browser's question."""
    path = random.choice(["/sessions", "/sessions/a-weather", "/sessions/x/runs", "/health", "/nope"])
    headers = {"Origin": random.choice(ORIGINS), "Access-Control-Request-Method": random.choice(ASKED_METHODS)}
    if seldom(random, 2):
        headers["Access-Control-Request-Headers"] = random.choice(ASKED_HEADERS)
    if seldom(random, 4):
        headers["Access-Control-Request-Private-Network"] = "true"
    return Request("OPTIONS", path, headers)


ROUTES: dict[str, tuple[dict[str, Words], Callable[[Random, str], Body] | None]] = {
    "GET /sessions": (LIST, None),
    "POST /sessions": (TYPE, lambda random, _: body(random, CREATED)),
    "DELETE /sessions": (DELETE, deletion),
    "GET /sessions/{session_id}": (READ, None),
    "PATCH /sessions/{session_id}": (READ, lambda random, _: body(random, PATCHED)),
    "DELETE /sessions/{session_id}": (DELETE, None),
    "POST /sessions/{session_id}/rename": (READ, lambda random, _: body(random, RENAMED, "session_name")),
    "GET /sessions/{session_id}/runs": (RUN_LIST, None),
    "GET /sessions/{session_id}/run-previews": (RUN_LIST, None),
    "GET /sessions/{session_id}/runs/{run_id}": (READ, None),
}
GENERATED: dict[str, Callable[[Random, Configuration], Request]] = {
    **{route: partial(request, route) for route in ROUTES},
    "odd paths": odd_request,
    "preflights": preflight,
}


def written(route: str) -> list[tuple[Configuration, Request]]:
    """The requests that meet each deliberate difference, whatever is drawn."""
    method, path = route.split(" ")
    if "{session_id}" not in path:
        return []
    asked = [(("odd", "open"), name) for name in STORED["odd"].types]
    asked += [((dataset, "open"), name) for dataset in ("v3", "v2") for name in ("t-dict", "w-dict")]
    runs = {session_id: run_id for run_id, session_id in STORED["v3"].runs + STORED["odd"].runs}
    sent: dict[str, Any] = {"PATCH": {"metadata": {"seen": True}}, "POST": {"session_name": "x"}}
    found = [
        (configuration, Request(method, filled(path, name, runs.get(name, "none")), json=sent.get(method)))
        for configuration, name in asked
    ]
    if method == "PATCH":
        everything = {"session_name": "n", "session_state": {"n": 1}, "metadata": {"n": 1}, "summary": {"summary": "s"}}
        for name in ("a-weather", "t-research", "w-report", "nope"):
            place = filled(path, name)
            found += [(("v3", "open"), Request(method, f"{place}?type={kind}", json=everything)) for kind in TYPES]
            found += [(("v3", "open"), Request(method, place, json={"summary": bad})) for bad in BAD_SUMMARIES]
    return found


def filled(path: str, session_id: str, run_id: str = "") -> str:
    """The path of a session, or of a run."""
    return path.replace("{session_id}", quote(session_id, safe="")).replace("{run_id}", run_id)


@cache
def generated(route: str) -> list[tuple[Configuration, Request]]:
    """The requests of a route, as many for each configuration, the same ones in every run."""
    random, found = Random(route), {}
    for configuration in CONFIGURATIONS:
        enough = len(found) + EACH
        while len(found) < enough:
            drawn = GENERATED[route](random, configuration)
            found.setdefault(str(drawn), (configuration, drawn))
    return list(found.values())


@cache
def cases(route: str) -> list[tuple[Configuration, Request]]:
    """All requests of a route."""
    return generated(route) + (written(route) if route in ROUTES else [])
