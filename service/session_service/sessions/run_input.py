"""The input of a run as text, and its media."""

from __future__ import annotations

from .json_text import read_list, read_object, read_string, write_list, write_object
from .plain_text import as_text

INPUT_MEDIA = ("images", "videos", "audios", "files")
_NO_MEDIA = write_object((name, b"[]") for name in INPUT_MEDIA)

# what the functions below read of a long run; `messages.1` is its last user message
CONVERSATION_INPUT = ("input.input_content", "messages.1.content")
WORKFLOW_INPUT = ("input", "step_executor_runs.0.messages.0.content", "messages.1.content")


def conversation_input(run: dict[str, bytes], given: dict[str, bytes]) -> str | None:
    """The input of an agent's or a team's run: the content of the `given` input, or else of the last user message.

    Empty if there is neither; None if that content is null or not text.
    """
    content = given.get("input_content", b"null")
    if content != b"null":
        return as_text(content)
    return _last_asked(run.get("messages"), otherwise="")


def workflow_input(run: dict[str, bytes]) -> str | None:
    """The input of a workflow's run, else the last user message of its first step's run, else of the run itself."""
    given = run.get("input", b"null")
    if given != b"null":
        return as_text(given)
    first_step = next(iter(read_list(run.get("step_executor_runs"))), None)
    return _last_asked(
        read_object(first_step).get("messages"), otherwise=_last_asked(run.get("messages"), otherwise="")
    )


def input_media(given: dict[str, bytes]) -> bytes:
    """The lists of media in a run's input; each is always present."""
    if given.keys().isdisjoint(INPUT_MEDIA):
        return _NO_MEDIA
    return write_object((name, write_list(read_list(given.get(name)))) for name in INPUT_MEDIA)


def _last_asked(messages: bytes | None, *, otherwise: str | None) -> str | None:
    for stored in reversed(read_list(messages)):
        message = read_object(stored)
        if read_string(message.get("role")) == "user":
            return read_string(message.get("content", b'""'))
    return otherwise
