"""How soon stores that are not well are looked at again: what ails them, no Kubernetes event tells."""

from __future__ import annotations

from collections import defaultdict

from session_operator.resource import Key

UNSETTLED_SECONDS = 15
LOOKS_A_SECOND = 10
"""All together: a thousand rollouts at once must not keep the operator busy."""


class Pace:
    """The stores that are not well. Each namespace that has some gets the same part of the looks."""

    def __init__(self) -> None:
        self._unsettled: dict[str, set[Key]] = defaultdict(set)

    def next_look(self, key: Key, *, settled: bool) -> float | None:
        """Seconds until the next look at a store; None for one that is well, or gone, or waits for an event."""
        stores = self._unsettled[key.namespace]
        if not settled:
            stores.add(key)
            return max(UNSETTLED_SECONDS, len(stores) * len(self._unsettled) / LOOKS_A_SECOND)
        stores.discard(key)
        if not stores:
            del self._unsettled[key.namespace]
        return None
