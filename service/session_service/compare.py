"""`session-service compare`: asks two servers of the session API the same questions. It only reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import quote

import aiohttp
from yarl import URL

from session_service.comparison import Answer, compare

_PAGE = 20
_LISTS = ("", "sort_order=asc", "sort_by=updated_at", "type=agent", "type=team", "type=workflow", "limit=1", "page=2")
_PARTS = ("", "/runs", "/run-previews")
_SECONDS = 60


class Unanswered(Exception):
    """A server can't be asked; the message says which and why."""


@dataclass(slots=True)
class Comparison:
    """Two servers, by their base URLs, and how far they are compared.

    sessions: how many, from the reference's newest. query: added to every request. headers: of every request.
    asked, different, tied: how many requests there were, with other answers, and with other orders of equal sort keys.
    """

    reference: str
    candidate: str
    sessions: int = 100
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    different: int = 0
    tied: int = 0

    async def lines(self) -> AsyncIterator[str]:
        """What differs, a line each, and in the end how much. Raises Unanswered."""
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(headers=self.headers, timeout=timeout) as client:
            async for path, query in self._requests(client):
                pair = await asyncio.gather(
                    *(self._ask(client, side, path, query) for side in ("reference", "candidate"))
                )
                found = compare(query, *pair)
                self.asked += 1
                self.different += bool(found.lines)
                self.tied += found.tied
                for line in found.lines:
                    yield f"{path}{'?' if query else ''}{query}  {line}"
        if self.tied:
            yield f"ties: rows with equal sort keys come in another order on {self.tied} pages, and are the same by id"
        yield f"{self.asked} requests, {self.different} with different answers"

    async def _requests(self, client: aiohttp.ClientSession) -> AsyncIterator[tuple[str, str]]:
        """Paths and queries: lists, then each of the newest sessions of the reference."""
        for words in _LISTS:
            yield "/sessions", self._with(words)
        left, page = self.sessions, 1
        while left > 0:
            answer = await self._ask(client, "reference", "/sessions", self._with(f"limit={_PAGE}&page={page}"))
            rows = answer.body.get("data") if answer.status == 200 and isinstance(answer.body, dict) else None
            if not rows:
                return
            for row in rows[:left]:
                for part in _PARTS:
                    yield f"/sessions/{quote(row['session_id'], safe='')}{part}", self.query
            left, page = left - len(rows), page + 1

    def _with(self, words: str) -> str:
        return "&".join(filter(None, (words, self.query)))

    async def _ask(self, client: aiohttp.ClientSession, side: str, path: str, query: str) -> Answer:
        base = self.reference if side == "reference" else self.candidate
        url = f"{base.rstrip('/')}{path}{'?' if query else ''}{query}"
        try:
            async with client.get(URL(url, encoded=True), allow_redirects=False) as response:
                content = await response.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unanswered(f"the {side} can't be asked: {error or type(error).__name__}") from None
        try:
            return Answer(response.status, json.loads(content))
        except ValueError:
            return Answer(response.status, content.decode(errors="replace"))
