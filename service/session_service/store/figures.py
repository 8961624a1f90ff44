"""The figures of each database id, for its metrics."""

from __future__ import annotations

from collections import Counter

from session_service.observability.database_metrics import Figures
from session_service.observability.durations import Durations

from .prober import Prober
from .store_map import LiveStores


def figures(live: LiveStores, prober: Prober) -> list[Figures]:
    """The figures of each id of the current map; those of its pools, including replicas, are added up."""
    by_id = live.current.by_id
    found = []
    for report in prober.reports():
        stores = [each for store in by_id.get(report.id, ()) for each in (store, store.on_replica)]
        databases = {store.database for store in stores if store is not None}
        connections: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        durations = Durations()
        for database in databases:
            connections.update(database.pool.connections)
            errors.update(database.errors)
            durations.include(database.durations)
        found.append(
            Figures(
                id=report.id,
                state=report.state,
                replica=report.replica,
                layout=report.layout,
                connections=connections,
                max_connections=sum(database.pool.max_size for database in databases),
                streams=sum(database.pool.streams.taken for database in databases),
                waiting=sum(database.pool.waiting for database in databases),
                acquire_timeouts=errors["PoolExhausted"],
                refused=errors["PoolQueueFull"],
                errors=errors,
                durations=durations,
            )
        )
    return found
