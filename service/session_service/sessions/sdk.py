"""The SDK of an agent, which AgentOS adds to the metadata of agent sessions and their runs."""

from __future__ import annotations

from functools import lru_cache

from .json_text import an_object, read_object, read_string, write_object


def sdk_of(sdk: bytes | None, framework: bytes | None) -> bytes | None:
    """The first of these two members of `agent_data`, `sdk` first, that is a string and not empty."""
    if read_string(sdk):
        return sdk
    return framework if read_string(framework) else None


@lru_cache(maxsize=1)  # every run of a list asks about the same agent
def agent_sdk(agent_data: bytes | None) -> bytes | None:
    """The SDK that `agent_data` names, None if it names none."""
    members = read_object(agent_data)
    return sdk_of(members.get("sdk"), members.get("framework"))


def with_sdk(metadata: bytes | None, sdk: bytes | None) -> bytes | None:
    """The metadata object with the SDK added; a value that is not an object counts as none."""
    if sdk is None:
        return an_object(metadata)
    return write_object((read_object(metadata) | {"sdk": sdk}).items(), nulls=True)
