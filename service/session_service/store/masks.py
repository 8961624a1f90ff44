"""Escapes that Postgres can't decode, hidden from it while it looks into `json`.

A `json` keeps its text: NUL, half of a surrogate pair, or a character that the encoding of the database lacks. Any
operator that looks into such a value fails, and with it the statement. So such an escape is read behind a mask, as
three control characters and its four digits, and gets its own form back when the value has come.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# DLE ESC DLE, which nobody writes in a row
MASK = r"\u0010\u001b\u0010"
_PATTERN = MASK.replace("\\", "\\\\")
_MASKED = re.compile(re.escape(MASK.encode()) + rb"([0-9a-fA-F]{4})")
_HIGH, _LOW = "[dD][89abAB][0-9a-fA-F]{2}", "[dD][c-fC-F][0-9a-fA-F]{2}"
# beyond ASCII; what LATIN1 has is up to 00ff, and its code points are the same
_OTHERS = {"LATIN1": "0[1-9a-fA-F][0-9a-fA-F]{2}|[1-9a-fA-F][0-9a-fA-F]{3}"}
_BEYOND_ASCII = "00[89a-fA-F][0-9a-fA-F]|0[1-9a-fA-F][0-9a-fA-F]{2}|[1-9a-fA-F][0-9a-fA-F]{3}"


def masked(json: str, encoding: str) -> str:
    """SQL of a `json` of which every member can be looked into, in a database of this encoding."""
    # so that a backslash always begins an escape
    escapes = r"replace(o.text, '\\', '\u005c')"
    if encoding == "UTF8":
        beginnings = [r"\u0000", r"\ud", r"\uD"]
        mask = _hidden(_hidden(escapes, rf"\\u(0000|{_HIGH}(?!\\u{_LOW}))"), rf"(?<!\\u{_HIGH})\\u({_LOW})")
    else:
        beginnings = [r"\u"]
        mask = _hidden(escapes, rf"\\u(0000|{_OTHERS.get(encoding, _BEYOND_ASCII)})")
    # looking for words costs far less than looking for a pattern
    odd = " OR ".join(f"strpos(o.text, '{beginning}') > 0" for beginning in beginnings)
    return rf"""(SELECT CASE WHEN {odd} THEN replace({mask}, '\u005c', '\\')::json ELSE o.json END
        FROM (SELECT x.json, x.json::text AS text FROM (SELECT {json} AS json OFFSET 0) x OFFSET 0) o)"""


def _hidden(text: str, escape: str) -> str:
    return rf"regexp_replace({text}, '{escape}', '{_PATTERN}\1', 'g')"


def as_stored(text: str) -> str:
    """SQL of a text without its masks."""
    return rf"replace({text}, '{MASK}', '\u')"


def as_shown(text: str) -> str:
    """The same with U+FFFD for each half of a surrogate pair that lacks its other half."""
    pairs = rf"regexp_replace({text}, '{_PATTERN}({_HIGH}){_PATTERN}({_LOW})', '\\u\1\\u\2', 'g')"
    halves = rf"regexp_replace({pairs}, '{_PATTERN}[dD][89a-fA-F][0-9a-fA-F]{{2}}', '\\ufffd', 'g')"
    return f"CASE WHEN strpos({text}, '{MASK}') > 0 THEN {as_stored(halves)} ELSE {text} END"


def unmasked(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows with their JSON as it was stored."""
    mask = MASK.encode()
    return [
        tuple(_MASKED.sub(rb"\\u\1", value) if isinstance(value, bytes) and mask in value else value for value in row)
        for row in rows
    ]
