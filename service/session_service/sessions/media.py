"""Images, audio, videos and files of a message, as a chat history shows them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

from .json_text import read_list, read_object, some_object, string, write_object, write_string


@dataclass(frozen=True, slots=True)
class MediaKind:
    """The fields that a kind of media is shown with, in their order: stored elsewhere, or with its content inline."""

    linked: tuple[str, ...]
    inline: tuple[str, ...]
    defaults: tuple[tuple[str, bytes], ...] = ()

    @property
    def members(self) -> tuple[str, ...]:
        """All that is read of one."""
        return tuple(dict.fromkeys((*self.inline, *self.linked, "content", "media_reference", "metadata")))


_PLACE = ("id", "url", "filepath")

_REFERENCE = (
    *("media_id", "storage_key", "session_id", "storage_backend", "bucket", "region", "url"),
    *("mime_type", "filename", "size", "content_hash", "media_type", "metadata"),
)

IMAGE = MediaKind(
    linked=(*_PLACE, "format", "mime_type", "detail", "original_prompt", "revised_prompt", "alt_text"),
    inline=("id", "format", "mime_type"),
)
AUDIO = MediaKind(
    linked=(*_PLACE, "format", "mime_type", "duration", "sample_rate", "channels", "transcript", "expires_at"),
    inline=("id", "mime_type", "sample_rate", "channels", "transcript", "expires_at"),
    defaults=(("sample_rate", b"24000"), ("channels", b"1")),
)
VIDEO = MediaKind(
    linked=(
        *(*_PLACE, "format", "mime_type", "duration", "width", "height", "fps", "eta"),
        *("original_prompt", "revised_prompt"),
    ),
    inline=("id", "format", "mime_type"),
)
FILE = MediaKind(
    linked=(*_PLACE, "mime_type", "file_type", "filename", "size", "external", "format", "name"),
    inline=("id", "mime_type", "filename", "format", "name"),
)


def media_list(stored: bytes | None, kind: MediaKind, *, seed: str) -> list[bytes]:
    """Each object of a stored list of media, as shown; `seed` makes the ids of those that have none."""
    shown = (medium(item, kind, seed=f"{seed}/{place}") for place, item in enumerate(read_list(stored)))
    return [item for item in shown if item is not None]


def medium(stored: bytes | None, kind: MediaKind, *, seed: str) -> bytes | None:
    """One stored medium as shown, without nulls; None if it is no object or an empty one."""
    members = read_object(stored)
    if not members:
        return None
    members["id"] = string(members.get("id")) or stable_id(seed)
    for name, value in kind.defaults:
        members.setdefault(name, value)
    content = members.get("content", b"null")
    if content != b"null" and not (string(content) and len(content) == 2):
        return write_object([*((name, members.get(name)) for name in kind.inline), ("content", content)])
    linked = [(name, members.get(name)) for name in kind.linked]
    reference = ("media_reference", _reference(members.get("media_reference")))
    return write_object([*linked, reference, ("metadata", some_object(members.get("metadata")))])


def _reference(stored: bytes | None) -> bytes | None:
    """Where a medium is kept, in the order of agno's MediaReference. What has none of its members stays as it is."""
    members = read_object(stored)
    known = [(name, members[name]) for name in _REFERENCE if name in members]
    return write_object(known) if known else stored


def stable_id(seed: str) -> bytes:
    """A UUID as a JSON string, the same for the same seed: AgentOS makes a new one on every request."""
    return write_string(str(uuid5(NAMESPACE_OID, seed))) or b"null"
