"""Requests that nobody wrote down: drawn from the routes, the datasets, and what a client may get wrong."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from .examples import EXAMPLES
from .exchange import Request
from .servers import SECURITY_KEY

SESSIONS = (
    "a-anon a-empty a-emptyname a-inputs a-media a-noname a-nullupdated a-order a-reasoning a-sdk a-statuses "
    "a-structured a-unicode a-weather t-dict t-empty t-noname t-research tie-1 tie-2 w-dict w-empty w-list w-report"
).split()
RUNS = "run-i1 run-m1 run-o2 run-r1 run-s1 run-st3 run-t1 run-t1m run-tn0 run-u1 run-w1 run-w3 run-wf1 run-wl1".split()
COLUMNS = (
    "session_id session_type agent_id team_id workflow_id user_id session_data agent_data team_data workflow_data "
    "metadata summary created_at updated_at"
).split()
STATUSES = "COMPLETED PAUSED ERROR CANCELLED RUNNING PENDING REGENERATED".split()
CONFIGURATIONS = [
    ("v3", "open"),
    ("v3", "multi"),
    ("v3", "jwt_isolated"),
    ("v3", "key"),
    ("v2", "open"),
    ("mixed", "open"),
]
TOKENS = sorted(
    {
        example["request"]["headers"]["Authorization"]
        for example in EXAMPLES
        if example["server"] == "jwt_isolated" and "Authorization" in example["request"].get("headers", {})
    }
)

Values = st.SearchStrategy[str]


def pool(valid: str, invalid: str = "") -> tuple[Values, Values]:
    """Two strategies of words: what the parameter is for, and what comes by mistake or at the boundary."""
    return st.sampled_from(valid.split("|")), st.sampled_from((invalid or valid).split("|"))


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
TYPE = pool("agent|team|workflow", "Agent||robot|agent ")
TIME = pool("1760000000|1760001001|1760010000|0", "-1|| 1760001001 |1_760_001_001|1760001001.0|1.5|1e9|x|\u0661|+5")
PLACE = {
    "user_id": pool("alice|bob|carol", "nope||ALICE|alice "),
    "db_id": pool("main|archive", "nope|||Main"),
    "table": pool("agno_sessions|sessions_2024", "nope|||agno_runs|agno_memories|ai.agno_sessions"),
}
READ = {"type": TYPE, **PLACE}
LIST = {
    **READ,
    "component_id": pool("support-agent|research-team|report-flow|ext-agent", "nope||support"),
    "session_name": (st.sampled_from(["weather", "tie", "e", "Ops", "50%", "_", "日本"]), TEXT | st.just("50\\")),
    "limit": pool("1|2|3|5|20|100", "0|-1|+2| 2 |1_0|2.0|007|1.5|1e1|0x1|||abc|\u0663"),
    "page": pool("1|2|3|9", "-1|+1| 1 |1.0|x||1__0|_1"),
    "sort_by": (st.sampled_from(COLUMNS), st.sampled_from(["", "nope", "runs", "CREATED_AT", "created_at;"])),
    "sort_order": pool("asc|desc", "ASC||up"),
}
RUN_LIST = {
    **READ,
    "created_after": TIME,
    "created_before": TIME,
    "status": (
        st.sampled_from(STATUSES),
        st.sampled_from([*map(str.lower, STATUSES), "BOGUS", "", "completed ", "it's"]),
    ),
}
DELETE = {"user_id": PLACE["user_id"], "db_id": PLACE["db_id"], "table": PLACE["table"],
          "delete_media": pool("false|0|no|off|F|N", "true|1|on|Y|maybe||2|False ")}  # fmt: skip
CREATE = {"type": TYPE, "db_id": PLACE["db_id"], "table": PLACE["table"]}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
RESERVED = st.dictionaries(
    st.sampled_from(["agno_component_version", "agno_dispatch_chain", "agno_dispatch_depth", "tag"]), JSON, max_size=3
)
ID = st.sampled_from(SESSIONS)
CREATED = {
    "session_id": st.just("new-1") | ID | TEXT,
    "session_name": TEXT,
    "session_state": OBJECT,
    "metadata": OBJECT | RESERVED,
    "user_id": st.sampled_from(["alice", "bob", "dave", ""]),
    "agent_id": st.sampled_from(["support-agent", ""]),
    "team_id": st.just("research-team"),
    "workflow_id": st.just("report-flow"),
    "ignored": JSON,
}
SUMMARY = st.fixed_dictionaries(
    {"summary": TEXT},
    optional={
        "topics": st.lists(TEXT, max_size=2) | st.none(),
        "updated_at": st.sampled_from(
            ["2025-10-09T10:16:40", "2025-10-09T10:16:40.5Z", "2025-10-09T10:16:40+02:00", ""]
        ),
    },
)
PATCHED = {"session_name": TEXT, "session_state": OBJECT, "metadata": OBJECT | RESERVED, "summary": SUMMARY}
DELETED = {
    "session_ids": st.lists(ID | st.just("nope"), min_size=1, max_size=3),
    "session_types": st.lists(st.sampled_from(["agent", "team", "workflow"]), min_size=1, max_size=3),
}
MALFORMED = ["", "null", "[]", '"text"', "12", "{bad", '{"session_name": }', '{"session_name": "x"', "{'a': 1}", "[1,]",
             '{"session_name": "\x01"}', '{"session_name": "\\x"}', "\ufeff{}", " {} ", "{} {}", "tru"]  # fmt: skip


@st.composite
def queries(draw: st.DrawFn, parameters: dict[str, tuple[Values, Values]], faulty: bool) -> list[tuple[str, str]]:
    """A few parameters in any order; `faulty` ones may repeat, be unknown, or hold what they should not."""
    names = draw(st.lists(st.sampled_from(sorted(parameters)), max_size=4, unique=not faulty))
    return [(name, draw(st.one_of(parameters[name]) if faulty else parameters[name][0])) for name in names]


@st.composite
def bodies(draw: st.DrawFn, fields: dict[str, st.SearchStrategy[Any]], faulty: bool) -> dict[str, Any]:
    """The body of a request: an object of these fields, or, when `faulty`, of wrong types, or no JSON at all."""
    if faulty and draw(st.booleans()):
        return {"body": draw(st.sampled_from(MALFORMED))}
    wrong = JSON if faulty else st.nothing()
    return {"json": draw(st.fixed_dictionaries({}, optional={name: value | wrong for name, value in fields.items()}))}


@st.composite
def credentials(draw: st.DrawFn, mode: str) -> dict[str, str]:
    """The headers of a caller whom the mode knows, or does not."""
    known = {"jwt_isolated": TOKENS, "key": [f"Bearer {SECURITY_KEY}"]}.get(mode, [])
    header = draw(st.sampled_from([*known, *known, *known, "Bearer nope", None])) if known else None
    return {"Authorization": header} if header else {}


@st.composite
def requests(draw: st.DrawFn, route: str) -> tuple[tuple[str, str], Request]:
    """A configuration, and a request to this route of it."""
    parameters, fields = ROUTES[route]
    configuration = draw(st.sampled_from(CONFIGURATIONS))
    method, template = route.split(" ")
    session = draw(st.sampled_from([*SESSIONS, "nope", "Ä b?c", "a%b"]))
    path = template.replace("{session_id}", quote(session, safe="")).replace(
        "{run_id}", draw(st.sampled_from([*RUNS, "nope"]))
    )
    query = draw(queries(parameters, faulty=draw(st.booleans())))
    body = draw(bodies(fields, faulty=draw(st.booleans()))) if fields is not None else {}
    headers = draw(credentials(configuration[1]))
    if body and draw(st.integers(0, 9)) == 0:
        types = [
            "text/plain",
            "application/vnd.api+json",
            "application/json; charset=utf-8",
            "application/x-www-form-urlencoded",
        ]
        headers["content-type"] = draw(st.sampled_from(types))
    suffix = f"?{urlencode(query)}" if query else ""
    return configuration, Request(method, path + draw(st.sampled_from(["", "", "", "/"])) + suffix, headers, **body)


Fields = dict[str, st.SearchStrategy[Any]]
ROUTES: dict[str, tuple[dict[str, tuple[Values, Values]], Fields | None]] = {
    "GET /sessions": (LIST, None),
    "POST /sessions": (CREATE, CREATED),
    "DELETE /sessions": (DELETE, DELETED),
    "GET /sessions/{session_id}": (READ, None),
    "PATCH /sessions/{session_id}": (READ, PATCHED),
    "DELETE /sessions/{session_id}": (DELETE, None),
    "POST /sessions/{session_id}/rename": (READ, {"session_name": TEXT}),
    "GET /sessions/{session_id}/runs": (RUN_LIST, None),
    "GET /sessions/{session_id}/run-previews": (RUN_LIST, None),
    "GET /sessions/{session_id}/runs/{run_id}": (READ, None),
}
