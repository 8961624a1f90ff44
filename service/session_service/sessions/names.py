"""The name of a session: the stored one, or one derived from its first runs."""

from __future__ import annotations

from session_service.store.records import NameSource

from .json_text import an_object, read_object, read_string, some_object, string, write_list, write_object
from .media import AUDIO, FILE, IMAGE, VIDEO, media_list
from .plain_text import as_line, as_text, as_word

_INPUT_MEDIA = {"images": IMAGE, "videos": VIDEO, "audios": AUDIO, "files": FILE}


def session_name(stored: bytes | None, session_type: str, source: NameSource | None, *, parsed: bool) -> str:
    """The name of a session; empty if it has none.

    `stored` is `session_data.session_name` as JSON text: if present, it is the name, even an empty one. `parsed` is
    True where AgentOS derives the name from parsed runs (detail, rename, patch), False where from stored ones (list).
    """
    if stored is not None and stored != b"null":
        return read_string(stored) or ""
    if source is None or not source.has_runs:
        return ""
    if session_type == "workflow":
        return _workflow_name(source)
    if source.content is not None:
        return read_string(source.content) or ""
    return as_text(_parsed_input(source.input) if parsed else source.input) or ""


def _workflow_name(source: NameSource) -> str:
    if string(source.input) or an_object(source.input):
        return as_line(source.input) or ""
    workflow = as_word(source.workflow_name)
    return f"New {workflow} Session" if workflow else ""


def _parsed_input(input: bytes | None) -> bytes | None:
    """The input as AgentOS prints it after parsing: its fields in a fixed order, media without empty members."""
    if input is None or not an_object(input):
        return input
    if not some_object(input):
        return None
    members = read_object(input)
    media = [(name, write_list(media_list(members.get(name), kind, seed=name))) for name, kind in _INPUT_MEDIA.items()]
    content = ("input_content", members.get("input_content", b'""'))
    return write_object([content, *((name, items) for name, items in media if items != b"[]")])
