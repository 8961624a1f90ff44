"""JSON taken apart at its outermost brackets, however deep it is nested: msgspec goes as deep as Python's stack."""

from __future__ import annotations

import re

_TOKEN = re.compile(rb'[\[{]|[\]}]|[,:]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s\[\]{},:"]+', re.DOTALL)


def outermost(text: bytes) -> list[bytes]:
    """The items of a list, or the names and values of an object in turn, each as text. `text` must be JSON."""
    found: list[bytes] = []
    depth = begins = ends = 0
    for token in _TOKEN.finditer(text):
        first = token[0][:1]
        if first in b"]}":
            depth -= 1
        if depth == 1 and first in b",:":
            found.append(text[begins:ends])
            begins = 0
        elif depth >= 1:
            begins, ends = begins or token.start(), token.end()
        if first in b"[{":
            depth += 1
    return [*found, text[begins:ends]] if begins else found
