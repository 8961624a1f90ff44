"""The routes that are measured: the requests of each, and the service's own statements for the same."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .dataset import FIRST_SESSION, FIRST_USER, USERS
from .loading import FIRST_BARE
from .wrk import Request

_SEED = 7


@dataclass(frozen=True)
class Route:
    """`requests` gives those for the sessions of these numbers, in the order in which they are sent.

    `deletes` says that each request needs a session of its own, one that `loading.add_bare` made; `writes` that the
    table has to be put in order afterwards.
    """

    name: str
    title: str
    requests: Callable[[range], Sequence[Request]]
    writes: bool = False
    deletes: bool = False
    slow: bool = False


def _session(n: int) -> str:
    return f"/sessions/{FIRST_SESSION + n}"


def _shuffled(make: Callable[[int], Request], numbers: range) -> list[Request]:
    places = list(numbers)
    random.Random(_SEED).shuffle(places)
    return [make(place) for place in places]


def _list(sessions: range) -> list[Request]:
    return [Request("GET", "/sessions?limit=20&page=1")]


def _list_by_user(sessions: range) -> list[Request]:
    return _shuffled(lambda n: Request("GET", f"/sessions?user_id={FIRST_USER + n}&limit=20&page=1"), range(USERS))


def _list_pages(sessions: range) -> list[Request]:
    pages = range(1, -(-len(sessions) // 20) + 1)
    return [Request("GET", f"/sessions?limit=20&page={page}") for page in pages]


def _detail(sessions: range) -> list[Request]:
    return _shuffled(lambda n: Request("GET", _session(n)), sessions)


def _runs(sessions: range) -> list[Request]:
    return _shuffled(lambda n: Request("GET", f"{_session(n)}/runs"), sessions)


def _create(sessions: range) -> list[Request]:
    body = {
        "session_name": "A new session",
        "session_state": {"step": 1, "city": "Seoul"},
        "metadata": {"source": "web"},
        "user_id": str(FIRST_USER),
        "agent_id": "agent-1",
    }
    return [Request("POST", "/sessions?type=agent", json.dumps(body))]


def _rename(sessions: range) -> list[Request]:
    body = json.dumps({"session_name": "A name given by the user"})
    return _shuffled(lambda n: Request("POST", f"{_session(n)}/rename", body), sessions)


def deletes(number: int) -> list[Request]:
    """One for each session that `loading.add_bare` made."""
    return [Request("DELETE", f"/sessions/{FIRST_BARE + n}") for n in range(number)]


def _mixed(sessions: range) -> list[Request]:
    """80 % reads (40 list, 10 by user, 15 detail, 15 runs) and 20 % writes (10 create, 10 rename)."""
    shares = ((_list, 40), (_list_by_user, 10), (_detail, 15), (_runs, 15), (_create, 10), (_rename, 10))
    mixed = []
    for make, share in shares:
        requests = make(sessions)
        mixed += [requests[n % len(requests)] for n in range(share * 20)]
    random.Random(_SEED).shuffle(mixed)
    return mixed


ROUTES = (
    Route("list", "list (20 rows)", _list, slow=True),
    Route("list_user", "list by user", _list_by_user, slow=True),
    Route("list_pages", "list, page after page", _list_pages, slow=True),
    Route("detail", "detail", _detail),
    Route("runs", "runs", _runs),
    Route("create", "create", _create, writes=True),
    Route("rename", "rename", _rename, writes=True),
    Route("delete", "delete", lambda _: [], writes=True, deletes=True),
    Route("mixed", "mixed 80/20", _mixed, writes=True, slow=True),
)
