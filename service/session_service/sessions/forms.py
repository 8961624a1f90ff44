"""Forms of objects in answers: their fields in order, the kind of each, and the value of an absent one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .json_text import Kind


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. Without a kind it is derived, not stored; `absent` is shown if the key is missing."""

    name: str
    kind: Kind | None
    absent: bytes | None = None


def derived(*names: str) -> list[Field]:
    """Fields that `Form.show` leaves empty, each in its place."""
    return [Field(name, None) for name in names]


def stored(kind: Kind, *names: str, absent: bytes | None = None) -> list[Field]:
    """Fields that show the stored member of the same name."""
    return [Field(name, kind, absent) for name in names]


class Form:
    """Fields in the order of the answer."""

    __slots__ = ("_blank", "_kinds", "fields")

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        self._kinds = {field.name: field.kind for field in fields if field.kind}
        self._blank = {field.name: field.kind(field.absent) if field.kind else None for field in fields}

    def show(self, members: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """The value of every field, in order, from stored members; None for a field without a value."""
        shown = self._blank.copy()
        # by member, not by field: few of a form's fields are stored
        for name, value in members.items():
            if kind := self._kinds.get(name):
                shown[name] = kind(value)
        return shown
