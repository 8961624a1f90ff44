"""Fetches a JWK set by one GET, with limits on time and bytes: the server may be slow, wrong or hostile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from yarl import URL

from session_service.http.jwks import LARGEST

FETCH_SECONDS = 5.0

_max_age = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})\b", re.ASCII | re.IGNORECASE).search
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class Unfetched(Exception):
    """The URL did not return a JWK set. The message says why, and repeats neither the URL nor the answer."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer. `max_age` is the number of seconds for which it may be used, None if the answer does not say."""

    text: bytes
    max_age: int | None


def jwks_url(text: str) -> URL:
    """Parse the URL to fetch keys from. Raises ValueError, which does not repeat it."""
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"https", "http"} or not url.host or url.user is not None or url.password is not None:
        raise ValueError("write https://host/path, or http://host/path, without a user or password in it")
    return url.with_fragment(None)


async def fetch(url: URL) -> Fetched:
    """Fetch the URL itself: no redirect is followed, and nothing is decompressed. Raises Unfetched."""
    try:
        async with (
            ClientSession(
                timeout=ClientTimeout(total=FETCH_SECONDS),
                cookie_jar=DummyCookieJar(),
                headers=_HEADERS,
                auto_decompress=False,
            ) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if 300 <= answer.status < 400:
                raise Unfetched(f"it answers {answer.status}, and no redirect is followed")
            if answer.status != 200:
                raise Unfetched(f"it answers {answer.status}")
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise Unfetched("its answer is compressed, which was not asked for")
            text = bytearray()
            async for piece in answer.content.iter_any():
                text += piece
                if len(text) > LARGEST:
                    raise Unfetched(f"it answers more than {LARGEST} bytes")
            return Fetched(bytes(text), _seconds_to_use(answer.headers))
    except TimeoutError:
        raise Unfetched(f"it does not answer within {FETCH_SECONDS:g} seconds") from None
    except (ClientError, OSError, ValueError) as error:
        raise Unfetched(f"it is out of reach ({type(error).__name__})") from None


def _seconds_to_use(headers: Mapping[str, str]) -> int | None:
    control = headers.get("Cache-Control", "")
    if re.search(r"\bno-(store|cache)\b", control, re.ASCII | re.IGNORECASE):
        return 0
    found = _max_age(control)
    return int(found[1]) if found else None
