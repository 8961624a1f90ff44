"""The Kubernetes API: read, list, watch, server-side apply, delete. The operator's own requests all pass here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from msgspec import Raw

from session_operator import kubeconfig
from session_operator.bodies import Page, event, pruned
from session_operator.errors import ApiError, error_of
from session_operator.kinds import Kind, Path
from session_operator.resource import MANAGER, Object
from session_operator.shallow import loads

REQUEST_TIMEOUT = 30
WATCH_SECONDS = 300
WATCH_SILENCE = 90
"""Seconds. The API server sends a bookmark every minute, so a longer silence means a dead connection."""
LONGEST = 8 * 2**20
"""Bytes of an object, or of an event of a watch. etcd takes objects of 1.5 MB."""
_METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
"""The HTTP method of each verb of the API."""
PASSING = (429, 500, 502, 503, 504)
"""Statuses of an API server that is overloaded or has lost its etcd: any request may be repeated."""
RETRY_PAUSES = (0.1, 0.4, 1.6)
PAGE, PAGE_BYTES = 100, 2 * 2**20
"""Objects per page of a list, and bytes per answer. If an answer is longer, the page is repeated with fewer objects."""
READ_AT_A_TIME = 8
"""Answers that are read at the same time. Others determine how long each one is."""
LONGEST_PAUSE = 10
"""Seconds. If a server asks for a longer pause, the queue retries the store later."""


class Cluster:
    """A client of one API server, with the rights of the operator's ServiceAccount or of a kubeconfig."""

    def __init__(
        self, configuration: Configuration, fence: Callable[[], None], sent: Callable[[str, str], None]
    ) -> None:
        configuration.client_session_kwargs = (configuration.client_session_kwargs or {}) | {
            "request_class": _fenced(fence)
        }
        self._configuration = configuration
        self._sent = sent
        self._api = ApiClient(configuration)
        self._api.user_agent = MANAGER
        self._reading = asyncio.Semaphore(READ_AT_A_TIME)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, fence: Callable[[], None] = lambda: None, sent: Callable[[str, str], None] = lambda _verb, _code: None
    ) -> AsyncIterator[Self]:
        """Connect to the API server that the environment names.

        `fence` raises before a forbidden write. `sent` is called with the verb and the HTTP status of each request, or
        `error` if there was no answer.
        """
        cluster = cls(await kubeconfig.load(), fence, sent)
        try:
            yield cluster
        finally:
            await cluster._api.close()  # type: ignore[no-untyped-call]

    async def credentials(self) -> dict[str, Any]:
        """What another client needs to reach the same API server with the same rights, the token fresh."""
        return await kubeconfig.credentials(self._configuration)

    async def serves(self, kind: Kind) -> bool:
        """Whether the API server serves the kind."""
        try:
            served = await self._call("get", kind.group_path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return any(resource["name"] == kind.plural for resource in served["resources"])

    async def get(
        self, kind: Kind, namespace: str, name: str, *, metadata_only: bool = False, whole: bool = False
    ) -> Object | None:
        """Read one object, None if it does not exist. Its metadata is what `pruned` keeps, or all of it if `whole`."""
        try:
            accept = metadata_accept("get") if metadata_only else "application/json"
            return await self._call("get", kind.path(namespace, name), accept=accept, read=loads if whole else pruned)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        selector: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Object]:
        """List the objects of one namespace, or of all, that have the labels and the fields of the selectors.

        Yields one at a time. Their creators determine their size, so keep only what you need of each.
        """
        query = ({"labelSelector": selector} if selector else {}) | ({"fieldSelector": fields} if fields else {})
        accept = metadata_accept("list") if metadata_only else "application/json"
        path, limit = kind.path(namespace), PAGE
        while True:
            query["limit"] = str(limit)
            text = await self._text("list", path, query=query, accept=accept, most=PAGE_BYTES if limit > 1 else LONGEST)
            if text is None:
                limit = max(1, limit // 8)
                continue
            page, limit = Page.read(text), max(1, min(PAGE, limit * PAGE_BYTES // (2 * len(text))))
            del text
            for item in page:
                yield item
                del item
            if not page.rest:
                return
            query["continue"] = page.rest

    async def apply(
        self,
        kind: Kind,
        wanted: Object,
        *,
        subresource: str | None = None,
        manager: str = MANAGER,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply: take over the wanted fields from other managers, and drop those no longer wanted.

        Returns the resulting object; the whole object for a `dry_run`.
        """
        metadata = wanted["metadata"]
        return await self._call(
            "patch",
            kind.path(metadata["namespace"], metadata["name"], subresource),
            query={"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {}),
            body=wanted,
            content_type="application/apply-patch+yaml",
            passing=(*PASSING, 409),  # it names no version, so it can be repeated unchanged
            read=loads if dry_run else pruned,
        )

    async def create(self, kind: Kind, body: Object) -> Object:
        """Create an object."""
        return await self._call("create", kind.path(body["metadata"]["namespace"]), body=body)

    async def replace(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        """Write back an object that was read. Raises `ApiError` 409 if somebody else has written it since."""
        metadata = body["metadata"]
        query = {"dryRun": "All"} if dry_run else {}
        return await self._call("update", kind.path(metadata["namespace"], metadata["name"]), query=query, body=body)

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Object) -> Object:
        """Change some fields of an existing object by a merge patch."""
        path = kind.path(namespace, name)
        return await self._call("patch", path, body=patch, content_type="application/merge-patch+json")

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete the object with this uid, if it still exists. Raises `ApiError` 409 if another object has its name."""
        try:
            body = {"preconditions": {"uid": uid}}
            await self._call("delete", kind.path(namespace, name), body=body)
        except ApiError as error:
            if error.status != 404:
                raise

    @asynccontextmanager
    async def watch_metadata(
        self, kind: Kind, namespace: str | None, *, since: str = "", selector: str = "", fields: str = ""
    ) -> AsyncIterator[AsyncIterator[tuple[str, Object]]]:
        """Open a watch: ADDED, MODIFIED, DELETED or BOOKMARK with the metadata of an object, until the server ends it.

        It begins after the resourceVersion `since`, or with the existing objects. It asks for
        PartialObjectMetadata, so the content of the objects never leaves the API server.
        """
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS)}
        query |= {"resourceVersion": since} if since else {}
        query |= {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": fields} if fields else {}
        timeout = aiohttp.ClientTimeout(total=WATCH_SECONDS + 30, sock_read=WATCH_SILENCE)
        response = await self._send("watch", kind.path(namespace), query, None, metadata_accept("watch"), None, timeout)
        try:
            yield _events(response.content)
        finally:
            response.close()

    async def _call(self, verb: str, path: Path, *, read: Callable[[bytes], Object] = pruned, **options: Any) -> Object:
        text = await self._text(verb, path, **options)
        if text is None:
            raise ValueError(f"an answer is longer than {LONGEST} bytes")
        return read(text)

    async def _text(
        self,
        verb: str,
        path: Path,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        accept: str = "application/json",
        content_type: str = "application/json",
        passing: Sequence[int] = PASSING,
        most: int = LONGEST,
    ) -> bytes | None:
        """The body of an answer, None if it is longer than `most` bytes."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
        for pause in (*RETRY_PAUSES, None):
            try:
                response = await self._send(verb, path, query or {}, body, accept, content_type, timeout)
                break
            except ApiError as error:
                if pause is None or error.status not in passing or error.retry_after > LONGEST_PAUSE:
                    raise
                await asyncio.sleep(max(pause, error.retry_after))
        pieces, left = [], most
        async with response, self._reading:
            async for piece in response.content.iter_any():
                pieces.append(piece)
                left -= len(piece)
                if left < 0:
                    response.close()
                    return None
            return b"".join(pieces)

    async def _send(
        self,
        verb: str,
        path: Path,
        query: Mapping[str, str],
        body: Object | None,
        accept: str,
        content_type: str | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - of one HTTP request
    ) -> aiohttp.ClientResponse:
        method = _METHODS[verb]
        headers = {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        request = await self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response: aiohttp.ClientResponse = (await self._api.call_api(*request, _request_timeout=timeout)).response
        except (aiohttp.ClientError, TimeoutError):
            self._sent(verb, "error")
            raise
        self._sent(verb, str(response.status))
        if response.status >= 400:
            raise error_of(response.status, await response.text(), response.headers.get("Retry-After", ""))
        return response


def _fenced(fence: Callable[[], None]) -> type[aiohttp.ClientRequest]:
    """A class of requests that check the fence before they write, at the last possible moment.

    A process that is frozen after the check still writes when it wakes up. So the check comes after waiting for a
    connection and after opening one.
    """

    class Fenced(aiohttp.ClientRequest):
        async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
            if self.method != "GET":
                fence()
            return await super().send(conn)

    return Fenced


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, Object]]:
    async for kind, text in watched(content):
        if kind == "ERROR":
            raise error_of(500, bytes(text).decode())
        yield kind, pruned(text)


async def watched(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, Raw]]:
    """The events of a watch, one per line: the type and the unparsed object."""
    # aiohttp's line reader fails at 128 KiB, and annotations alone may have twice that
    rest = b""
    async for piece in content.iter_any():
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST:
            raise ValueError(f"a line of a watch is longer than {LONGEST} bytes")
        for line in whole:
            yield event(line)


def metadata_accept(verb: str) -> str:
    """The Accept header of a request for metadata only."""
    return f"application/json;as=PartialObjectMetadata{'List' if verb == 'list' else ''};g=meta.k8s.io;v=v1"
