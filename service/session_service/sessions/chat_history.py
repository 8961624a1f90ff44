"""The conversation of a session: the messages of its top-level runs, without the machinery around them."""

from __future__ import annotations

from collections.abc import Iterable

from session_service.store.records import RunMessages

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


def _references(value: bytes | None) -> bytes | None:
    members = read_object(value)
    if not members:
        return None
    return write_object([(name, members.get(name)) for name in ("query", "references", "time")], nulls=True)


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


def chat_history(runs: Iterable[RunMessages], *, session_created_at: int) -> bytes:
    """The list of messages in the order of the runs, less those of the system, of tools, and repeated from history.

    A message without `id` gets one made of its run and place, one without `created_at` (unix seconds) its run's,
    or the session's where the run has none: the same on every request.
    """
    return write_list(
        shown
        for place, run in enumerate(runs)
        for shown in _messages(run, seed=read_string(run.run_id) or str(place), otherwise=session_created_at)
    )


def _messages(run: RunMessages, *, seed: str, otherwise: int) -> Iterable[bytes]:
    for place, text in enumerate(read_list(run.messages)):
        message = read_object(text)
        if (
            message
            and read_string(message.get("role")) not in _UNSHOWN_ROLES
            and message.get("from_history") != b"true"
        ):
            created_at = integer(message.get("created_at")) or _run_time(run, otherwise)
            yield _shown(message, created_at, seed=f"{seed}/{place}")


def _run_time(run: RunMessages, otherwise: int) -> bytes:
    seconds = unix(run.created_at)
    return b"%d" % (otherwise if seconds is None else seconds)


def _shown(message: dict[str, bytes], created_at: bytes, *, seed: str) -> bytes:
    shown = _MESSAGE.show(message)
    shown["id"] = string(message.get("id")) or stable_id(seed)
    for name, kind in _MEDIA.items():
        if name in message:
            shown[name] = some_objects(write_list(media_list(message[name], kind, seed=f"{seed}/{name}")))
    if "audio_output" in message:
        shown["audio_output"] = medium(message["audio_output"], AUDIO, seed=f"{seed}/audio_output")
    shown["created_at"] = created_at
    return write_object(shown.items())
