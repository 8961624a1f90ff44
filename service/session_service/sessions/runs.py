"""A stored run, and its form in answers."""

from __future__ import annotations

from collections.abc import Collection

from session_service.store.documents import ListOf, Parts
from session_service.store.records import SessionOfRuns

from .json_text import read_object, read_string, write_object, write_string
from .run_fields import RUN_FORMS
from .run_input import (
    CONVERSATION_INPUT,
    INPUT_MEDIA,
    WORKFLOW_INPUT,
    conversation_input,
    input_media,
    workflow_input,
)
from .sdk import agent_sdk, with_sdk
from .timestamps import from_run, unix

_NULL = b"null"


Forms = tuple[tuple[str | None, str], ...]

# the first of these members that a run has determines its form
_TEAM_LIST: Forms = (("agent_id", "agent"), ("team_id", "team"))
_ANY_RUN: Forms = (("workflow_id", "workflow"), ("team_id", "team"), (None, "agent"))
_AGENT_LIST: Forms = ((None, "agent"),)


def _forms(listed_as: str | None) -> Forms:
    return {"team": _TEAM_LIST, "workflow": _ANY_RUN, None: _ANY_RUN}.get(listed_as, _AGENT_LIST)


# read in any case, whatever is shown
_LOOKED_INTO = ("_", "agent_id", "team_id", "workflow_id", "status", "created_at", "content_type")


def run_parts(listed_as: str | None, shown: Collection[str] | None = None) -> tuple[tuple[str | None, Parts], ...]:
    """The parts that are shown of a run, by the first member that it names; of all fields, or only of these."""
    return tuple((name, _parts(form, shown)) for name, form in _forms(listed_as))


def _parts(form: str, shown: Collection[str] | None) -> Parts:
    parts: list[str | ListOf] = [*_LOOKED_INTO]
    for field in RUN_FORMS[form].fields:
        if shown is not None and field.name not in shown:
            continue
        match field.name:
            case "run_input":
                parts += WORKFLOW_INPUT if form == "workflow" else CONVERSATION_INPUT
            case "input_media":
                parts += [ListOf(f"input.{media}") for media in INPUT_MEDIA]
            case name if name not in _LOOKED_INTO:
                parts.append(name)
    return tuple(parts)


class Run:
    """One stored run, read one level deep. A value that is not an object has no fields."""

    __slots__ = ("_stored",)

    def __init__(self, text: bytes) -> None:
        self._stored = read_object(text)

    def matches(
        self,
        *,
        created_after: int | None = None,
        created_before: int | None = None,
        statuses: Collection[str] = (),
    ) -> bool:
        """Whether it passes the filters: unix seconds, both inclusive, and upper-case statuses (none: any).

        A run without a time passes every time, a run without a status passes no status.
        """
        if created_after is not None or created_before is not None:
            created_at = unix(self._stored.get("created_at"))
            if created_at is not None:
                if created_after is not None and created_at < created_after:
                    return False
                if created_before is not None and created_at > created_before:
                    return False
        return not statuses or (read_string(self._stored.get("status")) or "").upper() in statuses

    def shape(self, session: SessionOfRuns, listed_as: str | None) -> dict[str, bytes | None] | None:
        """Its fields in order as JSON text, None where null.

        `listed_as` is the type of session that rules the form in a list of runs, None where one run is asked for.
        None: such a list does not show this run.
        """
        form = self._form(listed_as)
        if form is None or not self._stored:
            return None
        shown = RUN_FORMS[form].show(self._stored)
        self._derive(shown, form, self._sdk(session, listed_as))
        return shown

    def body(self, session: SessionOfRuns, listed_as: str | None, *, nulls: bool) -> bytes | None:
        """The same as a JSON object; with `nulls` every field of the form is printed."""
        shape = self.shape(session, listed_as)
        return None if shape is None else write_object(shape.items(), nulls=nulls)

    def _names(self, key: str) -> bool:
        return self._stored.get(key, _NULL) != _NULL

    def _form(self, listed_as: str | None) -> str | None:
        return next((form for name, form in _forms(listed_as) if name is None or self._names(name)), None)

    def _sdk(self, session: SessionOfRuns, listed_as: str | None) -> bytes | None:
        """The SDK for this run: the session's agent gives it only to its own runs."""
        if listed_as in ("team", "workflow") or session.session_type in ("team", "workflow"):
            return None
        own = not self._names("agent_id") or read_string(self._stored["agent_id"]) == session.agent_id
        return agent_sdk(session.agent_data) if own else None

    def _derive(self, shown: dict[str, bytes | None], form: str, sdk: bytes | None) -> None:
        """Add the derived fields."""
        stored = self._stored
        shown["created_at"] = from_run(stored.get("created_at"))
        if form == "workflow":
            shown["run_input"] = write_string(workflow_input(stored))
            return
        given = read_object(stored.get("input"))
        shown["run_input"] = write_string(conversation_input(stored, given))
        plain = stored.get("content_type", b'"str"') == b'"str"'
        shown["run_response_format"] = b'"text"' if plain else b'"json"'
        shown["input_media"] = input_media(given)
        if form == "agent":
            shown["metadata"] = with_sdk(stored.get("metadata"), sdk)
