"""Service accounts of AgentOS: finds the caller of an opaque token in the database where AgentOS keeps its hash."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from session_service.database.dsn_map import DatabaseId
from session_service.database.errors import DatabaseError
from session_service.http.errors import ApiError, authentication_unavailable
from session_service.http.remembered import Remembered
from session_service.store.service_accounts import USE_IS_NOTED_EVERY_SECONDS, ServiceAccount, ServiceAccounts
from session_service.store.store_map import LiveStores, StoreMap

TOKEN_PREFIX = "agno_pat_"  # noqa: S105 - what such tokens begin with

# seconds that a request waits for the database: to read the account, and to record that its token was used
LONGEST_SECONDS = 5.0
LONGEST_NOTE_SECONDS = 1.0
# concurrent lookups, and how many of them may be of addresses that failed too often
AT_ONCE = 4
SUSPECTS_AT_ONCE = 1

FAILURES = 20
FAILURES_SECONDS = 60.0
_MOST_TOKENS = 2048
_MOST_ADDRESSES = 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Where the accounts are; `seconds` is how long the account of a token is cached."""

    db_id: DatabaseId
    table: str
    seconds: float


class AccountTokens:
    """Identifies service accounts by their tokens; `now` returns wall-clock time, by which accounts expire."""

    def __init__(
        self,
        live: LiveStores,
        settings: AccountSettings,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._live = live
        self._settings = settings
        self._now = now
        # two caches, so that wrong tokens, however many, do not displace a right one
        self._valid = Remembered[ServiceAccount](settings.seconds, _MOST_TOKENS, clock)
        self._refused = Remembered[bool](settings.seconds, _MOST_TOKENS, clock)
        self._used = Remembered[bool](USE_IS_NOTED_EVERY_SECONDS, _MOST_TOKENS, clock)
        self._failures = _Failures(clock)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._places_of_suspects = asyncio.Semaphore(SUSPECTS_AT_ONCE)
        self._unnoted: str | None = None

    async def account(self, token: str, address: str | None) -> ServiceAccount:
        """The account of a token that was sent from an address. Raises ApiError 401, 429 or 503."""
        digest, address = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest(), address or "unknown"
        account = self._remembered(digest) or await self._looked_up(digest, address)
        if account is not None:
            await self._note_use(account)
            return account
        # only now, because a valid token is accepted however often others have failed
        if self._failures.too_many(address):
            raise ApiError(429, "Too many failed authentication attempts")
        self._failures.add(address)
        raise ApiError(401, "Invalid or expired service account token")

    def _remembered(self, digest: str) -> ServiceAccount | None:
        account = self._valid.get(digest)
        return account if account is not None and account.valid(self._now()) else None

    async def _looked_up(self, digest: str, address: str) -> ServiceAccount | None:
        if self._refused.get(digest):
            return None
        places = self._places_of_suspects if self._failures.too_many(address) else self._places
        try:
            async with asyncio.timeout(LONGEST_SECONDS), places:
                # the request before this one may have asked
                if account := self._remembered(digest):
                    return account
                with self._live.use() as stores:
                    account = await self._accounts(stores).find(digest)
        except (DatabaseError, TimeoutError) as error:
            log.warning("the service accounts of database %s can't be read: %s", self._settings.db_id, _reason(error))
            raise authentication_unavailable() from None
        if account is not None and account.valid(self._now()):
            self._valid.put(digest, account)
            return account
        self._refused.put(digest, True)
        return None

    async def _note_use(self, account: ServiceAccount) -> None:
        if self._used.get(account.id):
            return
        self._used.put(account.id, True)
        unnoted = None
        try:
            async with asyncio.timeout(LONGEST_NOTE_SECONDS):
                with self._live.use() as stores:
                    await self._accounts(stores).note_use(account.id, int(self._now()))
        except (DatabaseError, TimeoutError) as error:
            unnoted = _reason(error)
            if unnoted != self._unnoted:
                log.warning("last_used_at of service accounts can't be written: %s", unnoted)
        self._unnoted = unnoted

    def _accounts(self, stores: StoreMap) -> ServiceAccounts:
        return ServiceAccounts(stores.by_id[self._settings.db_id][0], self._settings.table)


def _reason(error: DatabaseError | TimeoutError) -> str:
    return error.reason if isinstance(error, DatabaseError) else "Timeout"


class _Failures:
    """The times of refused tokens in the last minute, by address; keeps the addresses that failed last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def too_many(self, address: str) -> bool:
        """Whether one more failure exceeds the limit."""
        times = self._times.get(address)
        if times is None:
            return False
        while times and times[0] <= self._clock() - FAILURES_SECONDS:
            times.popleft()
        return len(times) >= FAILURES

    def add(self, address: str) -> None:
        """Record a failure of this address now."""
        self._times.setdefault(address, deque(maxlen=FAILURES)).append(self._clock())
        self._times.move_to_end(address)
        if len(self._times) > _MOST_ADDRESSES:
            self._times.popitem(last=False)
