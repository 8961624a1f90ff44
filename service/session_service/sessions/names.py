"""The name that a session is shown by: the stored one, or one made of its first runs."""

from __future__ import annotations

from session_service.store.records import NameSource

from .json_text import an_object, read_object, read_string, some_object, string, write_list, write_object
from .media import AUDIO, FILE, IMAGE, VIDEO, media_list
from .plain_text import as_line, as_text, as_word

_INPUT_MEDIA = {"images": IMAGE, "videos": VIDEO, "audios": AUDIO, "files": FILE}


def session_name(stored: bytes | None, session_type: str, source: NameSource | None, *, parsed: bool) -> str:
    """The name of a session; empty where there is none to be had.

    `stored` is `session_data.session_name` as JSON text: if there, it is the name, even when empty. `parsed` is True
    where AgentOS names the session by its parsed runs (detail, rename, patch), False where by the stored ones (list).
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
    """The input as AgentOS prints it after parsing: its own fields in a fixed order, media without what is empty."""
    if input is None or not an_object(input):
        return input
    if not some_object(input):
        return None
    members = read_object(input)
    media = [(name, write_list(media_list(members.get(name), kind, seed=name))) for name, kind in _INPUT_MEDIA.items()]
    content = ("input_content", members.get("input_content", b'""'))
    return write_object([content, *((name, items) for name, items in media if items != b"[]")])
