"""What two users have, everything that can be asked about it, and what one of them can do to the other's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp.test_utils import TestClient

from session_service.store.limits import MOST_RUNS
from tests.service.agno import Agno

KEY = "key-of-the-tests-that-is-long-enough-for-hs256-0123456789"
ISOLATED = {
    "JWT_VERIFICATION_KEY": KEY,
    "AGNO_JWT_ALGORITHM": "HS256",
    "AGNO_AUTHORIZATION": "true",
    "AGNO_USER_ISOLATION": "true",
}
SCOPES = ("sessions:read", "sessions:write", "sessions:delete")
COLUMNS = ("session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id", "session_data", "agent_data")
SORTS = (*COLUMNS, "team_data", "workflow_data", "metadata", "summary", "created_at", "updated_at", "runs", "nothing")
KINDS = ("agent", "nameless", "team", "workflow", "long", "bare", "gone")
VOLATILE = {"Date", "X-Request-Id", "Server-Timing"}


@dataclass(frozen=True)
class Ask:
    """A request; `body` is JSON."""

    method: str
    path: str
    body: Any = None

    def restricted_to(self, user_id: str) -> Ask:
        """The same with an owner in its query."""
        return Ask(self.method, f"{self.path}{'&' if '?' in self.path else '?'}user_id={user_id}", self.body)


@dataclass(frozen=True)
class Caller:
    """Whoever asks: by their token, and maybe with an owner in each query."""

    sub: str | None
    scopes: tuple[str, ...]
    restricted_to: str | None = None

    async def ask(self, client: TestClient, ask: Ask) -> tuple[int, dict[str, str], bytes]:
        """All that is answered, less what is another each time."""
        if self.restricted_to is not None:
            ask = ask.restricted_to(self.restricted_to)
        claims = {"scopes": self.scopes} | ({} if self.sub is None else {"sub": self.sub})
        token = jwt.encode(claims, KEY, "HS256")
        headers = {"Authorization": f"Bearer {token}"}
        async with client.request(ask.method, ask.path, json=ask.body, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.title() not in VOLATILE}
            return answer.status, kept, await answer.read()

    async def walk(self, client: TestClient, asks: Iterable[Ask]) -> dict[Ask, Any]:
        """What each is answered, one after the other; a request that is repeated has the last answer."""
        return {ask: await self.ask(client, ask) for ask in map(_hashable, asks)}


def _hashable(ask: Ask) -> Ask:
    return Ask(ask.method, ask.path, None if ask.body is None else _Body(ask.body))


class _Body(dict[str, Any]):
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


def user(name: str) -> Caller:
    """A user who sees their own sessions only."""
    return Caller(name, SCOPES)


NOBODY = Caller(None, SCOPES)


def admin(restricted_to: str) -> Caller:
    """An admin, who is isolated from nobody, with an owner in each query."""
    return Caller("root", ("agent_os:admin",), restricted_to)


def fill(agno: Agno, layout: str, owner: str | None) -> None:
    """Give an owner one session of each kind, alike for all but for their ids."""
    name = owner or "free"
    of_session = {"user_id": owner, "updated_at": 5, "metadata": {"of": name}, "summary": {"summary": name}}
    named = {"session_name": "A trip of 100%", "session_state": {"of": name}, "session_metrics": {"total_tokens": 1}}
    rows: dict[str, dict[str, Any]] = {
        "agent": {"agent_id": "x", "session_data": named, "agent_data": {"sdk": name}},
        "nameless": {"agent_id": "x"},
        "team": {"team_id": "x", "session_data": named},
        "workflow": {"workflow_id": "x", "workflow_data": {"name": name}},
        "long": {"agent_id": "y"},
        "bare": {"agent_id": "y", "created_at": 7},
        "gone": {"agent_id": "x", "session_data": named},
    }
    for kind, columns in rows.items():
        session_type = kind if kind in ("team", "workflow") else "agent"
        number = {"bare": 0, "long": MOST_RUNS + 6}.get(kind, 3)
        runs = [_run(session_type, f"{name}-{kind}-{n}", f"{name} said {n}") for n in range(number)]
        in_column = [] if layout == "v3" else runs if layout == "v2" else [_run(session_type, "same", name), *runs[:2]]
        row = {**of_session, **columns, **({"runs": in_column} if in_column else {})}
        agno.session(f"{name}-{kind}", session_type, **row)
        if layout != "v2":
            for n, run in enumerate(runs[1:] if layout == "mixed" else runs):
                agno.add_run(f"{name}-{kind}", run.pop("run_id"), n, **run)


def _run(kind: str, run_id: str, said: str) -> dict[str, Any]:
    messages = [{"id": run_id, "role": "user", "content": said, "created_at": 3}]
    return {"run_id": run_id, f"{kind}_id": "x", "status": "COMPLETED", "created_at": 3, "messages": messages}


def _query(**words: Any) -> str:
    return f"?{urlencode(words)}" if words else ""


def reads(me: str, other: str) -> list[Ask]:
    """Every read: each filter, sort and count; each session of mine, of the other, of nobody; each kind of refusal."""
    return [Ask("GET", path) for path in (*_lists(me, other), *_of_sessions(me, other))]


def _lists(me: str, other: str) -> Sequence[str]:
    filters: list[dict[str, Any]] = [
        *({}, {"type": "agent"}, {"type": "team"}, {"type": "workflow"}, {"component_id": "x"}, {"limit": 1}),
        *({"type": "agent", "component_id": "y"}, {"session_name": "trip"}, {"session_name": "%"}, {"limit": 101}),
        *({"user_id": me}, {"user_id": other}, {"user_id": ""}, {"user_id": "\0"}, {"page": 2, "limit": 2}),
        *({"page": 9}, {"limit": 0}, {"type": other}, {"db_id": other}, {"table": other}, {"session_name": "\0"}),
    ]
    for place, column in enumerate(SORTS):
        filters += [{"sort_by": column, "sort_order": "asc", "limit": 4}]
        filters += [{"sort_by": column, "sort_order": "desc", "limit": 3, "page": 2 + place % 2}]
    return [f"/sessions{_query(**words)}" for words in filters]


def _of_sessions(me: str, other: str) -> Iterable[str]:
    ids = [*(f"{name}-{kind}" for name in (me, other) for kind in KINDS), "free-agent", "absent"]
    for place, session_id in enumerate(ids):
        path = f"/sessions/{session_id}"
        kind = session_id.partition("-")[2]
        yield path
        yield path + _query(type=("agent", "team", "workflow")[place % 3], user_id=(me, other)[place % 2])
        yield f"{path}/runs"
        yield f"{path}/runs{_query(status=('COMPLETED', other)[place % 2], created_after=place)}"
        yield f"{path}/run-previews{_query(type='agent')}"
        for run_id in (f"{me}-{kind}-1", f"{other}-{kind}-1", "same", "taken over"):
            yield f"{path}/runs/{run_id}"


def writes(me: str, other: str) -> list[Ask]:
    """Every write, of what is mine and of what is not, such that all of it leaves my sessions as they were."""
    fresh, name = f"{me}-fresh", {"session_name": "A trip of 100%"}
    new = {"session_id": fresh, "agent_id": "x", "user_id": other, "runs": [_run("agent", f"{fresh}-1", me)]}
    asks = [
        Ask("POST", "/sessions", new),
        *(Ask("GET", f"/sessions/{fresh}{rest}") for rest in ("", "/runs", f"/runs/{fresh}-1")),
        Ask("POST", "/sessions", {"session_id": f"{me}-agent"}),
        Ask("DELETE", f"/sessions/{fresh}"),
        Ask("POST", f"/sessions/{me}-agent/rename", name),
        Ask("PATCH", f"/sessions/{me}-agent", {"metadata": {"of": me}, **name}),
        Ask("DELETE", "/sessions?delete_media=true", {"session_ids": [f"{me}-agent"], "session_types": ["agent"]}),
    ]
    for session_id in (*(f"{other}-{kind}" for kind in ("agent", "team", "bare")), "free-agent", "absent"):
        asks += [
            Ask("POST", f"/sessions/{session_id}/rename", name),
            Ask("POST", f"/sessions/{session_id}/rename?type=agent&user_id={other}", name),
            Ask("PATCH", f"/sessions/{session_id}", name),
        ]
    return asks


def deeds(me: str, victim: str) -> list[Ask]:
    """Everything that I can do to my own sessions, and try on the other's, in an order in which all of it happens."""
    name = {"session_name": f"of {me}", "session_state": {"by": me}}
    new: list[tuple[str, dict[str, Any]]] = [
        ("agent", {"session_id": f"{me}-new", "user_id": victim, "agent_id": "x", "session_name": "A trip"}),
        ("team", {"session_id": f"{me}-team-2", "team_id": "x", "runs": [_run("team", f"{me}-new-1", me)]}),
        # an id that the other had, and one like those that the other will choose
        ("agent", {"session_id": f"{victim}-gone", "runs": [_run("agent", "taken over", me)], **name}),
        ("agent", {"session_id": f"{victim}-fresh-2", "runs": [_run("agent", f"{me}-fresh-2", me)]}),
        ("workflow", {"session_id": f"{victim}-agent"}),
        ("agent", {"session_id": f"{me}-stolen", "runs": [_run("agent", f"{victim}-agent-1", me)]}),
    ]
    asks = [Ask("POST", f"/sessions?type={kind}", body) for kind, body in new]
    for whose in (me, victim, "free"):
        asks += [
            Ask("POST", f"/sessions/{whose}-agent/rename", name),
            Ask("PATCH", f"/sessions/{whose}-team", {**name, "metadata": {"by": me}, "summary": {"summary": me}}),
            Ask("PATCH", f"/sessions/{whose}-nameless?type=workflow", {}),
        ]
    every = [f"{whose}-{kind}" for whose in (me, victim, "free") for kind in KINDS if kind != "long"]
    return [
        *asks,
        *(Ask("DELETE", f"/sessions/{whose}-long") for whose in (victim, "free", me)),
        Ask("DELETE", "/sessions", {"session_ids": every, "session_types": ["agent"] * len(every)}),
    ]
