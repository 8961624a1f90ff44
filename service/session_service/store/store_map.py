"""The stores of a DSN map, and their replacement when the map changes while requests are running."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from session_service.database.database import Database
from session_service.database.dsn import Dsn
from session_service.database.dsn_map import DsnMap, Source

from .session_store import SessionStore


@dataclass(frozen=True, slots=True, eq=False)
class StoreMap:
    """The stores of each database id, in the order of the map; `default` answers requests without an id."""

    dsn_map: DsnMap
    by_id: Mapping[str, Sequence[SessionStore]]

    @classmethod
    def open(cls, dsn_map: DsnMap, former: StoreMap | None = None) -> StoreMap:
        """The stores of a map, without opening connections. Keeps the unchanged ones of `former`.

        Sources of one id and DSN share a pool, with the settings of the first.
        """
        kept = {} if former is None else former.by_id
        return cls(dsn_map, {id: _stores(id, sources, kept.get(id, ())) for id, sources in dsn_map.sources.items()})

    @property
    def default(self) -> str:
        """The id of the default database."""
        return self.dsn_map.default

    @property
    def stores(self) -> list[SessionStore]:
        """All stores."""
        return [store for stores in self.by_id.values() for store in stores]

    @property
    def databases(self) -> set[Database]:
        """All databases of the stores."""
        return {store.database for store in self.stores}


def _stores(id: str, sources: Iterable[Source], former: Sequence[SessionStore]) -> list[SessionStore]:
    databases: dict[Dsn, Database] = {}
    stores = []
    for source in sources:
        if source.dsn not in databases:
            kept = (store.database for store in former if store.database.suits(source))
            databases[source.dsn] = next(kept, None) or Database(id, source)
        database = databases[source.dsn]
        same = (store for store in former if store.database is database and store.source == source)
        stores.append(next(same, None) or SessionStore(database, source))
    return stores


class LiveStores:
    """The current stores for new requests. A request keeps the stores that it began with."""

    def __init__(self, stores: StoreMap) -> None:
        self.current = stores
        self._users: dict[StoreMap, int] = {}
        self._unused: dict[StoreMap, asyncio.Event] = {}
        self._leaving: dict[asyncio.Task[None], StoreMap] = {}

    @contextmanager
    def use(self) -> Iterator[StoreMap]:
        """The stores for one request."""
        stores = self.current
        self._users[stores] = self._users.get(stores, 0) + 1
        try:
            yield stores
        finally:
            self._users[stores] -= 1
            if not self._users[stores]:
                del self._users[stores]
                if stores in self._unused:
                    self._unused.pop(stores).set()

    def exchange(self, stores: StoreMap) -> None:
        """Use these stores for new requests; close what the previous ones do not share with them once it is unused."""
        former, self.current = self.current, stores
        task = asyncio.create_task(self._retire(former))
        self._leaving[task] = former
        task.add_done_callback(self._leaving.pop)

    async def _retire(self, former: StoreMap) -> None:
        if former in self._users:
            unused = self._unused[former] = asyncio.Event()
            await unused.wait()
        others = [self.current, *(stores for stores in self._leaving.values() if stores is not former)]
        await _close(former.databases.difference(*(stores.databases for stores in others)))

    async def close(self) -> None:
        """Close every database, also those of previous maps."""
        maps = [self.current, *self._leaving.values()]
        for task in tuple(self._leaving):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await _close({database for stores in maps for database in stores.databases})


async def _close(databases: Iterable[Database]) -> None:
    await asyncio.gather(*(database.close() for database in databases))
