"""JSON of the API server, however deep: `managedFields` hold what anybody writes into them, a thousand levels too."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

_DEEPEST = 100
"""Levels. Objects and their `managedFields` have some 30."""
_ANYTHING = msgspec.json.Decoder()
T = TypeVar("T")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]')


def loads(text: bytes | msgspec.Raw) -> Any:
    """What the text says; of what is too deep for Python, without what is deeper than any object needs."""
    return decoded(_ANYTHING, text)


def decoded(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw) -> T:
    """What a decoder reads in the text, in the same way."""
    try:
        return decoder.decode(text)
    except RecursionError:
        return decoder.decode(_cut(bytes(text).decode()))


def _cut(text: str) -> str:
    """The text with an empty object in the place of all that is too deep."""
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
