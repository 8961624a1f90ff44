"""The chat history of a session: the messages of its top-level runs, without those of the system and of tools."""

from __future__ import annotations

from collections.abc import Iterable

from session_service.store.documents import ListOf, Parts
from session_service.store.records import Message, RunMessages

from .forms import Form, derived, stored
from .json_text import (
    integer,
    read_list,
    read_object,
    read_string,
    some_object,
    some_objects,
    something,
    string,
    write_list,
    write_object,
)
from .media import AUDIO, FILE, IMAGE, VIDEO, media_list, medium, stable_id
from .timestamps import unix

_UNSHOWN_ROLES = ("system", "tool")


def _flag(value: bytes | None) -> bytes | None:
    return value if value in (b"true", b"false") else None


def _flag_or_false(value: bytes | None) -> bytes:
    return _flag(value) or b"false"


def _counted(value: bytes | None) -> bytes | None:
    return None if value == b"0" else something(value)


_MEDIA = {"images": IMAGE, "audio": AUDIO, "videos": VIDEO, "files": FILE}
_METRICS = Form(
    *stored(_counted, "input_tokens", "output_tokens", "total_tokens"),
    *stored(_counted, "audio_input_tokens", "audio_output_tokens", "audio_total_tokens"),
    *stored(_counted, "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *stored(_counted, "cost", "duration", "time_to_first_token", "provider_metrics"),
)


def _metrics(value: bytes | None) -> bytes | None:
    return some_object(write_object(_METRICS.show(read_object(value)).items()))


_REFERENCE = ("query", "references", "time")


def _references(value: bytes | None) -> bytes | None:
    members = read_object(value)
    if not members:
        return None
    return write_object([(name, members.get(name)) for name in _REFERENCE], nulls=True)


_MESSAGE = Form(
    *derived("id"),
    *stored(something, "content"),
    *stored(string, "reasoning_content"),
    *stored(_flag_or_false, "from_history"),
    *stored(string, "compressed_content"),
    *stored(_flag_or_false, "stop_after_tool_call"),
    *stored(string, "role", "name", "tool_call_id", "tool_name"),
    *stored(something, "tool_args"),
    *stored(_flag, "tool_call_error"),
    *stored(some_objects, "tool_calls"),
    *stored(string, "redacted_reasoning_content"),
    *stored(some_object, "provider_data"),
    *stored(string, "checkpoint_status"),
    *stored(integer, "checkpoint_created_at"),
    *derived(*_MEDIA, "audio_output"),
    *stored(_references, "references"),
    *stored(_metrics, "metrics"),
    *derived("created_at"),
)


def _parts() -> Parts:
    parts: list[str | ListOf] = ["_"]
    for field in _MESSAGE.fields:
        match field.name:
            case name if name in _MEDIA:
                parts.append(ListOf(name, (*_MEDIA[name].members, "_")))
            case "audio_output" as name:
                parts += [f"{name}.{member}" for member in (*AUDIO.members, "_")]
            case "references" as name:
                parts += [f"{name}.{member}" for member in (*_REFERENCE, "_")]
            case "metrics" as name:
                parts += [f"{name}.{member.name}" for member in _METRICS.fields]
            case name:
                parts.append(name)
    return tuple(parts)


MESSAGE_PARTS = _parts()
"""The members that a chat history shows of a message."""


def chat_history(runs: Iterable[RunMessages], *, session_created_at: int | None) -> bytes:
    """The messages in the order of the runs, without those of the system, of tools, and repeated from history.

    A message without an `id` gets one derived from its run and place. One without `created_at` (unix seconds) gets that
    of its run, or else of the session. Both are the same on every request. A view may give no session a time.
    """
    return write_list(
        shown
        for place, run in enumerate(runs)
        for shown in _messages(run, seed=_seed(run, place), otherwise=session_created_at)
    )


def chat_message(message: Message, *, session_created_at: int | None) -> bytes | None:
    """One message of the list; None if it is not shown."""
    run = RunMessages(message.run_id, message.run_created_at, None)
    return _message(message.text, run, message.place, seed=_seed(run, message.run), otherwise=session_created_at)


def _seed(run: RunMessages, place: int) -> str:
    return read_string(run.run_id) or str(place)


def _messages(run: RunMessages, *, seed: str, otherwise: int | None) -> Iterable[bytes]:
    for place, text in enumerate(read_list(run.messages)):
        shown = _message(text, run, place, seed=seed, otherwise=otherwise)
        if shown is not None:
            yield shown


def _message(text: bytes, run: RunMessages, place: int, *, seed: str, otherwise: int | None) -> bytes | None:
    message = read_object(text)
    if not message or read_string(message.get("role")) in _UNSHOWN_ROLES or message.get("from_history") == b"true":
        return None
    created_at = integer(message.get("created_at")) or _run_time(run, otherwise)
    return _shown(message, created_at, seed=f"{seed}/{place}")


def _run_time(run: RunMessages, otherwise: int | None) -> bytes | None:
    found = unix(run.created_at)
    seconds = otherwise if found is None else found
    return None if seconds is None else b"%d" % seconds


def _shown(message: dict[str, bytes], created_at: bytes | None, *, seed: str) -> bytes:
    shown = _MESSAGE.show(message)
    shown["id"] = string(message.get("id")) or stable_id(seed)
    for name, kind in _MEDIA.items():
        if name in message:
            shown[name] = some_objects(write_list(media_list(message[name], kind, seed=f"{seed}/{name}")))
    if "audio_output" in message:
        shown["audio_output"] = medium(message["audio_output"], AUDIO, seed=f"{seed}/audio_output")
    shown["created_at"] = created_at
    return write_object(shown.items())
