"""A model without a network: it says what the last message tells it to, and works under every release of agno."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from agno.media import Image
from agno.models.base import Model
from agno.models.response import ModelResponse
from agno.run.cancel import _cancellation_manager as running
from agno.run.cancel import cancel_run

try:
    from agno.metrics import MessageMetrics as Metrics
except ImportError:  # before 2.5
    from agno.models.metrics import Metrics

PIXEL = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"
SUMMARY = json.dumps({"summary": "They talked about trains.", "topics": ["trains", "Vienna"]})


@dataclass
class Parrot(Model):
    """Calls the tool that a question names (`call NAME {"argument": …}`), else answers; `seen` is what it was shown.

    `cancel` has what runs cancelled, `fail` raises, `draw` answers with an image, `summary` of a session is a summary.
    """

    id: str = "parrot-1"
    name: str = "Parrot"
    provider: str = "Stub"
    seen: list[str] = field(default_factory=list)

    def invoke(self, messages: list[Any], **words: Any) -> ModelResponse:
        """The whole answer."""
        self.seen += [message.get_content_string() for message in messages if message.role != "system"]
        asked = messages[-1].get_content_string() if messages else ""  # of an object 2.0 makes no message
        answer = ModelResponse(
            role="assistant", response_usage=Metrics(input_tokens=11, output_tokens=7, total_tokens=18)
        )
        if messages and messages[-1].role == "tool":
            answer.content = f"So it is: {asked}"
        elif asked.startswith("call "):
            _, name, arguments = asked.split(" ", 2)
            answer.tool_calls = [_call(name, json.loads(arguments), words.get("tools") or [])]
        elif asked.startswith("cancel"):
            for run_id in running.get_active_runs():  # a team of 2.0 does not tell its model which run it is of
                cancel_run(run_id)
            answer.content = "Half an answer"
        elif asked.startswith("fail"):
            raise ValueError("The model is away")
        elif "summary" in asked.lower() or any("summary" in str(message.content).lower() for message in messages[:1]):
            answer.content = SUMMARY
        elif words.get("response_format") is not None or any(
            "JSON" in str(message.content) for message in messages[:1]
        ):
            answer.content = json.dumps({"city": "Vienna", "stars": 5})
        else:
            answer.content = f"You said “{asked}” — naïve ☕ reply"
            answer.reasoning_content = "They want an answer."
            if asked.startswith("draw"):
                answer.images = [Image(id="drawn", content=PIXEL, mime_type="image/png", alt_text="a dot")]
        return answer

    async def ainvoke(self, *arguments: Any, **words: Any) -> ModelResponse:
        """The whole answer."""
        return self.invoke(*arguments, **words)

    def invoke_stream(self, *arguments: Any, **words: Any) -> Iterator[ModelResponse]:
        """The answer in one piece."""
        yield self.invoke(*arguments, **words)

    async def ainvoke_stream(self, *arguments: Any, **words: Any) -> AsyncIterator[ModelResponse]:
        """The answer in one piece."""
        yield self.invoke(*arguments, **words)

    def _parse_provider_response(self, response: Any, **_: Any) -> ModelResponse:
        return response

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        return response


def _call(name: str, arguments: dict[str, Any], tools: list[Any]) -> dict[str, Any]:
    """A call as OpenAI's API writes it; `task` of a delegation has another name in 2.0."""
    known = json.dumps(tools, default=str)
    if "task" in arguments and "task_description" in known:
        arguments["task_description"] = arguments.pop("task")
    return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
