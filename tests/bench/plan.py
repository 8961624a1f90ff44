"""How much is measured: a quick run to see that it works, a full one for the figures that are published."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Sizes of the data set, lengths of windows in seconds, and rounds for each concurrency."""

    sessions: int
    whales: int
    window: int
    slow_window: int
    rounds: dict[int, int]
    growth: tuple[int, ...]
    heavy_window: int


PLANS = {
    "quick": Plan(
        sessions=600, whales=5, window=2, slow_window=3, rounds={16: 1}, growth=(1_000, 10_000), heavy_window=3
    ),
    "full": Plan(
        sessions=2_000,
        whales=20,
        window=3,
        slow_window=5,
        rounds={16: 3, 1: 1, 64: 1},
        growth=(10_000, 100_000, 1_000_000),
        heavy_window=10,
    ),
}
