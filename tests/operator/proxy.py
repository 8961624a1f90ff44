"""An HTTP proxy between an operator and the API server: sees each call, and can refuse it or hold its answer back."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from yarl import URL

from .apiserver import ApiServer

_PATH = re.compile(r"/apis?(?:/(?P<group>[^/]+\.[^/]+|apps|batch|policy|autoscaling))?/(?P<version>v[^/]+)"
                   r"(?:/namespaces/(?P<namespace>[^/]+))?(?:/(?P<rest>.+))?")  # fmt: skip
_PASSED_ON = ("Accept", "Authorization", "Content-Type", "User-Agent")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Call:
    """A request as RBAC sees it, e.g. patch deployments/chat; discovery has the verb get and its path."""

    verb: str
    what: str
    accept: str

    @classmethod
    def of(cls, request: web.BaseRequest) -> Self:
        found = _PATH.fullmatch(request.path)
        what = (found["rest"] if found else None) or request.path
        verb = _VERBS.get(request.method, "get")
        if request.query.get("watch"):
            verb = "watch"
        elif verb == "get" and found and found["rest"] and "/" not in found["rest"]:
            verb = "list"
        return cls(verb, what, request.headers.get("Accept", ""))

    def __str__(self) -> str:
        return f"{self.verb} {self.what}"


Meddler = Callable[[Call], Awaitable[web.StreamResponse | None]]


async def _leave_alone(_: Call) -> None:
    return None


class Proxy:
    """`before` answers in place of the API server if it gives a response; `after` runs when that has answered."""

    def __init__(self, server: ApiServer, session: aiohttp.ClientSession) -> None:
        self.calls: list[Call] = []
        self.before: Meddler = _leave_alone
        self.after: Meddler = _leave_alone
        self.url = ""
        self._server = server
        self._session = session

    @classmethod
    @asynccontextmanager
    async def in_front_of(cls, server: ApiServer) -> AsyncIterator[Self]:
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(server.certificate)), limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, skip_auto_headers=("Accept-Encoding", "Content-Type")
        ) as session:
            proxy = cls(server, session)
            runner = web.ServerRunner(web.Server(proxy._answer, handler_cancellation=True), shutdown_timeout=0)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield proxy
            finally:
                await runner.cleanup()

    def meddle_no_more(self) -> None:
        self.before = self.after = _leave_alone

    def kubeconfig(self, user: str) -> Path:
        """A kubeconfig of the user that leads through the proxy."""
        return self._server.kubeconfig(user, through=self.url)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        call = Call.of(request)
        self.calls.append(call)
        if (instead := await self.before(call)) is not None:
            return instead
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = URL(self._server.url + request.raw_path, encoded=True)
        body = await request.read()
        response = web.StreamResponse()
        try:
            async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
                if (instead := await self.after(call)) is not None:
                    return instead
                response.set_status(answer.status)
                response.content_type = answer.content_type
                if length := answer.headers.get("Content-Length"):
                    response.headers["Content-Length"] = length
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientError as error:
            if response.prepared and request.transport is not None:  # the end of a watch in the middle of it
                request.transport.abort()
                return response
            return refusal(502, "BadGateway", str(error))


def refusal(code: int, reason: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """What the API server would say."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    text = json.dumps(status | {"code": code, "reason": reason, "message": message})
    return web.Response(status=code, text=text, content_type="application/json", headers=headers)
