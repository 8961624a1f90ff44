"""Reads answers of the API server one object at a time, and of its metadata only what the operator uses.

Others can fill metadata at will. As Python objects, 1.5 MB of `managedFields` would take twenty times as much memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from session_operator.ownership import APPLIED_ANNOTATION
from session_operator.resource import INSTANCE_LABEL, MANAGED_BY_LABEL, MANAGER, Object
from session_operator.shallow import decoded

REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
_LONGEST_ENTRY = 65_536
"""Bytes of the operator's own entry of `managedFields`. Most have about 700, those of large Deployments 20,000."""
_LONGEST_OF_OTHERS = 4096
_MOST_OF_OTHERS = 3
_LONGEST_ANNOTATION = 256
_LONGEST_UID = 64
"""Characters. The API server creates uids of 36 characters, and accepts any uid in an owner reference."""
_Text = str | None | UnsetType


class _Labels(msgspec.Struct):
    instance: _Text = msgspec.field(default=UNSET, name=INSTANCE_LABEL)
    managed_by: _Text = msgspec.field(default=UNSET, name=MANAGED_BY_LABEL)


class _Annotations(msgspec.Struct):
    applied: _Text = msgspec.field(default=UNSET, name=APPLIED_ANNOTATION)
    revision: _Text = msgspec.field(default=UNSET, name=REVISION_ANNOTATION)


class _Owner(msgspec.Struct):
    uid: str
    controller: bool | None = None


class _Entry(msgspec.Struct):
    manager: str = ""
    operation: str = ""
    version: _Text = msgspec.field(default=UNSET, name="apiVersion")
    time: _Text = UNSET
    subresource: _Text = UNSET
    fields: Raw | UnsetType = msgspec.field(default=UNSET, name="fieldsV1")


class _Metadata(msgspec.Struct, rename="camel"):
    name: _Text = UNSET
    namespace: _Text = UNSET
    uid: _Text = UNSET
    resource_version: _Text = UNSET
    generation: int | UnsetType = UNSET
    creation_timestamp: _Text = UNSET
    deletion_timestamp: _Text = UNSET
    labels: _Labels | UnsetType | None = UNSET
    annotations: _Annotations | UnsetType | None = UNSET
    owner_references: list[_Owner] | UnsetType | None = UNSET
    managed_fields: list[Raw] | UnsetType | None = UNSET


class _ListMetadata(msgspec.Struct):
    rest: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMetadata
    items: list[Raw] | None  # of no metadata, null


class _Event(msgspec.Struct):
    type: str
    object: Raw


_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_METADATA = msgspec.json.Decoder(_Metadata)
_ENTRY = msgspec.json.Decoder(_Entry)
_LIST = msgspec.json.Decoder(_List)
_EVENT = msgspec.json.Decoder(_Event)
_ANYTHING = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list: its objects, and the token for the next part, which is empty at the end."""

    items: Sequence[Raw]
    rest: str

    @classmethod
    def read(cls, text: bytes) -> Page:
        """Parse an answer that is a list."""
        found = decoded(_LIST, text)
        return cls(found.items or (), found.metadata.rest)

    def __iter__(self) -> Iterator[Object]:
        return map(pruned, self.items)


def pruned(text: bytes | Raw) -> Object:
    """An object with only the metadata that the operator uses. `fieldsV1` stays unparsed text."""
    members = decoded(_MEMBERS, text)
    return {name: _metadata(part) if name == "metadata" else decoded(_ANYTHING, part) for name, part in members.items()}


def event(line: bytes) -> tuple[str, Raw]:
    """An event of a watch: its type, and the unparsed object."""
    found = decoded(_EVENT, line)
    return found.type, found.object


def _metadata(text: Raw) -> Object:
    found = decoded(_METADATA, text)
    owners, entries = found.owner_references or (), found.managed_fields or ()
    found.owner_references = found.managed_fields = UNSET
    kept: Object = msgspec.to_builtins(found)
    if annotations := kept.get("annotations"):
        kept["annotations"] = {k: v for k, v in annotations.items() if v and len(v) <= _LONGEST_ANNOTATION}
    if controllers := [{"uid": each.uid[:_LONGEST_UID], "controller": True} for each in owners if each.controller]:
        kept["ownerReferences"] = controllers
    if managed := list(_entries(entries)):
        kept["managedFields"] = managed
    return kept


def _entries(texts: Sequence[Raw]) -> Iterator[dict[str, Any]]:
    """The operator's own entry, and the first few of others."""
    own, others = 1, _MOST_OF_OTHERS
    for text in texts:
        size = memoryview(text).nbytes
        if size > _LONGEST_ENTRY:
            continue
        entry = decoded(_ENTRY, text)
        ours = (entry.manager, entry.operation, entry.subresource) == (MANAGER, "Apply", UNSET)
        if ours and own:
            own -= 1
        elif not ours and entry.manager and others and size <= _LONGEST_OF_OTHERS:
            others -= 1
        else:
            continue
        fields = b"{}" if entry.fields is UNSET else bytes(entry.fields)
        entry.fields = UNSET
        yield msgspec.to_builtins(entry) | {"fieldsV1": fields}
