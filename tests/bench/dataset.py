"""Sessions as agno stores them, made from a seed: the same rows on every machine."""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FIRST_SESSION = 5_000_000_000_000_000_001
"""Ids are decimal numbers, so that pgbench can make them: its variables are numbers."""
FIRST_USER = 7_000_001
USERS = 50
START = 1_760_000_000

_AGENT_DATA = {"agent_id": "support-agent", "name": "Support Agent", "model": {"id": "gpt-4o", "provider": "OpenAI"}}
_SYLLABLES = ("ka", "lo", "ri", "men", "to", "sa", "ver", "in", "du", "pel", "nor", "te", "ash", "qui", "bo", "zen")


@dataclass(frozen=True)
class Session:
    """A row of `agno_sessions` and the rows of its runs, each a dict of column values; JSON values are Python's."""

    row: dict[str, Any]
    runs: list[dict[str, Any]]


class Generator:
    """Makes sessions one after the other. Text is drawn from a pool of sentences, so that it compresses as prose."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        words = ["".join(self._random.choices(_SYLLABLES, k=self._random.randint(1, 4))) for _ in range(3000)]
        self._sentences = [
            " ".join(self._random.choices(words, k=self._random.randint(6, 18))).capitalize() + ". "
            for _ in range(4000)
        ]
        self._instructions = self._text(1800)

    def sessions(self, number: int, whales: int) -> Iterator[Session]:
        """Sessions of 1 to 40 runs of 5 to 60 kB, half without a name; the first `whales` have 200 runs each."""
        for n in range(number + whales):
            kind = "agent" if n < whales else self._random.choices(("agent", "team", "workflow"), (70, 20, 10))[0]
            runs = 200 if n < whales else min(40, 1 + int(self._random.expovariate(1 / 7.5)))
            yield self._session(n, kind, runs)

    def _session(self, n: int, kind: str, runs: int) -> Session:
        id, user = str(FIRST_SESSION + n), str(FIRST_USER + self._random.randrange(USERS))
        component = f"{kind}-{self._random.randrange(8)}"
        created = START + n * 60
        data: dict[str, Any] = {
            "session_state": {"step": self._random.randrange(9), "city": "Seoul", "tags": ["a", "b"]},
            "session_metrics": self._metrics() | {"details": {"model": [self._metrics() | {"id": "gpt-4o"}]}},
        }
        if n % 2:
            data["session_name"] = self._text(40)[:48]
        row = {
            "session_id": id,
            "session_type": kind,
            "agent_id": None,
            "team_id": None,
            "workflow_id": None,
            "user_id": user,
            "session_data": data,
            "agent_data": None,
            "team_data": None,
            "workflow_data": None,
            "metadata": {"source": "web", "priority": n % 3},
            "summary": {"summary": self._text(200), "topics": ["one", "two"]} if kind != "workflow" else None,
            "created_at": created,
            "updated_at": created + 30,
        }
        row[f"{kind}_id"] = component
        row[f"{kind}_data"] = {**_AGENT_DATA, "name": component} if kind == "agent" else {"name": component}
        return Session(row, [self._run(row, kind, component, index) for index in range(runs)])

    def _run(self, session: dict[str, Any], kind: str, component: str, index: int) -> dict[str, Any]:
        id, at = self._uuid(), session["created_at"] + index
        asked, answered = self._text(self._random.randint(40, 400)), self._text(self._random.randint(200, 3000))
        common = {
            "run_id": id,
            f"{kind}_id": component,
            f"{kind}_name": component,
            "session_id": session["session_id"],
            "user_id": session["user_id"],
            "content": answered,
            "content_type": "str",
            "created_at": at,
            "status": "COMPLETED",
        }
        size = int(min(60_000, 5_000 + self._random.expovariate(1 / 16_000)))
        data = common | (
            self._workflow(asked, size) if kind == "workflow" else self._conversation(asked, answered, at, size)
        )
        return {
            "run_id": id,
            "session_id": session["session_id"],
            "run_type": kind,
            "agent_id": data.get("agent_id"),
            "team_id": data.get("team_id"),
            "workflow_id": data.get("workflow_id"),
            "user_id": session["user_id"],
            "parent_run_id": None,
            "status": "COMPLETED",
            "run_index": index,
            "run_data": data,
            "created_at": at,
            "updated_at": at + 1,
        }

    def _conversation(self, asked: str, answered: str, at: int, size: int) -> dict[str, Any]:
        """A question, calls of tools whose results fill the size, an answer."""
        messages = [self._message("system", self._instructions, at), self._message("user", asked, at)]
        tools = []
        left = size - 2 * len(answered) - len(self._instructions) - 1500
        while left > 0:
            result = self._text(min(left // 2 + 50, self._random.randint(500, 6000)))
            call, arguments = f"call_{self._uuid()[:8]}", {"query": self._text(40), "limit": 10}
            function = {"name": "search", "arguments": json.dumps(arguments)}
            messages.append(
                self._message("assistant", None, at)
                | {"tool_calls": [{"id": call, "type": "function", "function": function}], "metrics": self._metrics()}
            )
            tool = {"tool_call_id": call, "tool_name": "search", "tool_args": arguments, "tool_call_error": False}
            messages.append(self._message("tool", result, at) | tool | {"metrics": {"duration": 0.02}})
            tools.append(tool | {"result": result, "metrics": {"duration": 0.02}, "created_at": at})
            left -= 2 * len(result) + 900
        messages.append(self._message("assistant", answered, at) | {"metrics": self._metrics()})
        return {
            "model": "gpt-4o",
            "model_provider": "OpenAI",
            "messages": messages,
            "tools": tools,
            "input": {"input_content": asked},
            "metrics": self._metrics(),
            "session_state": {"step": 1, "city": "Seoul"},
        }

    def _workflow(self, asked: str, size: int) -> dict[str, Any]:
        count = self._random.randint(2, 5)
        steps = [
            {
                "step_name": f"step {n}",
                "step_type": "Function",
                "executor_type": "function",
                "content": self._text(size // count),
                "success": True,
                "stop": False,
            }
            for n in range(count)
        ]
        return {"input": asked, "step_results": steps, "metrics": {"steps": {}, "duration": 1.75}}

    def _message(self, role: str, content: str | None, at: int) -> dict[str, Any]:
        flags = {"from_history": False, "stop_after_tool_call": False}
        return {"id": self._uuid(), "content": content, **flags, "role": role, "created_at": at}

    def _metrics(self) -> dict[str, Any]:
        asked, answered = self._random.randint(50, 4000), self._random.randint(20, 900)
        return {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered, "duration": 1.75}

    def _text(self, length: int) -> str:
        return "".join(self._random.choices(self._sentences, k=max(1, length // 75)))

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
