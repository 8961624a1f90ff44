"""The words of generated requests: what each parameter and field is for, and what comes there by mistake."""

import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .examples import EXAMPLES
from .postgres import DATASETS
from .servers import SECURITY_KEY

DATASET = (DATASETS / "dataset_v3.sql").read_text()
OWNERS: dict[str, str] = dict(
    re.findall(r"ai\.agno_sessions .*?VALUES \('([^']+)', '\w+'(?:, (?:NULL|'[^']+')){3}, (?:NULL|'(\w+)')", DATASET)
)
NAMELESS: list[str] = re.findall(
    r"ai\.agno_sessions .*?VALUES \('([^']+)', '\w+'(?:, (?:NULL|'[^']+')){4}, NULL,", DATASET
)
RUNS: list[tuple[str, str]] = re.findall(r"ai\.agno_runs .*?VALUES \('([^']+)', '([^']+)'", DATASET)


@dataclass(frozen=True)
class Words:
    """Two strategies: of what belongs here, and of what does not, or stands at the boundary."""

    right: st.SearchStrategy[Any]
    wrong: st.SearchStrategy[Any]


def words(right: str, wrong: str) -> Words:
    """Words by `|`."""
    return Words(st.sampled_from(right.split("|")), st.sampled_from(wrong.split("|")))


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
RESERVED = st.dictionaries(
    st.sampled_from(["agno_component_version", "agno_dispatch_chain", "agno_dispatch_depth", "tag"]), JSON, max_size=3
)

TYPE = {"type": words("agent|team|workflow", "Agent||robot|agent ")}
OWNER = {"user_id": words("alice|bob|carol", "nope||ALICE|alice ")}
TIME = words("1760000000|1760001001|1760010000|0", "-1|| 1760001001 |1_760_001_001|1760001001.0|1.5|1e9|x|\u0661|+5")
STATUSES = "COMPLETED|PAUSED|ERROR|CANCELLED|RUNNING|PENDING|REGENERATED"
COLUMNS = (
    "session_id|session_type|agent_id|team_id|workflow_id|user_id|session_data|agent_data|team_data|workflow_data|"
    "metadata|summary|created_at|updated_at"
)
# Where to look, by mode: naming no database is right where there is one.
PLACES: dict[str, list[list[tuple[str, str]]]] = {
    "open": [[], [("db_id", "main")], [("db_id", "main"), ("table", "agno_sessions")]],
    "multi": [
        [("db_id", "main")],
        [("db_id", "archive")],
        [("db_id", "archive"), ("table", "sessions_2024")],
        [("table", "agno_sessions"), ("db_id", "main")],
    ],
}
WRONG_PLACES = {
    "db_id": words("main", "archive|nope||Main"),
    "table": words("agno_sessions", "sessions_2024|nope||agno_runs|agno_memories|ai.agno_sessions"),
}

READ = TYPE | OWNER
LIST = READ | {
    "component_id": words("support-agent|research-team|report-flow|ext-agent", "nope||support"),
    "session_name": Words(st.sampled_from(["weather", "tie", "e", "Ops", "50%", "_", "日本"]), TEXT | st.just("50\\")),
    "limit": words("1|2|3|5|20|100", "0|-1|+2| 2 |1_0|2.0|007|1.5|1e1|0x1||abc|\u0663"),
    "page": words("1|2|3|9", "-1|+1| 1 |1.0|x||1__0|_1"),
    "sort_by": words(COLUMNS, "|nope|runs|CREATED_AT|created_at;"),
    "sort_order": words("asc|desc", "ASC||up"),
}
RUN_LIST = READ | {
    "created_after": TIME,
    "created_before": TIME,
    "status": words(f"{STATUSES}|{STATUSES.lower()}", "BOGUS||completed |it's"),
}
DELETE = OWNER | {"delete_media": words("false|0|no|off|F|N", "true|1|on|Y|maybe||2|False ")}

CREATED = {
    "session_id": st.just("new-1") | st.sampled_from(sorted(OWNERS)) | TEXT,
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
RENAMED = {"session_name": TEXT}
NOT_JSON = [
    "",
    "null",
    "[]",
    '"text"',
    "12",
    "{bad",
    '{"session_name": }',
    '{"session_name": "x"',
    "{'a': 1}",
    "[1,]",
    '{"session_name": "\x01"}',
    '{"session_name": "\\x"}',
    "\ufeff{}",
    " {} ",
    "{} {}",
    "tru",
]
CONTENT_TYPES = [
    "application/json; charset=utf-8",
    "application/vnd.api+json",
    "text/plain",
    "application/x-www-form-urlencoded",
]

# What a browser adds: the page's origin, and before a request that is not simple, what it will send.
ORIGINS = ["http://localhost:3000", "https://os.agno.com", "https://evil.example", "null", "http://LOCALHOST:3000"]
PREFLIGHT = st.fixed_dictionaries(
    {
        "Origin": st.sampled_from(ORIGINS),
        "Access-Control-Request-Method": st.sampled_from(["GET", "DELETE", "PATCH", "QUERY", "TRACE", "get"]),
    },
    optional={
        "Access-Control-Request-Headers": st.sampled_from(["authorization,content-type", "x-any", ""]),
        "Access-Control-Request-Private-Network": st.just("true"),
    },
)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
ODD_PATHS = [
    "//sessions", "/sessions//", "/Sessions", "/sessions/%20", "/sessions/.", "/sessions/..", "/sessions/a/../b",
    "/sessions/a-weather//runs", "/sessions/a-weather/runs/", "/sessions/a-weather%2Fruns", "/sessions/a%2Fb",
    "/sessions/a-weather/Runs", "/sessions/a-weather/rename", "/sessions/a-weather/runs/run-w1/x", "/sessions%2Fa",
    "/sessions/%ff", "/sessions/a+b", "/sessions/a%3Fb", "/sessions/a;b=c", "/sessions/%E2%9C%A8", "/session", "/nope",
    "/sessions/a-weather/run-previews/x", "/health/", "/health//", "/health/x", "/sessions/a-weather?", "/sessions?&&=",
    "/sessions?limit", "/sessions?limit=2&limit=x&limit=1", "/sessions?user_id=%ff", "/sessions?user_id=a+b;limit=1",
]  # fmt: skip

# What a caller presents, by mode: the tokens are those of the recorded exchanges.
CREDENTIALS: dict[str, list[str]] = {
    "key": [f"Bearer {SECURITY_KEY}"],
    "jwt_isolated": sorted(
        {
            example["request"]["headers"]["Authorization"]
            for example in EXAMPLES
            if example["server"] == "jwt_isolated" and example["request"].get("headers")
        }
    ),
}
