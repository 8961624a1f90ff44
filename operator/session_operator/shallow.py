"""Parses JSON of the API server at any depth: anybody can write a thousand levels into `managedFields`."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

_DEEPEST = 100
"""Levels. Objects and their `managedFields` have about 30."""
_ANYTHING = msgspec.json.Decoder()
T = TypeVar("T")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]')


def loads(text: bytes | msgspec.Raw) -> Any:
    """Parse the text. If it is too deep for Python, drop what is deeper than any object needs."""
    return decoded(_ANYTHING, text)


def decoded(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw) -> T:
    """Parse the text in the same way with this decoder."""
    try:
        return decoder.decode(text)
    except RecursionError:
        return decoder.decode(_cut(bytes(text).decode()))


def _cut(text: str) -> str:
    """The text with an empty object in place of everything that is too deep."""
    kept, begun, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        mark = text[token.start()]
        if mark in "{[":
            depth += 1
            if depth == _DEEPEST:
                kept.append(text[begun : token.start()])
        elif mark in "}]":
            if depth == _DEEPEST:
                kept.append("{}")
                begun = token.end()
            depth -= 1
    if depth >= _DEEPEST:
        raise ValueError("JSON that is cut short")
    return "".join((*kept, text[begun:]))
