"""How many exchanges were the same, for each route."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .exchange import Request

COLUMNS = ("same", "differ", "deliberate")
PATHS = (
    (r"/sessions", "/sessions"),
    (r"/sessions/[^/]+", "/sessions/{session_id}"),
    (r"/sessions/[^/]+/(rename|runs|run-previews)", r"/sessions/{session_id}/\1"),
    (r"/sessions/[^/]+/runs/[^/]+", "/sessions/{session_id}/runs/{run_id}"),
    (r"/health", "/health"),
)


def route(request: Request) -> str:
    """The route that a request means, `other` for none of the contract."""
    path = request.path.split("?")[0].rstrip("/")
    for pattern, template in PATHS:
        if match := re.fullmatch(pattern, path):
            return f"{request.method} {match.expand(template)}"
    return "other"


@dataclass
class Tally:
    """Counts by suite, route and outcome."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def note(self, suite: str, route: str, *, same: bool, deliberate: bool = False) -> None:
        """Count one exchange."""
        self.counts[suite, route, "deliberate" if deliberate and same else "same" if same else "differ"] += 1

    def lines(self) -> Iterator[str]:
        """The table, one line for each suite and route."""
        yield f"{'':10} {'route':44}" + "".join(f"{column:>11}" for column in COLUMNS)
        for suite, path in sorted({(suite, path) for suite, path, _ in self.counts}):
            yield f"{suite:10} {path:44}" + "".join(f"{self.counts[suite, path, column]:11}" for column in COLUMNS)
        totals = {column: sum(n for (*_, c), n in self.counts.items() if c == column) for column in COLUMNS}
        yield f"{'total':55}" + "".join(f"{totals[column]:11}" for column in COLUMNS)
