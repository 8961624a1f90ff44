"""The form that an object is shown in: its fields in order, what each may hold, what stands for an absent one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .json_text import Kind


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. Without a kind it is derived, not stored; `absent` is shown where there is no such key."""

    name: str
    kind: Kind | None
    absent: bytes | None = None


def derived(*names: str) -> list[Field]:
    """Fields that `Form.show` leaves without a value, each in its place."""
    return [Field(name, None) for name in names]


def stored(kind: Kind, *names: str, absent: bytes | None = None) -> list[Field]:
    """Fields that show what is stored under the same name."""
    return [Field(name, kind, absent) for name in names]


class Form:
    """Fields in the order that they are shown in."""

    __slots__ = ("_blank", "_kinds", "fields")

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        self._kinds = {field.name: field.kind for field in fields if field.kind}
        self._blank = {field.name: field.kind(field.absent) if field.kind else None for field in fields}

    def show(self, members: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """The value of every field, in order, made of stored members; None where it has none."""
        shown = self._blank.copy()
        # by member, not by field: few of a form's fields are stored
        for name, value in members.items():
            if kind := self._kinds.get(name):
                shown[name] = kind(value)
        return shown
