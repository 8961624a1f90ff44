"""The words of generated requests: what each parameter and field is for, and what comes there by mistake."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from .examples import EXAMPLES
from .postgres import DATASETS
from .servers import SECURITY_KEY

COMPONENTS = "(?:, (?:NULL|'[^']+')){3}"


@dataclass(frozen=True)
class Stored:
    """The types of a dataset's sessions, the owners of those that have one, and runs with their sessions."""

    types: dict[str, str]
    owners: dict[str, str]
    runs: list[tuple[str, str]]


def stored(dataset: str) -> Stored:
    """What is in a dataset; runs of a column are those of the sessions of v3."""
    text = (DATASETS / f"dataset_{dataset}.sql").read_text()
    sessions = re.findall(rf"ai\.agno_sessions .*?VALUES \('([^']+)', '(\w+)'{COMPONENTS}, (?:NULL|'(\w+)')", text)
    types = {session_id: kind for session_id, kind, _ in sessions}
    owners = {session_id: owner for session_id, _, owner in sessions if owner}
    runs = re.findall(r"ai\.agno_runs .*?VALUES \('([^']+)', '([^']+)'", text)
    return Stored(types, owners, runs or [run for run in STORED["v3"].runs if run[1] in types])


STORED: dict[str, Stored] = {}
for name in ("v3", "v2", "mixed", "odd"):
    STORED[name] = stored(name)


Draw = Callable[[Random], Any]
# what is easily mistaken for something else: quotes, wildcards, blanks, control characters, marks, astral characters
AWKWARD = " \"'\\%_/+&#?;{}\x01\x0b\t\n\x1f\x7f\x85\u00a0\u00e9\u0301\u2028\ufeff\ufffe\uffff\u65e5\U0001f3fb0aA"


@dataclass(frozen=True)
class Words:
    """What belongs here, and what does not, or stands at the boundary."""

    right: Draw
    wrong: Draw


def one(*values: Any) -> Draw:
    """Any of these."""
    return lambda random: random.choice(values)


def either(*draws: Draw) -> Draw:
    """What any of these draws."""
    return lambda random: random.choice(draws)(random)


def words(right: str, wrong: str) -> Words:
    """Words by `|`."""
    return Words(one(*right.split("|")), one(*wrong.split("|")))


def text(random: Random) -> str:
    """Up to six characters, none of them NUL or half of a surrogate pair."""
    anywhere = (chr(random.choice([random.randrange(1, 0xD800), random.randrange(0xE000, 0x110000)])) for _ in range(6))
    return "".join(random.choice([character, random.choice(AWKWARD)]) for character in anywhere)[: random.randint(0, 6)]


def number(random: Random) -> float:
    """A whole number or a fraction of any size."""
    return random.choice(
        [
            0,
            7,
            -0.0,
            1e21,
            1e-7,
            2.5,
            random.randint(-(2**70), 2**70),
            random.uniform(-1, 1) * 10.0 ** random.randint(-9, 20),
        ]
    )


def json_value(random: Random, depth: int = 2) -> Any:
    """Any JSON."""
    kinds: list[Draw] = [one(None, True, False), number, text]
    if depth:
        kinds += [lambda _: json_object(random, depth - 1), lambda _: list(json_object(random, depth - 1).values())]
    return random.choice(kinds)(random)


def json_object(random: Random, depth: int = 1) -> dict[str, Any]:
    """An object of anything."""
    return {text(random): json_value(random, depth) for _ in range(random.randint(0, 3))}


def reserved(random: Random) -> dict[str, Any]:
    """An object with keys that are agno's own."""
    names = random.sample(["agno_component_version", "agno_dispatch_chain", "agno_dispatch_depth", "tag"], 2)
    return {name: json_value(random) for name in names}


def summary(random: Random) -> dict[str, Any]:
    """A session's summary; one in four is one that nobody can store."""
    found: dict[str, Any] = {"summary": text(random)}
    if random.random() < 0.5:
        found["topics"] = random.choice([None, [text(random)], []])
    if random.random() < 0.5:
        found["updated_at"] = random.choice(DATES)
    if random.random() < 0.25:
        return random.choice(BAD_SUMMARIES)
    return found


BAD_SUMMARIES = [{}, {"topics": []}, {"summary": "s", "more": 1}, {"summary": "s", "updated_at": "yesterday"}]
DATES = ["2025-10-09T10:16:40", "2025-10-09T10:16:40.5Z", "2025-10-09T10:16:40+02:00", ""]
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
    "session_name": Words(one("weather", "tie", "e", "Ops", "50%", "_", "日本"), either(text, one("50\\"))),
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

CREATED: dict[str, Draw] = {
    "session_id": either(one("new-1"), one(*STORED["v3"].types), text),
    "session_name": text,
    "session_state": json_object,
    "metadata": either(json_object, reserved),
    "user_id": one("alice", "bob", "dave", ""),
    "agent_id": one("support-agent", ""),
    "team_id": one("research-team"),
    "workflow_id": one("report-flow"),
    "ignored": json_value,
}
PATCHED: dict[str, Draw] = {
    "session_name": text,
    "session_state": json_object,
    "metadata": either(json_object, reserved),
    "summary": summary,
}
RENAMED: dict[str, Draw] = {"session_name": text}
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
ASKED_METHODS = ["GET", "DELETE", "PATCH", "QUERY", "TRACE", "get"]
ASKED_HEADERS = ["authorization,content-type", "x-any", ""]
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
    mode: sorted(
        {
            example["request"]["headers"]["Authorization"]
            for example in EXAMPLES
            if example["server"] == mode and "Authorization" in example["request"].get("headers", {})
        }
    )
    for mode in ("jwt", "jwt_audience", "jwt_isolated")
} | {"key": [f"Bearer {SECURITY_KEY}"]}
