"""Whether servers answer alike: nothing is timed before they do."""

import json
from collections.abc import Iterator, Sequence

from tests.contract.comparison import differences

from .dataset import FIRST_SESSION, FIRST_USER
from .servers import Server

# wall time of AgentOS itself
_CLOCK = "search_time_ms"


def _paths(sessions: int) -> Iterator[str]:
    yield "/sessions?limit=20&page=1"
    yield "/sessions?limit=100&page=2"
    for user in (FIRST_USER, FIRST_USER + 7):
        yield f"/sessions?user_id={user}&limit=20"
    for n in (0, 1, 2, 3, 5, 8, 13, 21, 34, sessions // 2, sessions - 1):
        yield f"/sessions/{FIRST_SESSION + n}"
        yield f"/sessions/{FIRST_SESSION + n}/runs"


def check_equal(servers: Sequence[Server], sessions: int) -> int:
    """Ask all of them the same; gives the number of answers. Raises RuntimeError, saying where two differ."""
    number = 0
    for path in _paths(sessions):
        first, *others = [json.loads(server.get(path)) for server in servers]
        number += 1
        for server, answer in zip(servers[1:], others, strict=True):
            for each in (first, answer):
                if isinstance(each, dict) and _CLOCK in each.get("meta", {}):
                    each["meta"][_CLOCK] = 0
            if found := list(differences(first, answer)):
                raise RuntimeError(f"{path}: {server.name} answers differently from {servers[0].name}: {found[:5]}")
    return number
