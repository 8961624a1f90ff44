"""When to look again at unhealthy stores: no Kubernetes event says that a database has recovered."""

from __future__ import annotations

from collections import defaultdict

from session_operator.resource import Key

UNSETTLED_SECONDS = 15
LOOKS_A_SECOND = 10
"""Looks at all stores together, so that a thousand simultaneous rollouts do not keep the operator busy."""


class Pace:
    """The unhealthy stores. Each namespace that has some gets the same share of the looks."""

    def __init__(self) -> None:
        self._unsettled: dict[str, set[Key]] = defaultdict(set)

    def next_look(self, key: Key, *, settled: bool) -> float | None:
        """Seconds until the next look at a store; None if it is healthy, is gone, or waits for an event."""
        stores = self._unsettled[key.namespace]
        if not settled:
            stores.add(key)
            return max(UNSETTLED_SECONDS, len(stores) * len(self._unsettled) / LOOKS_A_SECOND)
        stores.discard(key)
        if not stores:
            del self._unsettled[key.namespace]
        return None
