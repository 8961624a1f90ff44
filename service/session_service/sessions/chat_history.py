"""The conversation of a session: the messages of its top-level runs, without the machinery around them."""

from __future__ import annotations

from collections.abc import Iterable

from session_service.store.records import RunMessages

from .json_text import (
    Kind,
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
from .media import AUDIO, FILE, IMAGE, VIDEO, MediaKind, media_list, medium, stable_id
from .timestamps import unix

_UNSHOWN_ROLES = ("system", "tool")


def _flag(value: bytes | None) -> bytes | None:
    return value if value in (b"true", b"false") else None


def _flag_or_false(value: bytes | None) -> bytes:
    return _flag(value) or b"false"


_FIELDS: tuple[tuple[str, Kind], ...] = (
    ("content", something),
    ("reasoning_content", string),
    ("from_history", _flag_or_false),
    ("compressed_content", string),
    ("stop_after_tool_call", _flag_or_false),
    ("role", string),
    ("name", string),
    ("tool_call_id", string),
    ("tool_name", string),
    ("tool_args", something),
    ("tool_call_error", _flag),
    ("tool_calls", some_objects),
    ("redacted_reasoning_content", string),
    ("provider_data", some_object),
    ("checkpoint_status", string),
    ("checkpoint_created_at", integer),
)
_ABSENT = {"from_history": b"false", "stop_after_tool_call": b"false"}
_MEDIA = {"images": IMAGE, "audio": AUDIO, "videos": VIDEO, "files": FILE}
_METRICS = (
    *("input_tokens", "output_tokens", "total_tokens"),
    *("audio_input_tokens", "audio_output_tokens", "audio_total_tokens"),
    *("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("cost", "duration", "time_to_first_token", "provider_metrics"),
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
    for place, stored in enumerate(read_list(run.messages)):
        message = read_object(stored)
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
    message = _ABSENT | message
    return write_object(
        [
            ("id", string(message.get("id")) or stable_id(seed)),
            *((name, kind(message[name])) for name, kind in _FIELDS if name in message),
            *(
                (name, _media(message[name], kind, f"{seed}/{name}"))
                for name, kind in _MEDIA.items()
                if name in message
            ),
            ("audio_output", medium(message.get("audio_output"), AUDIO, seed=f"{seed}/audio_output")),
            ("references", _references(message.get("references"))),
            ("metrics", _metrics(message.get("metrics"))),
            ("created_at", created_at),
        ]
    )


def _media(stored: bytes, kind: MediaKind, seed: str) -> bytes | None:
    return some_objects(write_list(media_list(stored, kind, seed=seed)))


def _references(stored: bytes | None) -> bytes | None:
    members = read_object(stored)
    if not members:
        return None
    return write_object([(name, members.get(name)) for name in ("query", "references", "time")], nulls=True)


def _metrics(stored: bytes | None) -> bytes | None:
    members = read_object(stored)
    counted = [(name, something(members[name])) for name in _METRICS if members.get(name, b"0") != b"0"]
    return some_object(write_object(counted))
