"""A request as it goes over the wire, and the answer to it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """`path` is sent as it stands, query included; `body` wins over `json`."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    body: str | None = None

    @property
    def query(self) -> dict[str, str]:
        """The parameters; of a repeated one the last counts."""
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    @property
    def session_id(self) -> str:
        """The id in the path, empty where there is none."""
        return unquote([*urlsplit(self.path).path.split("/"), "", ""][2])

    @property
    def table(self) -> str:
        """The table of sessions that it asks for."""
        schema = "archive" if self.query.get("db_id") == "archive" else "ai"
        return f"{schema}.{self.query.get('table') or 'agno_sessions'}"

    def send(self, port: int) -> "Answer":
        """The answer of the server on this port of 127.0.0.1, over a connection of its own."""
        body = self.body if self.body is not None else None if self.json is None else json.dumps(self.json)
        headers = dict(self.headers)
        if body is not None:
            headers.setdefault("content-type", "application/json")
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(self.method, self.path, body.encode() if body is not None else None, headers)
            response = connection.getresponse()
            content = response.read().decode()
        finally:
            connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, content)


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers under their names in lower case, and the body as text."""

    status: int
    headers: dict[str, str]
    content: str

    def named(self, names: Iterable[str]) -> dict[str, str]:
        """The headers of these names that are there."""
        return {name: self.headers[name] for name in names if name in self.headers}

    @property
    def body(self) -> Any:
        """The JSON of the body, text as it is, None for nothing."""
        if not self.content:
            return None
        if self.headers.get("content-type") != "application/json":
            return self.content
        return json.loads(self.content)
