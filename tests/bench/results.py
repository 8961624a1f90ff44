"""What was measured, and what follows from it: medians, costs, ratios. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Window:
    """One server under one load for some seconds. CPU in seconds, memory in bytes; None where it is not known."""

    server: str
    route: str
    connections: int
    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int
    broken: int
    server_cpu: float | None
    database_cpu: float
    load_cpu: float
    peak_memory: int | None

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Figures:
    """The medians of the windows of one server, route and concurrency; CPU is per 1,000 requests."""

    rate: float
    p50: float
    p99: float
    server_cpu: float | None
    database_cpu: float
    peak_memory: int | None
    errors: int


Key = tuple[str, str, int]


def figures(windows: Iterable[Window]) -> dict[Key, Figures]:
    """Medians by (server, route, connections). Errors are summed, and the peak of memory is the highest."""
    groups: dict[Key, list[Window]] = {}
    for window in windows:
        groups.setdefault((window.server, window.route, window.connections), []).append(window)
    return {key: _median(group) for key, group in groups.items()}


def _median(windows: Sequence[Window]) -> Figures:
    peaks = [window.peak_memory for window in windows if window.peak_memory is not None]
    return Figures(
        rate=median(window.rate for window in windows),
        p50=median(window.p50 for window in windows),
        p99=median(window.p99 for window in windows),
        server_cpu=_cost([(window.server_cpu, window.requests) for window in windows]),
        database_cpu=_cost([(window.database_cpu, window.requests) for window in windows]) or 0.0,
        peak_memory=max(peaks, default=None),
        errors=sum(window.failed + window.broken for window in windows),
    )


def _cost(spent: Sequence[tuple[float | None, int]]) -> float | None:
    costs = [cpu / requests * 1000 for cpu, requests in spent if cpu is not None and requests]
    return median(costs) if costs else None


def ratio(found: dict[Key, Figures], route: str, connections: int, subject: str, others: Sequence[str]) -> float | None:
    """The subject's rate by that of the best of the others; None where one of them was not measured."""
    ours = found.get((subject, route, connections))
    theirs = [found[other, route, connections].rate for other in others if (other, route, connections) in found]
    return ours.rate / max(theirs) if ours and theirs and max(theirs) else None


def to_json(windows: Iterable[Window]) -> list[dict[str, Any]]:
    """The windows as they are kept beside the page."""
    return [asdict(window) for window in windows]


def from_json(rows: Iterable[dict[str, Any]]) -> list[Window]:
    """And back."""
    return [Window(**row) for row in rows]
